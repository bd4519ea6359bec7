"""Whatever kind of model a name means, as a `SegmentationModel`."""

import pathlib

import numpy as np
import tensorflow as tf

from selene_tf import experiment
from selene_tf.errors import UserError
from selene_tf.export import onnx, saved_model, tflite
from selene_tf.inference.model import SegmentationModel


def load(name, num_threads=None):
    """Loads a run's folder, a SavedModel's, a .tflite or an .onnx file.

    Args:
        name: Name of the file or folder.
        num_threads: Threads that a .tflite file runs on; None for LiteRT's choice.

    Returns:
        A `SegmentationModel`.

    Raises:
        UserError: if there is nothing of that name, or none of these.
    """
    path = pathlib.Path(name)
    if not name or not path.exists():
        raise UserError(
            f"--model: found nothing at '{name}', expected a run's folder, a "
            "SavedModel, or a .tflite or .onnx file."
        )
    if path.suffix == ".tflite":
        return tflite.load(name, num_threads)
    if path.suffix == ".onnx":
        return onnx.load(name)
    if not path.is_dir():
        raise UserError(
            f"--model: '{name}' is a file of another kind, expected a run's folder, a "
            "SavedModel, or a .tflite or .onnx file."
        )
    if is_run(name):
        return _of_run(name)
    return saved_model.load(name)


def is_run(name):
    """Whether this is a run's folder, as train.py makes it."""
    return (pathlib.Path(name) / "config.cfg").is_file()


def _of_run(name):
    trained = experiment.load_run(name, split=None)
    signature = [tf.TensorSpec((None, None, None, 3), tf.uint8)]

    @tf.function(input_signature=signature)
    def logits(images):
        return trained.network(images, training=False)["logits"]

    @tf.function(input_signature=signature)
    def labels(images):
        return tf.argmax(logits(images), axis=-1, output_type=tf.int32)

    return SegmentationModel(
        name=str(name),
        kind="run",
        class_names=tuple(trained.info.class_names),
        colours=tuple(trained.info.colours),
        size=None,
        compute_labels=lambda images: np.asarray(labels(images)),
        compute_logits=lambda images: np.asarray(logits(images)),
        metadata={"image_size": trained.image_size},
    )
