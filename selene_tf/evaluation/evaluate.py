"""Evaluation of a network on a data set: confusion matrix, gates and sizes."""

import dataclasses

import numpy as np
import tensorflow as tf

from selene_tf.errors import UserError
from selene_tf.evaluation import metrics


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Results of a network on a set of images.

    Attributes:
        confusion: int64 (classes, classes), labels in rows.
        gates: float32 (images, num_layers + 1, 4, 3), each image's gates; None for
            a model that has none, or does not tell them.
        sizes: int (images, 2), each image's height and width in pixels.
    """

    confusion: np.ndarray
    gates: np.ndarray | None
    sizes: np.ndarray

    @property
    def mean_iou(self):
        return metrics.mean_iou(self.confusion)


def predictor(network):
    """Compiles the prediction of labels and gates.

    Args:
        network: A network of `networks.build`.

    Returns:
        A function from RGB images (batch, height, width, 3) in 0..255 to a
        dict: "labels", int32 (batch, height, width), and "gates", if it has any.
    """
    signature = [tf.TensorSpec((None, None, None, 3), tf.float32)]
    return tf.function(
        lambda images: labels_and_gates(network, images), signature, autograph=False
    )


def labels_and_gates(network, images):
    """Predicts labels and gates, as `predictor` gives them, without compiling."""
    outputs = network(images, training=False)
    labels = tf.argmax(outputs["logits"], axis=-1, output_type=tf.int32)
    return {"labels": labels} | {k: v for k, v in outputs.items() if k == "gates"}


def evaluate(predict, dataset, num_classes):
    """Evaluates a network on a data set, every image once.

    Args:
        predict: As `predictor` returns it; "gates" may be missing.
        dataset: Batches of "image" and "label", as `batching.evaluation` makes
            them.
        num_classes: Number of classes.

    Returns:
        An `Evaluation`.

    Raises:
        UserError: if there is no labelled pixel in the whole set.
    """
    predictions = ((batch, predict(batch["image"])) for batch in dataset)
    result = count(predictions, num_classes)
    check_labelled(result)
    return result


def count(predictions, num_classes):
    """Sums up the predictions of all batches.

    Args:
        predictions: Pairs of a batch and what was predicted for it.
        num_classes: Number of classes.

    Returns:
        An `Evaluation`, which may have no labelled pixel.
    """
    confusion = np.zeros((num_classes, num_classes), np.int64)
    gates, sizes = [], [np.zeros((0, 2), np.int64)]
    for batch, outputs in predictions:
        labels = batch["label"].numpy()
        confusion += metrics.confusion_matrix(
            labels, outputs["labels"].numpy(), num_classes
        )
        if "gates" in outputs:
            gates.append(outputs["gates"].numpy())
        sizes.append(np.tile(labels.shape[1:], (len(labels), 1)))
    return Evaluation(
        confusion, np.concatenate(gates) if gates else None, np.concatenate(sizes)
    )


def check_labelled(result):
    """Refuses an `Evaluation` of images without any label.

    Raises:
        UserError: there is no labelled pixel.
    """
    if not result.confusion.sum():
        raise UserError(
            "found no labelled pixel in the images to evaluate; expected masks in "
            "which not every pixel has the ignore label."
        )
