"""Runs a network over pictures: confusion matrix, gates and sizes."""

import dataclasses

import numpy as np
import tensorflow as tf

from selene_tf import metrics
from selene_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What a network did on a set of pictures.

    Attributes:
        confusion: int64 (classes, classes), labels in rows.
        gates: float32 (pictures, num_layers + 1, 4, 3), each picture's gates.
        sizes: int (pictures, 2), each picture's height and width in pixels.
    """

    confusion: np.ndarray
    gates: np.ndarray
    sizes: np.ndarray

    @property
    def mean_iou(self):
        return metrics.mean_iou(self.confusion)


def predictor(network):
    """A compiled function from pictures to labels and gates.

    Args:
        network: A routing network.

    Returns:
        A function from RGB pictures (batch, height, width, 3) in 0..255 to a
        dict: "labels", int32 (batch, height, width), and "gates".
    """

    @tf.function(input_signature=[tf.TensorSpec((None, None, None, 3), tf.float32)])
    def predict(images):
        outputs = network(images, training=False)
        labels = tf.argmax(outputs["logits"], axis=-1, output_type=tf.int32)
        return {"labels": labels, "gates": outputs["gates"]}

    return predict


def evaluate(predict, dataset, num_classes):
    """Counts what a network gets right, every picture once.

    Args:
        predict: As `predictor` returns it.
        dataset: Batches of "image" and "label", as `pipelines.evaluation` makes
            them.
        num_classes: Number of classes.

    Returns:
        An `Evaluation`.

    Raises:
        UserError: if there is no labelled pixel in the whole set.
    """
    confusion = np.zeros((num_classes, num_classes), np.int64)
    gates, sizes = [], []
    for batch in dataset:
        outputs = predict(batch["image"])
        labels = batch["label"].numpy()
        confusion += metrics.confusion_matrix(
            labels, outputs["labels"].numpy(), num_classes
        )
        gates.append(outputs["gates"].numpy())
        sizes.append(np.tile(labels.shape[1:], (len(labels), 1)))
    if not confusion.sum():
        raise UserError(
            "found no labelled pixel in the pictures to evaluate; expected masks in "
            "which not every pixel has the ignore label."
        )
    return Evaluation(confusion, np.concatenate(gates), np.concatenate(sizes))
