"""Evaluation of a network on a data set: confusion matrix, gates and sizes."""

import dataclasses

import numpy as np
import tensorflow as tf

from selene_tf.config.protocol import WHOLE, Protocol
from selene_tf.errors import UserError
from selene_tf.evaluation import boundaries, metrics, protocols


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """Results of a network on a set of images.

    Attributes:
        confusions: Integers (images, classes, classes), the confusion matrix of each
            image, labels in rows.
        gates: float32 (images, num_layers + 1, 4, 3), each image's gates; None for
            a model that has none, or does not tell them, or that sees parts of images.
        sizes: int (images, 2), each image's height and width in pixels.
        protocol: The `Protocol` by which they were shown.
        boundary_scores: float64 (images, classes), boundary F-scores; None if they were
            not asked for.
        boundary_tolerance: Theirs, in pixels.
    """

    confusions: np.ndarray
    gates: np.ndarray | None
    sizes: np.ndarray
    protocol: Protocol = WHOLE
    boundary_scores: np.ndarray | None = None
    boundary_tolerance: int = 0

    @property
    def confusion(self):
        """int64 (classes, classes), of all images together."""
        return self.confusions.sum(0, dtype=np.int64)

    @property
    def mean_iou(self):
        return metrics.mean_iou(self.confusion)


def predictor(network, protocol=WHOLE):
    """Compiles the prediction of labels and gates.

    Args:
        network: A network of `networks.build`.
        protocol: The `Protocol` by which images are shown to it.

    Returns:
        A function from RGB images (batch, height, width, 3) in 0..255 to a
        dict: "labels", int32 (batch, height, width), and "gates", if it has any.
    """
    signature = [tf.TensorSpec((None, None, None, 3), tf.float32)]
    return tf.function(
        lambda images: protocols.predict(network, images, protocol),
        signature,
        autograph=False,
    )


def evaluate(predict, dataset, num_classes, protocol=WHOLE, boundary_tolerance=0):
    """Evaluates a network on a data set, every image once.

    Args:
        predict: As `predictor` returns it; "gates" may be missing.
        dataset: Batches of "image" and "label", as `batching.evaluation` makes
            them.
        num_classes: Number of classes.
        protocol: That of `predict`.
        boundary_tolerance: Of boundary F-scores, in pixels; 0 for none of them.

    Returns:
        An `Evaluation`.

    Raises:
        UserError: if there is no labelled pixel in the whole set.
    """
    predictions = ((batch, predict(batch["image"])) for batch in dataset)
    result = count(predictions, num_classes, protocol, boundary_tolerance)
    check_labelled(result)
    return result


def count(predictions, num_classes, protocol=WHOLE, boundary_tolerance=0):
    """Counts the predictions of all batches, image by image.

    Args:
        predictions: Pairs of a batch and what was predicted for it.
        num_classes: Number of classes.
        protocol: The `Protocol` by which the images were shown.
        boundary_tolerance: As in `evaluate`.

    Returns:
        An `Evaluation`, which may have no labelled pixel.
    """
    confusions, gates, sizes, boundary_scores = [], [], [], []
    for batch, outputs in predictions:
        labels, predicted = batch["label"].numpy(), outputs["labels"].numpy()
        for image in zip(labels, predicted, strict=True):
            # Pixels of one image are fewer than 2^31.
            counts = metrics.confusion_matrix(*image, num_classes)
            confusions.append(counts.astype(np.int32))
            sizes.append(image[0].shape)
            if boundary_tolerance:
                boundary_scores.append(
                    boundaries.f_scores(*image, num_classes, boundary_tolerance)
                )
        if "gates" in outputs:
            gates.append(outputs["gates"].numpy())
    return Evaluation(
        np.array(confusions, np.int32).reshape(-1, num_classes, num_classes),
        np.concatenate(gates) if gates else None,
        np.array(sizes, np.int64).reshape(-1, 2),
        protocol,
        np.array(boundary_scores) if boundary_scores else None,
        boundary_tolerance,
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
