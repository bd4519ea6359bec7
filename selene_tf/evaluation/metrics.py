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
    """Intersection over union of each class; NaN where it never occurs."""
    intersection = np.diag(confusion).astype(np.float64)
    union = confusion.sum(0) + confusion.sum(1) - np.diag(confusion)
    return np.divide(
        intersection, union, out=np.full(len(union), np.nan), where=union > 0
    )


def mean_iou(confusion):
    """Mean over the classes that occur in labels or predictions."""
    scores = iou(confusion)
    return float(np.nanmean(scores)) if np.isfinite(scores).any() else float("nan")


def pixel_accuracy(confusion):
    """Share of labelled pixels that are right."""
    return float(np.trace(confusion) / max(confusion.sum(), 1))
