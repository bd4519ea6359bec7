"""Predicting with a run's own network."""

import dataclasses
import pathlib

import numpy as np
import tensorflow as tf

from selene_tf import experiment
from selene_tf.inference.model import SegmentationModel


def is_run(name):
    """Whether this is a run's folder, as train.py makes it."""
    return (pathlib.Path(name) / "config.cfg").is_file()


def load(folder):
    """Loads the deployed network of a run; its images are not needed.

    Args:
        folder: The run's folder.

    Returns:
        A `RunModel`.

    Raises:
        UserError: if it is no run, or has no checkpoint.
    """
    return RunModel(folder, experiment.load_run(folder, split=None))


class RunModel(SegmentationModel):
    """A run's network, traced once for images of any size.

    Args:
        name: str, the run's folder.
        restored: The `experiment.RestoredRun`.
    """

    def __init__(self, name, restored):
        super().__init__(
            name,
            "run",
            restored.info.class_names,
            restored.info.colours,
            metadata={
                "image_size": restored.image_size,
                "mask_values": restored.info.mask_values(),
                "mask_palette": restored.info.mask_palette(),
                "structure": {
                    field.name: getattr(restored.architecture, field.name)
                    for field in dataclasses.fields(restored.architecture)
                },
            },
        )
        self._labels, self._logits = _traced(restored.network)

    def compute_labels(self, images):
        return np.asarray(self._labels(images))

    def compute_logits(self, images):
        return np.asarray(self._logits(images))


def _traced(network):
    signature = [tf.TensorSpec((None, None, None, 3), tf.uint8)]

    @tf.function(input_signature=signature, autograph=False)
    def logits(images):
        return network(images, training=False)["logits"]

    @tf.function(input_signature=signature, autograph=False)
    def labels(images):
        return tf.argmax(logits(images), axis=-1, output_type=tf.int32)

    return labels, logits
