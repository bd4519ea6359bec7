"""Scores from a confusion matrix; `keras.metrics.MeanIoU` hides bad labels."""

import numpy as np


def confusion_matrix(labels, predictions, num_classes, ignore_label=255):
    """Counts pixels by (label, prediction).

    Args:
        labels: Integers of any shape; `ignore_label` is left out.
        predictions: Integers of the same shape, in 0..num_classes - 1.
        num_classes: Number of classes.
        ignore_label: The id of pixels without a label.

    Returns:
        int64 (num_classes, num_classes), labels in rows.

    Raises:
        ValueError: if a label is neither a class nor `ignore_label`, or a
            prediction no class.
    """
    labels = np.asarray(labels).ravel().astype(np.int64)
    predictions = np.asarray(predictions).ravel().astype(np.int64)
    labelled = labels != ignore_label
    labels, predictions = labels[labelled], predictions[labelled]
    for name, values in (("labels", labels), ("predictions", predictions)):
        if values.size and not 0 <= values.min() <= values.max() < num_classes:
            raise ValueError(
                f"{name} lie in {values.min()}..{values.max()}, expected "
                f"0..{num_classes - 1} or {ignore_label} for ignored labels."
            )
    counts = np.bincount(labels * num_classes + predictions, minlength=num_classes**2)
    return counts.reshape(num_classes, num_classes)


def iou(confusion):
    """Intersection over union of each class; NaN where it never occurs.

    Args:
        confusion: (..., num_classes, num_classes), labels in rows.

    Returns:
        float64 (..., num_classes).
    """
    intersection = np.diagonal(confusion, axis1=-2, axis2=-1).astype(np.float64)
    union = confusion.sum(-2) + confusion.sum(-1) - intersection
    return _ratio(intersection, union)


def mean_iou(confusion):
    """Mean over the classes that occur in labels or predictions."""
    return _mean(iou(confusion))


def mean_ious(confusions):
    """The `mean_iou` of each of many confusion matrices; NaN of an empty one.

    Args:
        confusions: (..., num_classes, num_classes).

    Returns:
        float64 (...).
    """
    scores = iou(confusions)
    return _ratio(np.nansum(scores, -1), np.isfinite(scores).sum(-1))


def pixel_accuracy(confusion):
    """Share of labelled pixels that are right."""
    return float(np.trace(confusion) / max(confusion.sum(), 1))


def class_accuracy(confusion):
    """Share of each class's pixels that are right; NaN where it has none."""
    return _ratio(np.diag(confusion).astype(np.float64), confusion.sum(1))


def mean_accuracy(confusion):
    """Mean of the accuracies of the classes that have a labelled pixel.

    Reference: Long et al. 2015, https://arxiv.org/abs/1411.4038, section 5.
    """
    return _mean(class_accuracy(confusion))


def frequency_weighted_iou(confusion):
    """Mean IoU of the classes, each weighted by its share of the labelled pixels.

    Reference: Long et al. 2015, https://arxiv.org/abs/1411.4038, section 5.
    """
    pixels = confusion.sum(1)
    if not pixels.sum():
        return float("nan")
    occurring = pixels > 0
    return float((pixels * iou(confusion))[occurring].sum() / pixels.sum())


def _ratio(numerator, denominator):
    """Quotients; NaN where the denominator is 0."""
    numerator, denominator = np.broadcast_arrays(numerator, denominator)
    return np.divide(
        numerator,
        denominator,
        out=np.full(numerator.shape, np.nan),
        where=denominator > 0,
    )


def _mean(scores):
    return float(np.nanmean(scores)) if np.isfinite(scores).any() else float("nan")
