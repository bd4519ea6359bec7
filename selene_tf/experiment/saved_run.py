"""A finished or unfinished run, to be looked at."""

import dataclasses
import pathlib
from collections.abc import Callable

import keras
import tensorflow as tf

from selene_tf.architectures import RoutingPath, routing
from selene_tf.config.protocol import WHOLE, Protocol, parse_protocol
from selene_tf.data.datasets.dataset_info import DatasetInfo
from selene_tf.data.pipeline import batching
from selene_tf.data.pipeline.sources import Source, named_failures
from selene_tf.errors import UserError
from selene_tf.evaluation import evaluate as evaluation
from selene_tf.experiment import architecture, initial_state
from selene_tf.experiment.data import (
    make_sources,
    make_split_source,
    make_statistics_batches,
)
from selene_tf.experiment.datasets import dataset_info
from selene_tf.experiment.devices import Devices
from selene_tf.experiment.setup import deployed_name, make_network, network_names
from selene_tf.training import precise_batch_norm, run_identity
from selene_tf.training.checkpoints import Checkpoints


@dataclasses.dataclass(frozen=True)
class RestoredRun:
    """A run's network and what it is looked at with.

    Attributes:
        network: The Keras model, with its trained weights.
        step: The step of the checkpoint that they come from.
        architecture: What it was built from, the path included if there is one.
        info: The data set's `DatasetInfo`.
        source: Images of the split that was asked for, or None.
        image_size: Height and width to which the run resizes its images, or None.
        batch_size: How many of them at a time.
        protocol: The `Protocol` by which the run shows them to its network.
        block: Neighbouring images that are drawn together, see `bootstrap.interval`.
        recompute: See `recompute_statistics`.
    """

    network: keras.Model
    step: int
    architecture: object
    info: DatasetInfo
    source: Source
    batch_size: int
    image_size: tuple[int, int] | None
    recompute: Callable
    protocol: Protocol = WHOLE
    block: int = 1

    @property
    def path(self) -> RoutingPath | None:
        """What the network is built along; None for all of it."""
        return routing.path_of(self.architecture)


def load_run(
    run_dir,
    which="deployed",
    split="val",
    data_dir="",
    conditional=False,
    path_file="",
):
    """The trained network of a run, and images to look at it with.

    Args:
        run_dir: The run's folder.
        which: "deployed", or the name of one of the algorithm's networks.
        split: "val", or "train" for the labelled training images; None for no
            images.
        data_dir: Where the images lie, if not where the run found them.
        conditional: Whether the network leaves out what an image closed; it is
            then for one image at a time.
        path_file: A path.json; of the network only what it keeps is then there. A
            run that was trained along a path has no more than that in any case.

    Returns:
        A `RestoredRun`.

    Raises:
        UserError: if it is no run, has no checkpoint or no such network, if the path
            is another network's, or if its images are gone.
    """
    folder = pathlib.Path(run_dir)
    config = initial_state.settings_of(run_dir, "run_dir")
    if data_dir:
        config = dataclasses.replace(config, data_dir=data_dir)
    name = deployed_name(config) if which == "deployed" else which
    if name not in network_names(config):
        raise UserError(
            f"--network: found {name}, but {run_dir} trained with "
            f"--algorithm={config.algorithm}; expected deployed or "
            f"{' or '.join(network_names(config))}."
        )
    run_identity.check_classes(folder, dataset_info(config).to_json())
    # In float32 whatever it was trained in: the weights are.
    config = dataclasses.replace(config, mixed_precision="none")
    initial = initial_state.load(config, run_dir, path_file)
    network = make_network(config, name, conditional, initial, deployed=True)
    variables = {f"{name}/{variable.path}": variable for variable in network.variables}
    restored = Checkpoints(folder / "checkpoints", variables).restore(partly=True)
    if restored is None:
        raise UserError(
            f"--run_dir: found no checkpoint in '{run_dir}'; let train.py reach its "
            "first one."
        )
    return RestoredRun(
        network,
        restored[0],
        architecture.deployed(architecture.architecture_of(config, initial.path)),
        dataset_info(config),
        make_split_source(config, split) if split else None,
        1 if conditional else config.evaluation_batch_size,
        _resized_to(config),
        lambda count: _recompute(network, config, count),
        parse_protocol(config.protocol),
        bootstrap_block(config),
    )


def architecture_of_run(run_dir):
    """What a run's networks are built from, the parts that only learn included.

    Raises:
        UserError: it is no run's folder.
    """
    config = initial_state.settings_of(run_dir, "run_dir")
    initial = initial_state.load(config, run_dir)
    return architecture.architecture_of(config, initial.path)


def load_split(run_dir, split, data_dir=""):
    """The images of a run's split, as a `sources.Source`, without a network.

    The arguments are those of `load_run`.

    Raises:
        UserError: if it is no run or its images are gone.
    """
    config = initial_state.settings_of(run_dir, "run_dir")
    if data_dir:
        config = dataclasses.replace(config, data_dir=data_dir)
    return make_split_source(config, split)


def load_training_sources(run_dir, data_dir=""):
    """The images that a run is trained on, without a network.

    The arguments are those of `load_run`.

    Returns:
        (labelled, unlabelled), `Source`s; None for unlabelled images that the run
        does not use.

    Raises:
        UserError: if it is no run or its images are gone.
    """
    config = initial_state.settings_of(run_dir, "run_dir")
    if data_dir:
        config = dataclasses.replace(config, data_dir=data_dir)
    data = make_sources(config)
    return data.labelled, data.unlabelled


def _resized_to(config):
    """Scenes are drawn at --image_size, and other images are as they are to them."""
    if config.dataset == "scenes" or not config.image_size:
        return None
    return config.image_size


def bootstrap_block(config):
    """Neighbouring validation images that are drawn together, of a `Config`."""
    return config.bootstrap_block or dataset_info(config).block


def evaluate(trained, predict, protocol=WHOLE, boundary_tolerance=0):
    """Counts what is got right in all of a run's images.

    Args:
        trained: A `RestoredRun` with images.
        predict: As `evaluate.predictor` returns it.
        protocol: That of `predict`.
        boundary_tolerance: Of boundary F-scores, in pixels; 0 for none of them.

    Returns:
        An `Evaluation`.

    Raises:
        UserError: if an image cannot be read, or none has a label.
    """
    dataset = batching.evaluation(trained.source, trained.batch_size)
    with named_failures(trained.source):
        return evaluation.evaluate(
            predict, dataset, trained.info.num_classes, protocol, boundary_tolerance
        )


def recompute_statistics(trained, count):
    """Replaces the network's moving statistics by means over some training batches.

    They are what --precise_bn_batches would have taken after the last step: batches
    of labelled and, if the run uses them, of unlabelled images, augmented. A pruned
    network's statistics are no longer the supernet's.

    Args:
        trained: A `RestoredRun`; the weights of its network are changed in place.
        count: Number of steps whose batches are taken, 1 or more.

    Raises:
        UserError: if the training images are gone.
    """
    trained.recompute(count)


def _recompute(network, config, count):
    data = make_sources(config)
    config = dataclasses.replace(config, precise_bn_batches=count)
    devices = Devices(tf.distribute.get_strategy())
    with named_failures(data):
        batches = make_statistics_batches(config, data, devices)
        precise_batch_norm.recompute(network, batches)
