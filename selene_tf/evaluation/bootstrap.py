"""How far a mean IoU could be off, since other images might have been chosen."""

import numpy as np

from selene_tf.errors import UserError
from selene_tf.evaluation import metrics

RESAMPLINGS = 1000
CONFIDENCE = 0.95
# Of fewer draws the interval is a guess, and of one it has no width.
MIN_DRAWS = 10
# Numbers of a product that are in memory at a time.
_CHUNK = 2**24


def interval(confusions, block=1, resamplings=RESAMPLINGS, seed=0):
    """Bootstrap interval of the mean IoU over images, 95 % of the resamplings.

    Images are drawn with replacement, as many as there are, and their confusion
    matrices added. It says how far the score depends on which images were chosen; it
    says nothing about other trainings of the same network.

    Args:
        confusions: Integers (images, classes, classes), in the order of the images.
        block: So many neighbouring images are drawn together: frames of a video are
            nearly copies of each other, and one at a time would make the interval
            too narrow.
        resamplings: How often.
        seed: Of the random draws.

    Returns:
        (low, high), floats; None of fewer than 10 blocks.

    Example:
        >>> right, wrong = np.array([[9, 0], [0, 9]]), np.array([[5, 4], [4, 5]])
        >>> low, high = interval(np.stack([right, wrong] * 20))
        >>> round(low, 1), round(high, 1)
        (0.6, 0.7)

    Reference: Efron and Tibshirani 1993, "An Introduction to the Bootstrap", section
    13.3 (percentiles); Carlstein 1986 (blocks).
    """
    if num_draws(len(confusions), block) < MIN_DRAWS:
        return None
    return percentiles(resampled(confusions, block, resamplings, seed))


def num_draws(num_images, block=1):
    """How many blocks of neighbouring images there are to draw from."""
    return -(-num_images // block)


def paired_interval(confusions, others, block=1, resamplings=RESAMPLINGS, seed=0):
    """Bootstrap interval of the difference of two mean IoUs on the same images.

    Both networks are scored on the same draws, so that what makes images hard for both
    cancels out.

    Args:
        confusions: Integers (images, classes, classes).
        others: Likewise of the same images; what they are compared with.
        block: As in `interval`, as the others.
        resamplings: How often.
        seed: Of the random draws.

    Returns:
        (difference, low, high), floats; the difference is that of all images. Of fewer
        than 10 blocks low and high are None.

    Raises:
        UserError: the two are not of the same images.
    """
    check_same_images(confusions, others)
    difference = metrics.mean_iou(confusions.sum(0)) - metrics.mean_iou(others.sum(0))
    if num_draws(len(confusions), block) < MIN_DRAWS:
        return difference, None, None
    ours, theirs = (
        resampled(scores, block, resamplings, seed) for scores in (confusions, others)
    )
    return difference, *percentiles(ours - theirs)


def check_same_images(confusions, others):
    """Refuses confusion matrices of different images or masks.

    The pixels of each class in each image are those of its mask, whatever the network.

    Raises:
        UserError: says what differs.
    """
    if confusions.shape != others.shape:
        raise UserError(
            f"found scores of {len(confusions)} images with {confusions.shape[1]} "
            f"classes and of {len(others)} with {others.shape[1]}; expected the same "
            "images to compare two runs on."
        )
    differ = (confusions.sum(2) != others.sum(2)).any(1)
    if differ.any():
        raise UserError(
            f"found {differ.sum()} of {len(differ)} images whose masks differ, such as "
            f"number {np.flatnonzero(differ)[0]}; expected the same images to compare "
            "two runs on."
        )


def resampled(confusions, block=1, resamplings=RESAMPLINGS, seed=0):
    """The mean IoU of many draws of the images.

    Args:
        confusions: Integers (images, classes, classes).
        block: As in `interval`.
        resamplings: How often.
        seed: Of the draws; of as many images the same seed draws the same ones.

    Returns:
        float64 (resamplings,).
    """
    starts = np.arange(0, len(confusions), block)
    generator = np.random.default_rng(seed)
    chances = np.full(len(starts), 1 / len(starts))
    # How often each block is drawn.
    counts = generator.multinomial(len(starts), chances, resamplings)
    num_classes = confusions.shape[-1]
    blocks = np.add.reduceat(confusions, starts, dtype=np.int64)
    # Floats multiply many times as fast, and are exact below 2^53.
    blocks = blocks.reshape(len(starts), -1).astype(np.float64)
    at_once = max(1, _CHUNK // num_classes**2)
    return np.concatenate(
        [
            metrics.mean_ious(
                (counts[first : first + at_once] @ blocks).reshape(
                    -1, num_classes, num_classes
                )
            )
            for first in range(0, resamplings, at_once)
        ]
    )


def percentiles(scores):
    """What lies around 95 % of many numbers, (low, high)."""
    tail = (1 - CONFIDENCE) / 2
    low, high = np.nanquantile(scores, [tail, 1 - tail])
    return float(low), float(high)
