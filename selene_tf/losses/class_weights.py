"""Class weights: what a labelled pixel of each class counts in the supervised loss."""

import numpy as np
from keras import ops


def median_frequency(counts):
    """Computes class weights by median frequency balancing.

    Eigen and Fergus 2015, https://arxiv.org/abs/1411.4734, section 6.3: a class's
    frequency is its share of the pixels of the images that show it, and its weight
    the median of all frequencies over its own. A class that no image shows has
    weight 1; no pixel ever uses it.

    Args:
        counts: Pixels of each class in each image, integers (images, classes).

    Returns:
        A tuple of floats, one a class.

    Example:
        >>> median_frequency([[75, 25, 0], [50, 0, 50]])  # 0.625, 0.25 and 0.5
        (0.8, 2.0, 1.0)
    """
    counts = np.asarray(counts, np.float64)
    pixels = counts.sum(axis=0)
    # Of the images that show the class all labelled pixels.
    around = ((counts > 0) * counts.sum(axis=1, keepdims=True)).sum(axis=0)
    frequency = pixels / np.maximum(around, 1)
    shown = pixels > 0
    weights = np.ones(len(pixels))
    weights[shown] = np.median(frequency[shown]) / frequency[shown]
    return tuple(weights.tolist())


def label_weights(labels, class_weights=None, ignore_label=255, dtype="float32"):
    """What each pixel of a label counts: 0 without a class, else its class's weight.

    Args:
        labels: Integers (batch, height, width); `ignore_label` counts 0.
        class_weights: A number a class; None for 1.
        ignore_label: The id of pixels without a label.
        dtype: Of the result.

    Returns:
        (batch, height, width).

    Example:
        >>> labels = np.array([[[0, 1, 255]]])
        >>> np.asarray(label_weights(labels, (1.0, 3.0))).tolist()
        [[[1.0, 3.0, 0.0]]]
    """
    labelled = labels != ignore_label
    weights = ops.cast(labelled, dtype)
    if class_weights is None:
        return weights
    # A label out of range would become NaN under XLA.
    safe = ops.cast(ops.where(labelled, labels, 0), "int32")
    table = ops.convert_to_tensor(class_weights, dtype=dtype)
    return weights * ops.take(table, safe)
