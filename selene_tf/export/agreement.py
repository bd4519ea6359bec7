"""Comparing an exported network with its network on real images."""

import math

import numpy as np
import tensorflow as tf

from selene_tf.errors import UserError
from selene_tf.evaluation import bootstrap, metrics

# Share of the labels that are the network's. In float32 only rounding differs.
MIN_LABEL_AGREEMENT = {
    "none": 0.9999,
    "float16": 0.995,
    "dynamic": 0.98,
    "int8": 0.98,
}
# What eight bits may lose of the mIoU in place of that: where two classes are about
# equally likely, another label is no worse one.
MAX_MEAN_IOU_LOSS = {"dynamic": 0.01, "int8": 0.01}
# Relative to the largest logit. Labels alone would not show a wrong scale.
MAX_LOGIT_DIFFERENCE = {"none": 1e-3}

_ADVICE = {
    "none": "this should not happen; please report it with the versions that you use",
    "float16": "export without quantization",
    "dynamic": "export as float16",
    "int8": "try more or other calibration images, or export as float16",
}


def check_images(examples, size=None):
    """Refuses images that nothing can be compared on.

    Args:
        examples: (image, label) pairs: uint8 (height, width, 3) and integers
            (height, width).
        size: Height and width in pixels that the exported network takes; None for
            any.

    Raises:
        ValueError: for no images, or one of another type, shape or size.
    """
    if not examples:
        raise ValueError("found no images to compare on, expected 8 or more.")
    for image, label in examples:
        shape = tuple(size or np.shape(image)[:2])
        if image.dtype != np.uint8 or image.shape != (*shape, 3):
            raise ValueError(
                f"found an image of {image.dtype} {image.shape}, expected uint8 "
                f"{(*shape, 3)}."
            )
        if np.shape(label) != shape:
            raise ValueError(f"found a label of {np.shape(label)}, expected {shape}.")


def compare(network, model, examples, num_classes):
    """Compares an exported network with the one that it was written from.

    Args:
        network: A Keras model with an output "logits".
        model: The `SegmentationModel` of what was exported.
        examples: As in `check_images`; 255 in a label is left out of the mIoU.
        num_classes: Number of classes.

    Returns:
        {"images", "label_agreement", "mean_iou", "mean_iou_interval",
        "mean_iou_of_network", "max_logit_difference"}, for JSON. The difference is
        relative to the largest logit of the image; of probabilities it is absolute;
        None where there are labels alone. A mIoU is None where no pixel is labelled,
        its interval (`bootstrap.interval`) also of few images.

    Raises:
        ValueError: as in `check_images`.
        UserError: if either gives scores that are not finite.
    """
    check_images(examples, model.size)
    compute = _traced(network)
    agreement, differences = [], []
    confusions = [], []
    for image, label in examples:
        batch = image[None]
        expected = compute(tf.cast(batch, tf.float32)).numpy()
        labels = model.labels(batch), expected.argmax(-1)
        differences.append(_difference(expected, _scores_of(model, batch), model))
        agreement.append(float((labels[0] == labels[1]).mean()))
        for own, predicted in zip(confusions, labels, strict=True):
            own.append(metrics.confusion_matrix(label, predicted, num_classes))
    of_export, of_network = map(np.stack, confusions)
    mean_iou, mean_iou_of_network = (
        _mean_iou(c.sum(0)) for c in (of_export, of_network)
    )
    interval = None if mean_iou is None else bootstrap.interval(of_export)
    return {
        "images": len(examples),
        "label_agreement": float(np.mean(agreement)),
        "mean_iou": mean_iou,
        "mean_iou_interval": interval and list(interval),
        "mean_iou_of_network": mean_iou_of_network,
        "max_logit_difference": None if None in differences else max(differences),
    }


def require(result, quantization="none"):
    """Refuses an exported network that differs too much from its network.

    Args:
        result: What `compare` gave.
        quantization: A key of `MIN_LABEL_AGREEMENT`.

    Raises:
        UserError: says by how much, what was expected, and what to try.
    """
    agreement, bar = result["label_agreement"], MIN_LABEL_AGREEMENT[quantization]
    if agreement < bar and not _keeps_mean_iou(result, quantization):
        _refuse(result, _expected(bar, quantization), quantization)
    largest = MAX_LOGIT_DIFFERENCE.get(quantization, math.inf)
    if (result["max_logit_difference"] or 0) > largest:
        _refuse(result, f"scores that differ by {largest:g} at most", quantization)


def line(result):
    """A comparison as one line for the terminal."""
    difference = result["max_logit_difference"]
    of_scores = ""
    if difference is not None:
        of_scores = f", scores differ by at most {difference:.1e} of the largest"
    return (
        f"on {result['images']} images {result['label_agreement']:.4%} of the labels "
        f"are the network's, mIoU {_shown(result['mean_iou'])} (network "
        f"{_shown(result['mean_iou_of_network'])}){of_scores}"
    )


def _traced(network):
    """The network's logits as one graph: a hundred images in seconds."""
    signature = [tf.TensorSpec((None, None, None, 3), tf.float32)]
    return tf.function(
        lambda batch: network(batch, training=False)["logits"],
        signature,
        autograph=False,
    )


def _scores_of(model, batch):
    return model.logits(batch) if model.gives_scores else None


def _difference(expected, scores, model):
    """Largest difference of an image's scores, relative to the largest score."""
    for name, values in (("network", expected), (f"'{model.name}'", scores)):
        if values is not None and not np.isfinite(values).all():
            raise UserError(
                f"--output: the {name} gives scores that are not finite; expected a "
                "network whose training did not fail. Nothing was written."
            )
    if scores is None:
        return None
    if expected.shape != scores.shape:
        raise UserError(
            f"--output: the exported network gives scores of {scores.shape}, expected "
            f"{expected.shape}; nothing was written."
        )
    if model.metadata.get("scores") == "probabilities":
        # Its logits are known but for a number that each pixel adds to all classes.
        return float(np.abs(_softmax(expected) - _softmax(scores)).max())
    largest = float(np.abs(expected).max()) or 1.0
    return float(np.abs(expected - scores).max()) / largest


def _softmax(logits):
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    return powers / powers.sum(-1, keepdims=True)


def _mean_iou(confusion):
    score = metrics.mean_iou(confusion)
    return score if math.isfinite(score) else None


def _keeps_mean_iou(result, quantization):
    score, expected = result["mean_iou"], result["mean_iou_of_network"]
    if quantization not in MAX_MEAN_IOU_LOSS or score is None or expected is None:
        return False
    return score >= expected - MAX_MEAN_IOU_LOSS[quantization]


def _expected(bar, quantization):
    loss = MAX_MEAN_IOU_LOSS.get(quantization)
    or_mean_iou = f", or a mIoU at most {loss:g} lower" if loss else ""
    return f"{bar:.2%} of the labels{or_mean_iou}"


def _refuse(result, expected, quantization):
    raise UserError(
        f"--output: nothing was written, since {line(result)}; expected {expected}; "
        f"{_ADVICE[quantization]}."
    )


def _shown(score):
    return "unknown" if score is None else f"{score:.4f}"
