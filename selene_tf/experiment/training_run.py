"""A whole training: run or resumed, evaluated, reported."""

import contextlib
import dataclasses
import math
import pathlib
import sys
import time

import tensorflow as tf

from selene_tf import (
    curve_drawing,
    evaluation,
    flagfile,
    graph_rewriting,
    precise_batch_norm,
    report,
    run_folder,
    schedules,
    training,
)
from selene_tf.checkpoints import Checkpoints
from selene_tf.data import pipelines
from selene_tf.experiment.pictures import (
    dataset_info,
    make_sources,
    make_statistics_batches,
    make_training_dataset,
)
from selene_tf.experiment.setup import (
    load_initial_weights,
    make_algorithm,
    make_schedule,
    structure,
)
from selene_tf.training_log import TrainingLog


def train(config):
    """Runs or resumes a whole training and writes the run folder.

    Returns:
        The content of summary.json.

    Raises:
        UserError: one line for every mistake in flags, data and folders.
    """
    started = time.perf_counter()
    text = flagfile.to_flagfile(config)
    run_folder.check(config.run_dir, text)
    run_dir = pathlib.Path(config.run_dir)
    if (run_dir / "summary.json").exists():
        _say(f"{run_dir} holds a finished run; evaluate.py looks at it.")
        return run_folder.read_json(run_dir / "summary.json")
    data = make_sources(config)
    algorithm = make_algorithm(config)
    checkpoints_dir = run_dir / "checkpoints"
    # Before the folder is made, so that a bad file leaves nothing behind.
    initial = (
        "" if checkpoints_dir.exists() else load_initial_weights(config, algorithm)
    )
    variables = algorithm.named_variables()
    needed = 4 * sum(math.prod(variable.shape) for variable in variables.values())
    run_folder.prepare(run_dir, text, needed * (config.keep_checkpoints + 1))
    _say(_describe(config, data))
    checkpoints = Checkpoints(checkpoints_dir, variables, config.keep_checkpoints)
    with (
        run_folder.writable(run_dir),
        _readable_failures(data),
        graph_rewriting.off_on_cpu(),
    ):
        return _run(config, algorithm, data, checkpoints, started, initial)


def _describe(config, data):
    unlabelled = data.unlabelled.size if data.unlabelled else 0
    epoch = schedules.steps_per_epoch(data.labelled.size, unlabelled, config.batch_size)
    return (
        f"{config.dataset}: {data.labelled.size} labelled, {unlabelled} unlabelled, "
        f"{data.validation.size} validation pictures; {config.steps} steps are "
        f"{config.steps / epoch:.1f} passes over the larger set; "
        f"on {_devices()}"
    )


def _devices():
    found = tf.config.list_physical_devices("GPU")
    return f"{len(found)} GPU" if found else "the CPU"


def _run(config, algorithm, data, checkpoints, started, initial):
    run_dir = pathlib.Path(config.run_dir)
    progress = training.resume(checkpoints, run_dir / "log.jsonl")
    if progress.step:
        _say(f"resuming {run_dir} after step {progress.step}")
    elif config.init_checkpoint:
        # A run that was stopped before its first checkpoint starts from them too.
        _say(initial or load_initial_weights(config, algorithm))
    predictors = {
        name: evaluation.predictor(network)
        for name, network in algorithm.networks.items()
    }
    validation = pipelines.evaluation(data.validation, config.evaluation_batch_size)

    def evaluate():
        if config.precise_bn_batches and progress.step == config.steps:
            for network in algorithm.networks.values():
                precise_batch_norm.recompute(
                    network, make_statistics_batches(config, data)
                )
        return {
            name: evaluation.evaluate(
                predict, validation, dataset_info(config).num_classes
            )
            for name, predict in predictors.items()
        }

    supervisor = _make_supervisor(
        config, algorithm, data, checkpoints, progress, evaluate, started
    )
    dataset = make_training_dataset(config, data, progress.step)
    training.fit(algorithm, dataset, supervisor)
    result = supervisor.last_evaluation or evaluate()[algorithm.deployed]
    predict = predictors[algorithm.deployed]
    summary = _report(config, data, result, predict)
    supervisor.count_seconds()
    summary |= {**dataclasses.asdict(progress), "seed": config.seed}
    run_folder.write_json(run_dir / "summary.json", summary)
    return summary


def _make_supervisor(config, algorithm, data, checkpoints, progress, evaluate, started):
    batches = 1 if data.unlabelled is None else 2
    log = TrainingLog(
        pathlib.Path(config.run_dir),
        progress.step,
        config.steps,
        config.log_every,
        make_schedule(config),
        config.batch_size * batches,
    )
    return training.Supervisor(
        started,
        progress,
        evaluate,
        algorithm.deployed,
        config.evaluate_every,
        checkpoints,
        config.checkpoint_every,
        log,
    )


def _report(config, data, result, predict):
    info, run_dir = dataset_info(config), pathlib.Path(config.run_dir)
    report.write_path(run_dir, result, structure(config), config.path_threshold)
    report.write_predictions(
        run_dir, predict, data.validation, info.colours, config.num_predictions
    )
    curve_drawing.draw(
        run_folder.read_json_lines(run_dir / "log.jsonl"), run_dir / "curve.png"
    )
    return report.summary(result, info.class_names, structure(config))


@contextlib.contextmanager
def _readable_failures(data):
    """TensorFlow wraps a reader's error in its own; this brings it back."""
    try:
        yield
    except tf.errors.OpError:
        if data.failure() is not None:
            raise data.failure() from None
        raise


def _say(text):
    print(text, file=sys.stderr)  # noqa: T201
