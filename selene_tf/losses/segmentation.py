"""Losses as pure functions: logits in, one value an image out.

A value an image, and not one for the batch, so that the mean over the batch
is the same on any number of replicas. The budget's is the exception: it is a
square of the batch's mean.
"""

import keras
from keras import ops

# How the classes' squared differences become one number.
REDUCTIONS = {"mean": ops.mean, "class_sum": ops.sum}


def cross_entropy(labels, logits, ignore_label=255):
    """Cross entropy, averaged over each image's labelled pixels.

    The individual loss of SELENE, equation (1), whose mean over the images
    the train step takes. An image without a labelled pixel has loss 0.

    Args:
        labels: Integers (batch, height, width); `ignore_label` is left out.
        logits: (batch, height, width, classes).
        ignore_label: The id of pixels without a label.

    Returns:
        (batch,) in float32 or better
    """
    labelled = labels != ignore_label
    # A label out of range would become NaN under XLA, so it is replaced
    # before the lookup and masked after it.
    safe = ops.where(labelled, labels, 0)
    return _mean_where(_cross_entropies(safe, logits), labelled)


def consistency(logits, target_logits, valid, reduction="mean", threshold=0.0):
    """Mean squared difference of two softmax outputs.

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

    Returns:
        (batch,) in float32 or better, each in [0, 2 / classes], or [0, 2] for
        "class_sum".

    Raises:
        ValueError: `reduction` is another one.
    """
    _check_reduction(reduction)
    target = _probabilities(ops.stop_gradient(target_logits))
    squares = ops.square(_probabilities(logits) - target)
    pixels = REDUCTIONS[reduction](squares, axis=-1)
    return _mean_where(pixels * _confident(target, threshold), valid)


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


def pseudo_label_cross_entropy(logits, target_logits, valid, threshold=0.0):
    """Cross entropy against the classes that another network finds likeliest.

    Co-teaching in SELENE, equation (5), which is the cross pseudo supervision of
    Chen et al. 2021, https://arxiv.org/abs/2106.01226: hard labels, every pixel.
    With a threshold it teaches a strongly augmented view, as UniMatch has it
    (Yang et al. 2023, https://arxiv.org/abs/2208.09910).

    SELENE's lineage takes one mean over all pixels of the labelled and unlabelled
    images, padding included. Here padded pixels are left out, and each image
    counts the same, so that N replicas do what one does.

    Args:
        logits: (batch, height, width, classes).
        target_logits: Likewise; their argmax is the label, without a gradient.
        valid: Bool (batch, height, width), False on padding.
        threshold: Pixels of which the target's highest probability is below it
            count as 0; 0 takes all. They stay in the mean, so that a network in
            doubt teaches little.

    Returns:
        (batch,) in float32 or better
    """
    target_logits = ops.stop_gradient(target_logits)
    pixels = _cross_entropies(ops.argmax(target_logits, axis=-1), logits)
    if threshold:
        pixels *= _confident(_probabilities(target_logits), threshold)
    return _mean_where(pixels, valid)


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
    return ops.softmax(_precise(logits))


def _cross_entropies(labels, logits):
    return ops.sparse_categorical_crossentropy(
        labels, _precise(logits), from_logits=True
    )


def _precise(logits):
    """In float32 what comes in half of it; float64 stays."""
    half = keras.backend.standardize_dtype(logits.dtype) in ("bfloat16", "float16")
    return ops.cast(logits, "float32") if half else logits


def _confident(probabilities, threshold):
    """1 where the highest probability reaches the threshold, and 0 elsewhere."""
    confident = ops.max(probabilities, axis=-1) >= threshold
    return ops.cast(confident, probabilities.dtype)


def _mean_where(values, chosen):
    chosen = ops.cast(chosen, values.dtype)
    total = ops.sum(values * chosen, axis=(1, 2))
    return total / ops.maximum(ops.sum(chosen, axis=(1, 2)), 1)
