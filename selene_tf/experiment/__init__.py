"""From a `Config` to data, network, algorithm and a finished run.

The only place that reads a `Config`: everything below takes plain arguments.
"""

from selene_tf.experiment.data import make_sources
from selene_tf.experiment.datasets import dataset_info
from selene_tf.experiment.run_options import RunOptions
from selene_tf.experiment.saved_run import (
    RestoredRun,
    evaluate,
    load_run,
    load_split,
    load_training_sources,
    recompute_statistics,
)
from selene_tf.experiment.setup import make_algorithm, make_network
from selene_tf.experiment.training_run import train

__all__ = [
    "RestoredRun",
    "RunOptions",
    "dataset_info",
    "evaluate",
    "make_algorithm",
    "make_network",
    "make_sources",
    "load_split",
    "load_training_sources",
    "recompute_statistics",
    "load_run",
    "train",
]
