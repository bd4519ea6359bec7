"""A whole training: run or resumed, evaluated, reported."""

import contextlib
import dataclasses
import math
import pathlib
import sys
import tempfile
import time

from selene_tf import losses
from selene_tf.cli import flagfile
from selene_tf.data.datasets import fingerprint
from selene_tf.data.pipeline.sources import named_failures
from selene_tf.errors import UserError
from selene_tf.evaluation import report
from selene_tf.evaluation import summary as results
from selene_tf.experiment import (
    architecture,
    class_weights,
    initial_state,
    memory_check,
    run_report,
)
from selene_tf.experiment.data import make_sources, make_training_dataset
from selene_tf.experiment.datasets import dataset_info
from selene_tf.experiment.devices import make_devices
from selene_tf.experiment.initial_weights import (
    check_earlier_run,
    load_initial_weights,
)
from selene_tf.experiment.saved_run import bootstrap_block
from selene_tf.experiment.scoring import Scorer, renew_statistics
from selene_tf.experiment.setup import make_algorithm, make_schedule
from selene_tf.training import (
    grappler,
    loop,
    run_folder,
    run_identity,
    run_lock,
    schedules,
)
from selene_tf.training.checkpoints import Checkpoints
from selene_tf.training.log import TrainingLog

# Of a summary.json, what a command reads again.
_SUMMARY = {
    "step": int,
    "mean_iou": float,
    "best_mean_iou": float,
    "macs": dict,
    "parameters": int,
    "seconds": float,
}


def train(config):
    """Runs or resumes a whole training and writes the run folder.

    Returns:
        The content of summary.json.

    Raises:
        UserError: one line for every mistake in flags, data and folders.
    """
    started = time.perf_counter()
    text = flagfile.to_flagfile(config)
    defaults = flagfile.to_flagfile(type(config)())
    run_identity.check(config.run_dir, text, defaults, flagfile.RENAMED)
    run_dir = pathlib.Path(config.run_dir)
    config = initial_state.with_own_architecture(config, run_dir)
    start = initial_state.resolve(config)
    if (run_dir / "summary.json").exists():
        return _of_finished(config, run_dir)
    devices = make_devices(config)
    memory_check.check(config, start, devices.num_workers)
    classes = dataset_info(config).to_json()
    run_identity.check_classes(run_dir, classes)
    checkpoints_dir = run_dir / "checkpoints"
    if config.init_run and not checkpoints_dir.exists():
        check_earlier_run(config, start.path)
    data = make_sources(config)
    with devices.strategy.scope(), _own_folder(config, devices) as config:
        weights = class_weights.resolve(config, data.labelled)
        algorithm = make_algorithm(config, start, weights)
        # Before the folder is made, so that a bad file leaves nothing behind.
        initial = (
            "" if checkpoints_dir.exists() else load_initial_weights(config, algorithm)
        )
        variables = algorithm.named_variables()
        needed = 4 * sum(math.prod(variable.shape) for variable in variables.values())
        # Others than the chief keep no checkpoints.
        needed *= (config.keep_checkpoints + 1) * devices.is_chief
        run_folder.prepare(config.run_dir, text, classes, needed)
        checkpoints = Checkpoints(
            checkpoints_dir, variables, config.keep_checkpoints, devices.is_chief
        )
        # Workers but the chief hold folders of their own.
        with (
            run_lock.locked(config.run_dir),
            run_folder.user_errors(run_dir),
            named_failures(data),
            memory_check.named_exhaustion(config),
            grappler.disabled_on_cpu(),
        ):
            initial_state.save(start, config)
            _keep_left_out(config, data)
            check_same_data(config, data)
            if devices.is_chief:
                lines = [*data.notes, *class_weights.notes(config, weights)]
                _say("\n".join([describe(config, data, devices), *lines]))
            progress = _resume(config, devices, algorithm, checkpoints, initial)
            scorer = Scorer(config, devices, algorithm, data)
            supervisor = _make_supervisor(
                config, devices, algorithm, data, checkpoints, progress, scorer, started
            )
            summary = _run(config, start, algorithm, devices, data, supervisor, scorer)
            devices.wait_for_all()
            return summary


def _of_finished(config, run_dir):
    """What a finished run is answered with: its summary."""
    _say(f"{run_dir} holds a finished run; evaluate.py looks at it.")
    # A kill may have come between the two.
    if config.write_report and not (run_dir / "report.html").exists():
        report.write([run_dir], run_dir / "report.html")
    return run_folder.read_json(run_dir / "summary.json", _SUMMARY)


@contextlib.contextmanager
def _own_folder(config, devices):
    """The chief's run folder is the run's; others report into the void.

    All of them read the checkpoints of the run's folder.
    """
    if devices.is_chief:
        yield config
        return
    with tempfile.TemporaryDirectory() as folder:
        yield dataclasses.replace(config, run_dir=folder)


def _keep_left_out(config, data):
    """What one start of the run left out, the next one has to report too."""
    path = pathlib.Path(config.run_dir) / "left_out.json"
    earlier = run_folder.read_json(path, {}) if path.exists() else {}
    if not all(isinstance(message, str) for message in earlier.values()):
        raise run_folder.foreign(path, "a message for each image")
    if earlier or data.bad_samples.limit:
        data.bad_samples.keep(
            earlier, lambda messages: run_folder.write_json(path, messages)
        )


def check_same_data(config, data):
    """Refuses to resume on files that changed since the start, unless that is allowed.

    Raises:
        UserError: says what changed.
    """
    path, now = pathlib.Path(config.run_dir) / "data.json", data.fingerprint()
    if path.exists():
        earlier = run_folder.read_json(path, {})
        if not fingerprint.is_one(earlier):
            raise run_folder.foreign(path, "sums of the data's files")
        changes = "; ".join(fingerprint.changes(earlier, now))
        if changes and not config.allow_changed_data:
            raise UserError(
                f"--data_dir: the data changed since {config.run_dir} was started "
                f"({changes}); expected the same files. Bring them back, or go on with "
                "--allow_changed_data."
            )
        if changes:
            _say(f"note: the data changed since the start ({changes})")
    if now:
        run_folder.write_json(path, now)


def describe(config, data, devices):
    """The line with which a run begins."""
    unlabelled = data.unlabelled.size if data.unlabelled else 0
    epoch = schedules.steps_per_epoch(data.labelled.size, unlabelled, config.batch_size)
    return (
        f"{config.dataset}: {data.labelled.size} labelled, {unlabelled} unlabelled, "
        f"{data.validation.size} validation images; {config.steps} steps are "
        f"{config.steps / epoch:.1f} passes over the larger set; "
        f"on {devices.describe()}{_about_weight(config)}"
    )


def _about_weight(config):
    """The weight of squared errors in both conventions, since papers differ."""
    if config.algorithm != "mean_teacher" or config.consistency != "squared_error":
        return ""
    reduction, weight = losses.equivalent_weight(
        config.consistency_weight,
        config.consistency_reduction,
        dataset_info(config).num_classes,
    )
    return (
        f"; consistency weight {config.consistency_weight:g} as "
        f"{config.consistency_reduction} of the classes, which is {weight:.4g} as "
        f"{reduction}"
    )


def _resume(config, devices, algorithm, checkpoints, initial):
    run_dir = pathlib.Path(config.run_dir)
    progress = loop.resume(checkpoints, config.steps)
    run_folder.drop_log_after(run_dir / "log.jsonl", progress.step)
    algorithm.optimizer.rate_factor.assign(progress.learning_rate_factor)
    devices.check_agreement(progress.step)
    if progress.step:
        if devices.is_chief:
            _say(f"resuming {run_dir} after step {progress.step}")
    elif config.init_checkpoint or config.init_run or config.encoder_weights:
        # A run that was stopped before its first checkpoint starts from them too.
        _say(initial or load_initial_weights(config, algorithm))
    return progress


def _run(config, start, algorithm, devices, data, supervisor, scorer):
    loop.fit(
        algorithm,
        lambda step: make_training_dataset(config, data, step, devices),
        supervisor,
    )
    supervisor.last_evaluations = supervisor.last_evaluations or supervisor.evaluate()
    summary = results.summary(
        supervisor.last_evaluations,
        algorithm.deployed,
        dataset_info(config).class_names,
        architecture.deployed(architecture.architecture_of(config, start.path)),
        bootstrap_block(config),
    )
    if not devices.is_chief:
        return summary | dataclasses.asdict(supervisor.progress)
    name = algorithm.deployed
    run_report.write_results(
        config,
        start,
        data,
        algorithm.networks[name],
        scorer.predictors[name],
        supervisor.last_evaluations[name],
    )
    supervisor.count_seconds()
    summary |= {**dataclasses.asdict(supervisor.progress), "seed": config.seed}
    summary["class_weights"] = class_weights.by_name(config, algorithm.class_weights)
    summary["left_out"] = list(data.bad_samples.messages.values())
    run_dir = pathlib.Path(config.run_dir)
    run_folder.write_json(run_dir / "summary.json", summary)
    # Last, since it shows all the other files.
    if config.write_report:
        report.write([run_dir], run_dir / "report.html")
    return summary


def _make_supervisor(
    config, devices, algorithm, data, checkpoints, progress, scorer, started
):
    batches = 1 if data.unlabelled is None else 2
    schedule = make_schedule(config)
    log = TrainingLog(
        pathlib.Path(config.run_dir),
        progress.step,
        config.steps,
        config.log_every,
        lambda step: schedule(step) * progress.learning_rate_factor,
        config.batch_size * batches,
        dataset_info(config).class_names,
        progress.log_window,
    )

    def evaluate():
        if progress.step == config.steps:
            renew_statistics(config, devices, algorithm, data)
        return scorer()

    return loop.Supervisor(
        started,
        progress,
        evaluate,
        algorithm.deployed,
        config.evaluate_every,
        checkpoints,
        config.checkpoint_every,
        log,
        algorithm.optimizer.rate_factor.assign,
        devices.agree,
    )


def _say(text):
    print(text, file=sys.stderr)  # noqa: T201
