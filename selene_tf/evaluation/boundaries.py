"""How well the boundaries of classes are met, which mean IoU hardly shows."""

import numpy as np


def f_scores(labels, predictions, num_classes, tolerance, ignore_label=255):
    """Boundary F-score of each class in one image.

    A pixel is on the boundary of its class if one of its four neighbours belongs to
    another class. Precision is the share of the predicted boundary that lies within
    the tolerance of a true one of the same class, recall the reverse; the score is
    their harmonic mean. Pixels without a label have no part in it, neither as boundary
    nor as neighbours.

    Args:
        labels: Integers (height, width).
        predictions: Integers (height, width).
        num_classes: Number of classes.
        tolerance: Distance in pixels, 1 or more, Euclidean.
        ignore_label: The id of pixels without a label.

    Returns:
        float64 (num_classes,); NaN for a class without a boundary in either.

    Example:
        >>> labels = np.repeat([[0, 0, 0, 1, 1, 1]], 4, axis=0)
        >>> moved = np.repeat([[0, 0, 1, 1, 1, 1]], 4, axis=0)
        >>> f_scores(labels, moved, num_classes=2, tolerance=1).tolist()
        [1.0, 1.0]

    Reference: Csurka et al. 2013, "What is a good evaluation measure for semantic
    segmentation?", section 3.
    """
    labels, predictions = np.asarray(labels), np.asarray(predictions)
    is_labelled = labels != ignore_label
    true_edge = _edge(labels, is_labelled)
    predicted_edge = _edge(predictions, is_labelled)
    scores = np.full(num_classes, np.nan)
    for class_id in range(num_classes):
        true = true_edge & (labels == class_id)
        predicted = predicted_edge & (predictions == class_id)
        if true.any() or predicted.any():
            scores[class_id] = _f_score(true, predicted, tolerance)
    return scores


def _edge(labels, is_labelled):
    """Labelled pixels of which a labelled neighbour has another class."""
    edge = np.zeros(labels.shape, bool)
    for one, other in (
        (np.s_[1:, :], np.s_[:-1, :]),
        (np.s_[:, 1:], np.s_[:, :-1]),
    ):
        differs = labels[one] != labels[other]
        differs &= is_labelled[one] & is_labelled[other]
        edge[one] |= differs
        edge[other] |= differs
    return edge


def _f_score(true, predicted, tolerance):
    if not (true.any() and predicted.any()):
        return 0.0
    precision = (predicted & _dilated(true, tolerance)).sum() / predicted.sum()
    recall = (true & _dilated(predicted, tolerance)).sum() / true.sum()
    total = precision + recall
    return 2 * precision * recall / total if total else 0.0


def _dilated(mask, radius):
    """Pixels that are no further than the radius from one of the mask."""
    height, width = mask.shape
    padded = np.pad(mask, radius)
    dilated = np.zeros_like(mask)
    for row in range(-radius, radius + 1):
        for column in range(-radius, radius + 1):
            if row**2 + column**2 <= radius**2:
                top, left = radius + row, radius + column
                dilated |= padded[top : top + height, left : left + width]
    return dilated
