"""Run folders without a training, and paths for them."""

import dataclasses
import pathlib

import numpy as np

from selene_tf.architectures import routing_path, topology
from selene_tf.cli import flagfile
from selene_tf.config import Config
from selene_tf.experiment import dataset_info, initial_state, make_algorithm
from selene_tf.experiment.architecture import architecture_of
from selene_tf.search import discover
from selene_tf.training import run_folder
from selene_tf.training.checkpoints import Checkpoints
from selene_tf.training.loop import Progress
from tests.checks import randomize

TINY = {
    "algorithm": "supervised",
    "image_size": (32, 64),
    "num_training_scenes": 4,
    "num_validation_scenes": 2,
    "labelled_ratio": 2,
    "crop_size": (32, 64),
    "channels": 4,
    "num_layers": 3,
    "batch_size": 2,
    "steps": 4,
    "warm_up_steps": 1,
    "write_report": False,
}


def save_run(run_dir, **changes):
    """A run folder with a checkpoint of random weights; returns its `Config` too.

    Returns:
        (config, algorithm).
    """
    config = Config(**TINY | changes, run_dir=str(run_dir))
    start = initial_state.resolve(config)
    algorithm = make_algorithm(config, start)
    for number, network in enumerate(algorithm.networks.values()):
        randomize(network, seed=number)
    text, classes = flagfile.to_flagfile(config), dataset_info(config).to_json()
    run_folder.prepare(config.run_dir, text, classes, 0)
    initial_state.save(start, config)
    checkpoints = Checkpoints(
        pathlib.Path(run_dir) / "checkpoints", algorithm.named_variables()
    )
    checkpoints.save(config.steps, dataclasses.asdict(Progress(step=config.steps)))
    return config, algorithm


def save_path(file, config=None, without=()):
    """A path.json of all routes but for some, and for what then leads nowhere.

    Args:
        file: Where to write it.
        config: `Config` of the network; by default of `TINY`.
        without: (layer, level, route) that the path lacks, all routes of a cell for
            (layer, level, None); such a cell passes its input on.

    Returns:
        The `RoutingPath`.
    """
    architecture = architecture_of(config or Config(**TINY))
    kept = topology.all_routes(architecture.num_layers)
    bypassed = np.zeros(kept.shape[:2], bool)
    for layer, level, route in without:
        if route is None:
            kept[layer, level], bypassed[layer, level] = False, True
        else:
            kept[layer, level, topology.ROUTES.index(route)] = False
    kept, bypassed = topology.connected(kept, bypassed)
    gates = 0.5 * kept[None].astype(float)
    path = discover.as_path(gates, kept, bypassed, architecture, (32, 64), "by hand")
    run_folder.write_json(file, routing_path.to_json(path))
    return path
