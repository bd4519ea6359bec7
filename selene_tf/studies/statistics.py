"""Means over seeds, and differences to a control with their intervals."""

import dataclasses
import math
import statistics

import numpy as np

from selene_tf.errors import UserError
from selene_tf.evaluation import bootstrap

# Two-sided 95 % quantiles of Student's t for 1 to 30 degrees of freedom.
_T = (
    *(12.706, 4.303, 3.182, 2.776, 2.571, 2.447, 2.365, 2.306, 2.262, 2.228),
    *(2.201, 2.179, 2.160, 2.145, 2.131, 2.120, 2.110, 2.101, 2.093, 2.086),
    *(2.080, 2.074, 2.069, 2.064, 2.060, 2.056, 2.052, 2.048, 2.045, 2.042),
)


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
        >>> low, high = spread([0.50, 0.54]).interval
        >>> round(low, 4), round(high, 4)  # 0.52 -+ 12.706 * 0.02828 / sqrt(2)
        (0.2659, 0.7741)
    """
    mean, count = statistics.fmean(values), len(values)
    if count == 1:
        return Spread(mean, None, None, 1)
    deviation = statistics.stdev(values)
    margin = _quantile(count - 1) * deviation / math.sqrt(count)
    return Spread(mean, deviation, (mean - margin, mean + margin), count)


def _quantile(freedom):
    if freedom <= len(_T):
        return _T[freedom - 1]
    # The normal distribution's, and the first term of the expansion behind it.
    normal = statistics.NormalDist().inv_cdf(0.975)
    return normal + (normal**3 + normal) / (4 * freedom)


def mean_over_images(scores):
    """Bootstrap interval over images of the mean IoU's mean over seeds.

    All seeds are scored on the same draws of images.

    Args:
        scores: `ImageScores` of each seed.

    Returns:
        (low, high), 95 %; None of too few images, or if they are not the same ones.
    """
    return _over_images(scores, [_resampled(own) for own in scores])


def paired_over_images(pairs):
    """Bootstrap interval over images of a mean difference over seeds.

    Args:
        pairs: Of each seed, (`ImageScores` of the variant, that of the control).

    Returns:
        As `mean_over_images` does.
    """
    everything = [scores for pair in pairs for scores in pair]
    differences = [_resampled(own) - _resampled(control) for own, control in pairs]
    return _over_images(everything, differences)


def _resampled(scores):
    return bootstrap.resampled(scores.confusions, scores.block)


def _over_images(scores, resampled):
    first = scores[0]
    try:
        for other in scores[1:]:
            bootstrap.check_same_images(first.confusions, other.confusions)
    except UserError:
        return None
    draws = bootstrap.num_draws(len(first.confusions), first.block)
    if draws < bootstrap.MIN_DRAWS:
        return None
    return bootstrap.percentiles(np.mean(resampled, axis=0))
