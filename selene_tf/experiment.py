"""From a `Config` to data, network, algorithm and a finished run.

The only file that reads a `Config`: everything below takes plain arguments.
"""

import contextlib
import math
import pathlib
import sys

import keras
import tensorflow as tf

from selene_tf import (
    curve_drawing,
    evaluation,
    flagfile,
    report,
    run_folder,
    schedules,
    training,
)
from selene_tf.algorithms.mean_teacher import MeanTeacher
from selene_tf.algorithms.supervised import Supervised
from selene_tf.checkpoints import Checkpoints
from selene_tf.data import catalog, partition, pipelines, sources
from selene_tf.data.sources import Sources
from selene_tf.errors import UserError
from selene_tf.networks import dynamic_routing
from selene_tf.optimizer import TorchSGD
from selene_tf.training_log import TrainingLog


def dataset_info(config):
    """Names, colours and ignore label of the run's data set."""
    if config.dataset == "folder":
        return catalog.folder(config.class_names, config.ignore_label)
    return {
        "scenes": catalog.SCENES,
        "camvid": catalog.CAMVID,
        "cityscapes": catalog.CITYSCAPES,
        "pascal_voc": catalog.PASCAL_VOC,
    }[config.dataset]


def make_sources(config):
    """Reads and checks the pictures of a run, as a `sources.Sources`.

    Raises:
        UserError: for whatever is wrong with them, naming the file.
    """
    uses_unlabelled = config.algorithm != "supervised"
    if config.dataset == "scenes":
        found = _scenes(config, uses_unlabelled)
    else:
        split = make_split(config)
        unlabelled = split.unlabelled if uses_unlabelled else ()
        parts = (split.labelled, unlabelled, split.validation)
        found = Sources(*[_examples(config, examples) for examples in parts])
    if uses_unlabelled and found.unlabelled is None:
        raise UserError(
            f"--labelled_ratio: found {config.labelled_ratio}, which leaves no picture "
            "unlabelled; expected more, an unlabelled list or folder, or "
            "--algorithm=supervised."
        )
    return found


def make_split_source(config, split):
    """The pictures of "train" (the labelled ones) or "val", for evaluation."""
    if config.dataset == "scenes":
        found = _scenes(config, uses_unlabelled=False)
        return found.validation if split == "val" else found.labelled
    examples = make_split(config)
    return _examples(
        config, examples.validation if split == "val" else examples.labelled
    )


def make_split(config):
    """Which files are labelled, unlabelled and for validation."""
    if config.dataset in ("cityscapes", "pascal_voc"):
        raise UserError(
            f"--dataset: {config.dataset} cannot be read yet; expected scenes, camvid, "
            "or folder with list files of pictures and index masks."
        )
    if not config.data_dir:
        raise UserError(
            "--data_dir: found nothing, expected the folder of the pictures for "
            f"--dataset={config.dataset}."
        )
    lists = (config.labelled_list, config.unlabelled_list, config.validation_list)
    is_listed = config.dataset == "camvid" or any(lists)
    layout = "lists" if is_listed else partition.find_layout(config.data_dir)
    return partition.make_split(config.data_dir, layout, config.labelled_ratio, *lists)


def _scenes(config, uses_unlabelled):
    return sources.from_scenes(
        config.num_training_scenes,
        config.num_validation_scenes,
        config.labelled_ratio,
        config.image_size,
        uses_unlabelled,
    )


def _examples(config, examples):
    info = dataset_info(config)
    return sources.from_examples(
        examples,
        info.num_classes,
        info.ignore_label,
        config.image_size or None,
        config.memory_gib,
        same_size=config.evaluation_batch_size > 1,
    )


def make_network(config, name):
    """An untrained supernet."""
    return dynamic_routing.build(
        num_classes=dataset_info(config).num_classes,
        channels=config.channels,
        num_layers=config.num_layers,
        name=name,
    )


def make_algorithm(config):
    """The algorithm with its networks, compiled and built."""
    keras.utils.set_random_seed(config.seed)
    student = make_network(config, "student")
    match config.algorithm:
        case "supervised":
            algorithm = Supervised(student, config.max_gradient_norm)
        case "mean_teacher":
            algorithm = MeanTeacher(
                student,
                make_network(config, "teacher"),
                schedules.ramp_up(
                    config.consistency_weight, config.consistency_ramp_steps
                ),
                config.max_gradient_norm,
                config.ema_momentum,
                deployed_name(config),
            )
    algorithm.compile(optimizer=make_optimizer(config), jit_compile=config.jit_compile)
    algorithm.optimizer.build(algorithm.trainable_variables)
    return algorithm


def make_schedule(config):
    """The learning rate by step."""
    return schedules.PolyWithWarmUp(
        config.learning_rate,
        config.steps,
        config.poly_power,
        config.warm_up_steps,
        config.warm_up_factor,
    )


def make_optimizer(config):
    """SGD on the schedule."""
    return TorchSGD(make_schedule(config), config.momentum, config.weight_decay)


def make_training_dataset(config, data, first_step):
    """Endless batches, from the one that step `first_step` takes."""
    augmentation = pipelines.Augmentation(
        config.crop_size, config.scales, config.flip, dynamic_routing.MEAN_COLOUR
    )
    return pipelines.training(
        data.labelled,
        data.unlabelled,
        config.batch_size,
        config.seed,
        first_step,
        augmentation,
    )


def _describe(config, data):
    unlabelled = data.unlabelled.size if data.unlabelled else 0
    epoch = schedules.steps_per_epoch(data.labelled.size, unlabelled, config.batch_size)
    return (
        f"{config.dataset}: {data.labelled.size} labelled, {unlabelled} unlabelled, "
        f"{data.validation.size} validation pictures; {config.steps} steps are "
        f"{config.steps / epoch:.1f} passes over the larger set"
    )


def deployed_name(config):
    """The network that is reported and exported."""
    if config.deploy != "auto":
        return config.deploy
    return "teacher" if config.algorithm == "mean_teacher" else "student"


def train(config):
    """Runs or resumes a whole training and writes the run folder.

    Returns:
        The content of summary.json.

    Raises:
        UserError: one line for every mistake in flags, data and folders.
    """
    text = flagfile.to_flagfile(config)
    run_folder.check(config.run_dir, text)
    run_dir = pathlib.Path(config.run_dir)
    if (run_dir / "summary.json").exists():
        _say(f"{run_dir} holds a finished run; evaluate.py looks at it.")
        return run_folder.read_json(run_dir / "summary.json")
    data = make_sources(config)
    _say(_describe(config, data))
    algorithm = make_algorithm(config)
    variables = algorithm.named_variables()
    needed = 4 * sum(math.prod(variable.shape) for variable in variables.values())
    run_folder.prepare(run_dir, text, needed * (config.keep_checkpoints + 1))
    with run_folder.writable(run_dir), _readable_failures(data):
        checkpoints = Checkpoints(
            run_dir / "checkpoints", variables, config.keep_checkpoints
        )
        return _run(config, algorithm, data, checkpoints, run_dir)


def restore(run_dir, which="deployed"):
    """The trained network of a run.

    Args:
        run_dir: The run's folder.
        which: "deployed", "student" or "teacher".

    Returns:
        (config, network, step)

    Raises:
        UserError: if it is no run, has no checkpoint, or no such network.
    """
    folder = pathlib.Path(run_dir)
    if not (folder / "config.cfg").is_file():
        raise UserError(
            f"--run_dir: found no config.cfg in '{run_dir}', expected the folder of a "
            "run, as train.py makes it."
        )
    config = flagfile.from_flagfile(folder / "config.cfg")
    name = deployed_name(config) if which == "deployed" else which
    if name == "teacher" and config.algorithm == "supervised":
        raise UserError(f"--network: found teacher, but {run_dir} trained without one.")
    network = make_network(config, name)
    variables = {f"{name}/{variable.path}": variable for variable in network.weights}
    restored = Checkpoints(folder / "checkpoints", variables).restore(partly=True)
    if restored is None:
        raise UserError(
            f"--run_dir: found no checkpoint in '{run_dir}'; let train.py reach its "
            "first one."
        )
    return config, network, restored[0]


def _run(config, algorithm, data, checkpoints, run_dir):
    progress = training.resume(checkpoints, run_dir / "log.jsonl")
    if progress.step:
        _say(f"resuming {run_dir} after step {progress.step}")
    num_classes = dataset_info(config).num_classes
    predictors = {
        name: evaluation.predictor(network)
        for name, network in algorithm.networks.items()
    }
    validation = pipelines.evaluation(data.validation, config.evaluation_batch_size)

    def evaluate():
        return {
            name: evaluation.evaluate(predict, validation, num_classes)
            for name, predict in predictors.items()
        }

    result = None
    if progress.step < config.steps:
        result = _fit(config, algorithm, data, checkpoints, progress, evaluate)
    if result is None:
        result = evaluate()[algorithm.deployed]
    return _report(config, data, result, progress, predictors[algorithm.deployed])


def _fit(config, algorithm, data, checkpoints, progress, evaluate):
    """Trains to the end; returns the last evaluation of the deployed network."""
    batches = 1 if data.unlabelled is None else 2
    log = TrainingLog(
        pathlib.Path(config.run_dir),
        progress.step,
        config.steps,
        config.log_every,
        make_schedule(config),
        config.batch_size * batches,
    )
    supervisor = training.Supervisor(
        progress,
        config.steps,
        evaluate,
        algorithm.deployed,
        config.evaluate_every,
        checkpoints,
        config.checkpoint_every,
        log,
    )
    dataset = make_training_dataset(config, data, progress.step)
    training.fit(algorithm, dataset, config.steps - progress.step, [log, supervisor])
    return supervisor.last_evaluation


def _report(config, data, result, progress, predict):
    info, run_dir = dataset_info(config), pathlib.Path(config.run_dir)
    report.write_path(
        run_dir, result, info.num_classes, config.channels, config.path_threshold
    )
    report.write_predictions(
        run_dir, predict, data.validation, info.colours, config.num_predictions
    )
    curve_drawing.draw(
        run_folder.read_json_lines(run_dir / "log.jsonl"), run_dir / "curve.png"
    )
    summary = {
        "step": progress.step,
        **report.summary(result, info.class_names, config.channels),
        "best_mean_iou": progress.best_mean_iou,
        "seconds": round(progress.seconds, 1),
        "seed": config.seed,
    }
    run_folder.write_json(run_dir / "summary.json", summary)
    return summary


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
