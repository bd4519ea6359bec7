"""Means over seeds, and differences to a control with their intervals."""

import dataclasses
import math
import statistics

import numpy as np

from selene_tf.evaluation import bootstrap, metrics

# Two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom.
_T = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)
_NORMAL = 1.960


@dataclasses.dataclass(frozen=True)
class Spread:
    """Several seeds' numbers.

    Attributes:
        mean: Their mean.
        deviation: Their standard deviation (n - 1); None of a single one.
        interval: (low, high) of the mean, 95 %, by Student's t; None of a single one.
        count: How many.
    """

    mean: float
    deviation: float | None
    interval: tuple[float, float] | None
    count: int


def spread(values):
    """Summarizes the numbers of several seeds.

    Args:
        values: One or more numbers.

    Returns:
        A `Spread`.

    Example:
        >>> spread([0.50, 0.54]).interval  # 0.52 - 12.706 * 0.02828 / sqrt(2), ...
        (0.2659, 0.7741)
    """
    mean, count = statistics.fmean(values), len(values)
    if count == 1:
        return Spread(mean, None, None, 1)
    deviation = statistics.stdev(values)
    quantile = _T[count - 2] if count - 2 < len(_T) else _NORMAL
    margin = quantile * deviation / math.sqrt(count)
    interval = round(mean - margin, 4), round(mean + margin, 4)
    return Spread(mean, deviation, interval, count)


def paired_over_images(pairs, resamplings=bootstrap.RESAMPLINGS):
    """Bootstrap interval over images of a mean difference over seeds.

    All seeds are scored on the same draws of images.

    Args:
        pairs: Of each seed, (`ImageScores` of the variant, that of the control).
        resamplings: How often images are drawn.

    Returns:
        (low, high), 95 %.

    Raises:
        UserError: the images of a pair are not the same.
    """
    differences = []
    for own, control in pairs:
        bootstrap.check_same_images(own.confusions, control.confusions)
        differences.append(
            bootstrap.resampled(own.confusions, own.block, resamplings)
            - bootstrap.resampled(control.confusions, own.block, resamplings)
        )
    return bootstrap.percentiles(np.mean(differences, axis=0))


def mean_iou(scores):
    """The mean IoU of `ImageScores`."""
    return metrics.mean_iou(scores.confusions.sum(0, dtype=np.int64))
