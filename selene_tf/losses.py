"""Losses as pure functions: logits in, one value a picture out.

A value a picture, and not one for the batch, so that the mean over the batch
is the same on any number of replicas. The budget's is the exception: it is a
square of the batch's mean.
"""

from keras import ops


def cross_entropy(labels, logits, ignore_label=255):
    """Cross entropy, averaged over each picture's labelled pixels.

    The individual loss of SELENE, equation (1), whose mean over the pictures
    the train step takes. A picture without a labelled pixel has loss 0.

    Args:
        labels: Integers (batch, height, width); `ignore_label` is left out.
        logits: (batch, height, width, classes).
        ignore_label: The id of pixels without a label.

    Returns:
        (batch,)
    """
    labelled = labels != ignore_label
    # A label out of range would become NaN under XLA, so it is replaced
    # before the lookup and masked after it.
    safe = ops.where(labelled, labels, 0)
    pixels = ops.sparse_categorical_crossentropy(safe, logits, from_logits=True)
    return _mean_where(pixels, labelled)


def consistency(logits, target_logits, valid):
    """Mean squared difference of two softmax outputs.

    SELENE, equation (3), read as its lineage computes it: softmax on both
    sides, the mean over pixels and classes, no gradient to the target. Padded
    pixels are left out, since a constant colour carries nothing.

    Args:
        logits: (batch, height, width, classes).
        target_logits: Likewise; treated as constants.
        valid: Bool (batch, height, width), False on padding.

    Returns:
        (batch,), each in [0, 2 / classes].
    """
    target = ops.stop_gradient(ops.softmax(target_logits))
    pixels = ops.mean(ops.square(ops.softmax(logits) - target), axis=-1)
    return _mean_where(pixels, valid)


def budget(mean_cost, total, target_share):
    """Squared distance of the expected cost from its budget: (C / total - mu)^2.

    The budget constraint of Li et al. 2020, https://arxiv.org/abs/2003.10401,
    section 3.4. As in the official code, C is the mean over the batch: pictures
    may cost more or less, if together they keep to the budget. A mean of each
    picture's or each replica's loss would be larger, so the caller averages the
    costs first, over the pictures of all replicas. The weight, and when it
    starts, is `schedules.budget_warm_up`.

    Args:
        mean_cost: Scalar, the mean of the pictures' expected costs.
        total: Cost of which the budget is a share, in the same unit.
        target_share: The share mu to keep to, in [0, 1].

    Returns:
        A scalar in the type of `mean_cost`.
    """
    return ops.square(mean_cost / total - target_share)


def _mean_where(values, chosen):
    chosen = ops.cast(chosen, values.dtype)
    total = ops.sum(values * chosen, axis=(1, 2))
    return total / ops.maximum(ops.sum(chosen, axis=(1, 2)), 1)
