"""Segmentation losses as pure functions: logits in, one value an image out.

A value an image, and not one for the batch, so that the plain mean over the images is
the same on any number of replicas. That mean is one over all pixels that count, of all
images: each image's sum is multiplied by what one pixel counts (`pixel_weight`). A mean
per image first would let a pixel of an image that is mostly padding, as a crop scaled
by 0.5 is, count several times as much as others.
"""

import keras
from keras import ops

from selene_tf.losses.class_weights import label_weights

# The id of pixels without a label in a batch.
IGNORE_LABEL = 255
# How the classes' squared differences become one number.
REDUCTIONS = {"mean": ops.mean, "class_sum": ops.sum}


def cross_entropy(
    labels, logits, ignore_label=IGNORE_LABEL, weight=None, class_weights=None
):
    """Pixel-wise cross entropy, averaged over all labelled pixels of the batch.

    SELENE, equation (1), as its lineage computes it: one mean over the batch's labelled
    pixels. An image without a labelled pixel has loss 0. With class weights it is the
    weighted mean, over the sum of the pixels' weights, as PyTorch has it.

    Args:
        labels: Integers (batch, height, width); `ignore_label` is left out.
        logits: (batch, height, width, classes).
        ignore_label: The id of pixels without a label.
        weight: What one labelled pixel counts, from `pixel_weight`: a scalar or
            (batch,). By default that of these images alone.
        class_weights: What a pixel of each class counts besides; None for 1.

    Returns:
        (batch,) in float32 or better, whose mean is the loss.

    Example:
        >>> import numpy as np
        >>> labels = np.array([[[0, 1]], [[0, 255]]])
        >>> losses = cross_entropy(labels, np.zeros((2, 1, 2, 4), "float32"))
        >>> round(float(np.mean(losses)), 4)  # The logarithm of the 4 classes.
        1.3863
    """
    labelled = labels != ignore_label
    # A label out of range would become NaN under XLA, so it is replaced
    # before the lookup and masked after it.
    safe = ops.where(labelled, labels, 0)
    pixels = _cross_entropies(safe, logits)
    counted = label_weights(labels, class_weights, ignore_label, pixels.dtype)
    return _weighted_sums(pixels, counted, weight)


def consistency(  # noqa: PLR0913 (two networks' logits and the paper's choices)
    logits, target_logits, valid, reduction="mean", threshold=0.0, weight=None
):
    """Mean squared error between two softmax outputs, over all valid pixels.

    SELENE, equation (3), read as its lineage computes it: softmax on both
    sides, the mean over pixels and classes, no gradient to the target. Padded
    pixels are left out, since a constant colour carries nothing.

    SELENE's weight of 100 belongs to the mean over classes. French et al. 2020,
    https://arxiv.org/abs/1906.01916, sum over them, with a weight of 1;
    `equivalent_weight` goes from one to the other.

    Args:
        logits: (batch, height, width, classes).
        target_logits: Likewise; treated as constants.
        valid: Bool (batch, height, width), False on padding.
        reduction: "mean" or "class_sum", over the classes.
        threshold: Pixels of which the target's highest probability is below it
            count as 0; 0 takes all.
        weight: What one valid pixel counts, from `pixel_weight`; by default that of
            these images alone.

    Returns:
        (batch,) in float32 or better, whose mean is the loss. It lies in
        [0, 2 / classes], or [0, 2] for "class_sum".

    Raises:
        ValueError: `reduction` is another one.
    """
    _check_reduction(reduction)
    target = _probabilities(ops.stop_gradient(target_logits))
    squares = ops.square(_probabilities(logits) - target)
    pixels = REDUCTIONS[reduction](squares, axis=-1)
    return _weighted_sums(pixels * _confident(target, threshold), valid, weight)


def equivalent_weight(weight, reduction, num_classes):
    """The weight that does the same to `consistency` under its other reduction.

    Args:
        weight: The weight under `reduction`.
        reduction: "mean" or "class_sum".
        num_classes: Number of classes C.

    Returns:
        The other reduction and its weight: 100 under "mean" is 100 / C under
        "class_sum", and 1 under "class_sum" is C under "mean".

    Raises:
        ValueError: `reduction` is another one.
    """
    _check_reduction(reduction)
    if reduction == "mean":
        return "class_sum", weight / num_classes
    return "mean", weight * num_classes


def pseudo_label_cross_entropy(
    logits, target_logits, valid, threshold=0.0, weight=None
):
    """Cross entropy with pseudo-labels: the most probable classes of another network.

    Co-teaching in SELENE, equation (5), which is the cross pseudo supervision of
    Chen et al. 2021, https://arxiv.org/abs/2106.01226: hard labels, every pixel.
    With a threshold it teaches a strongly augmented view, as UniMatch has it
    (Yang et al. 2023, https://arxiv.org/abs/2208.09910).

    As in SELENE's lineage it is one mean over all pixels of the labelled and unlabelled
    images; unlike there, padded pixels are left out.

    Args:
        logits: (batch, height, width, classes).
        target_logits: Likewise; their argmax is the label, without a gradient.
        valid: Bool (batch, height, width), False on padding.
        threshold: Pixels of which the target's highest probability is below it
            count as 0; 0 takes all. They stay in the mean, so that a network in
            doubt teaches little.
        weight: What one valid pixel counts, from `pixel_weight`; by default that of
            these images alone.

    Returns:
        (batch,) in float32 or better, whose mean is the loss.
    """
    target_logits = ops.stop_gradient(target_logits)
    pixels = _cross_entropies(ops.argmax(target_logits, axis=-1), logits)
    if threshold:
        pixels *= _confident(_probabilities(target_logits), threshold)
    return _weighted_sums(pixels, valid, weight)


def pixel_weight(masks, gather=lambda values: values):
    """The weight of one pixel, with which a mean over images is one over pixels.

    The sum over an image's pixels times this weight is that image's value; the plain
    mean of these values over all images is the mean over all pixels that the masks
    choose, whatever image and replica they are on.

    Args:
        masks: List of (batch, height, width), True where a pixel counts, or how much
            it does; what stands in several of them, such as labelled and unlabelled
            images, has one common mean.
        gather: Function from a replica's (batch,) tensor to those of all replicas, one
            after the other along axis 0. Without it there is one replica.

    Returns:
        A scalar in float32: the number of images over the number of such pixels.

    Example:
        >>> import numpy as np
        >>> mask = np.array([[[True, True]], [[True, False]]])  # 2 images, 3 pixels
        >>> print(round(float(pixel_weight([mask])), 4))
        0.6667
    """
    numbers = [
        gather(ops.sum(ops.cast(mask, "float32"), axis=(1, 2))) for mask in masks
    ]
    images = sum(ops.shape(each)[0] for each in numbers)
    pixels = sum(ops.sum(each) for each in numbers)
    return ops.cast(images, "float32") / ops.where(pixels > 0, pixels, 1.0)


def confident_shares(logits, valid, threshold=0.0, weight=None):
    """The share of the valid pixels that teach by their pseudo-labels, by class.

    Args:
        logits: (batch, height, width, classes), those of the teaching network.
        valid: Bool (batch, height, width), False on padding.
        threshold: Probability that the most probable class has to reach.
        weight: What one valid pixel counts, from `pixel_weight`; by default that of
            these images alone.

    Returns:
        (batch, classes), whose mean over the images is the share of all valid pixels
        that teach each class; their sum is the share of those that teach at all.

    Example:
        >>> import numpy as np
        >>> logits = np.array([[[[9.0, 0.0], [0.1, 0.0]]]], "float32")
        >>> shares = confident_shares(logits, np.ones((1, 1, 2), bool), 0.9)
        >>> print(np.asarray(shares).tolist())
        [[0.5, 0.0]]
    """
    probabilities = _probabilities(ops.stop_gradient(logits))
    teaches = _confident(probabilities, threshold)
    images, classes = ops.shape(logits)[0], logits.shape[-1]
    # Segments of image and class, summed in one operation.
    numbers = ops.cast(ops.argmax(logits, axis=-1), "int32")
    numbers += classes * ops.reshape(ops.arange(images, dtype="int32"), (-1, 1, 1))
    teaches *= ops.cast(valid, teaches.dtype)
    sums = ops.segment_sum(
        ops.reshape(teaches, (-1,)), ops.reshape(numbers, (-1,)), images * classes
    )
    if weight is None:
        weight = pixel_weight([valid])
    weight = ops.reshape(ops.cast(weight, sums.dtype), (-1, 1))
    return ops.reshape(sums, (images, classes)) * weight


def pretext_cross_entropy(labels, logits, shares):
    """Cross entropy of a task that only some of the images have.

    Args:
        labels: Integers (batch,), -1 for images without a task.
        logits: (batch, num_classes).
        shares: (batch,), from `task_weights`.

    Returns:
        (batch,) in float32 or better, whose plain mean over all images is the mean
        over those with a task.
    """
    # As in `cross_entropy`: -1 would become NaN under XLA.
    safe = ops.where(labels >= 0, labels, 0)
    images = _cross_entropies(safe, logits)
    return images * ops.cast(shares, images.dtype)


def task_weights(labels, gather=lambda values: values):
    """What each image counts, so that only those with a task do.

    Args:
        labels: Integers (batch,), -1 for images without a task.
        gather: Function from a replica's tensor to those of all replicas, one
            after the other along axis 0. Without it there is one replica.

    Returns:
        (batch,) in float32: 0 for images without a task, for the others the
        number of images over the number with a task, both of all replicas.
        All 0 if none has one.
    """
    asked = ops.cast(labels >= 0, "float32")
    mean = ops.mean(gather(asked))
    return asked / ops.where(mean > 0, mean, 1.0)


def _check_reduction(reduction):
    if reduction not in REDUCTIONS:
        names = sorted(REDUCTIONS)
        raise ValueError(f"reduction must be one of {names}, but is {reduction!r}.")


def _probabilities(logits):
    return ops.softmax(at_least_float32(logits))


def _cross_entropies(labels, logits):
    return ops.sparse_categorical_crossentropy(
        labels, at_least_float32(logits), from_logits=True
    )


def at_least_float32(logits):
    """In float32 what comes in half of it; float64 stays."""
    half = keras.backend.standardize_dtype(logits.dtype) in ("bfloat16", "float16")
    return ops.cast(logits, "float32") if half else logits


def _confident(probabilities, threshold):
    """1 where the highest probability reaches the threshold, and 0 elsewhere."""
    confident = ops.max(probabilities, axis=-1) >= threshold
    return ops.cast(confident, probabilities.dtype)


def _weighted_sums(values, chosen, weight):
    """Each image's sum over the chosen pixels times the weight of one."""
    chosen = ops.cast(chosen, values.dtype)
    sums = ops.sum(values * chosen, axis=(1, 2))
    if weight is None:
        images = ops.cast(ops.shape(chosen)[0], values.dtype)
        # Not `pixel_weight`, whose float32 would spoil a loss in float64.
        total = ops.sum(chosen)
        weight = images / ops.where(total > 0, total, 1)
    return sums * ops.cast(weight, values.dtype)
