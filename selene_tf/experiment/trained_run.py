"""A finished or unfinished run, to be looked at."""

import dataclasses
import pathlib

import keras

from selene_tf import flagfile, run_folder
from selene_tf.checkpoints import Checkpoints
from selene_tf.data import catalog, pipelines
from selene_tf.errors import UserError
from selene_tf.experiment.data_sets import dataset_info
from selene_tf.experiment.pictures import make_split_source
from selene_tf.experiment.setup import (
    deployed_name,
    make_network,
    network_names,
    structure,
)
from selene_tf.topology import Structure


@dataclasses.dataclass(frozen=True)
class Trained:
    """A run's network and what it is looked at with.

    Attributes:
        network: The Keras model, with its trained weights.
        step: The step of the checkpoint that they come from.
        structure: What its size and costs follow from.
        info: The data set's `DatasetInfo`.
        source: Pictures of the split that was asked for.
        batch_size: How many of them at a time.
    """

    network: keras.Model
    step: int
    structure: Structure
    info: catalog.DatasetInfo
    source: pipelines.Source
    batch_size: int


def restore(run_dir, which="deployed", split="val", data_dir="", conditional=False):
    """The trained network of a run, and pictures to look at it with.

    Args:
        run_dir: The run's folder.
        which: "deployed", or the name of one of the algorithm's networks.
        split: "val", or "train" for the labelled training pictures.
        data_dir: Where the pictures lie, if not where the run found them.
        conditional: Whether the network leaves out what a picture closed; it is
            then for one picture at a time.

    Returns:
        A `Trained`.

    Raises:
        UserError: if it is no run, has no checkpoint or no such network, or if
            its pictures are gone.
    """
    folder = pathlib.Path(run_dir)
    if not run_dir or not (folder / "config.cfg").is_file():
        raise UserError(
            f"--run_dir: found no config.cfg in '{run_dir}', expected the folder of a "
            "run, as train.py makes it."
        )
    config = flagfile.from_flagfile(folder / "config.cfg")
    if data_dir:
        config = dataclasses.replace(config, data_dir=data_dir)
    name = deployed_name(config) if which == "deployed" else which
    if name not in network_names(config):
        raise UserError(
            f"--network: found {name}, but {run_dir} trained with "
            f"--algorithm={config.algorithm}; expected deployed or "
            f"{' or '.join(network_names(config))}."
        )
    run_folder.check_classes(folder, dataset_info(config).to_json())
    # In float32 whatever it was trained in: the weights are.
    config = dataclasses.replace(config, mixed_precision="none")
    network = make_network(config, name, conditional)
    variables = {f"{name}/{variable.path}": variable for variable in network.variables}
    restored = Checkpoints(folder / "checkpoints", variables).restore(partly=True)
    if restored is None:
        raise UserError(
            f"--run_dir: found no checkpoint in '{run_dir}'; let train.py reach its "
            "first one."
        )
    return Trained(
        network,
        restored[0],
        structure(config),
        dataset_info(config),
        make_split_source(config, split),
        1 if conditional else config.evaluation_batch_size,
    )
