"""The fixed set of tile orders from which the jigsaw task chooses."""

import functools
import itertools

import numpy as np

from selene_tf.errors import UserError

NUM_TILES = 9


@functools.cache
def jigsaw_permutations(count):
    """Selects permutations of nine tiles with large Hamming distances.

    Greedily takes the order whose smallest Hamming distance to those already taken
    is largest; among equals the one with the largest mean distance to them, then the
    first in lexicographic order. The identity counts as taken from the start, so that
    no order resembles a whole image, but is not among the results. Nothing is
    random, and fewer orders are always the beginning of more.

    Any two of 100 orders, and each of them and the identity, differ in at least 6
    tiles (of 1000: 5). The lists released with the paper, "Unsupervised Learning of
    Visual Representations by Solving Jigsaw Puzzles" (Noroozi and Favaro, 2016,
    https://arxiv.org/abs/1603.09246), maximise the mean distance, which is as large
    here, and contain orders that differ in 2 tiles only.

    Args:
        count: Number of orders, 1 to 1000.

    Returns:
        int32 (count, 9), read-only; each row is a permutation of 0 to 8.

    Raises:
        UserError: The count is out of range.

    Example:
        >>> orders = jigsaw_permutations(2)
        >>> orders[0].tolist()
        [1, 0, 3, 2, 5, 4, 7, 8, 6]
    """
    check_count(count)
    candidates = np.array(list(itertools.permutations(range(NUM_TILES))), np.uint8)
    chosen = candidates[_spread(candidates, count)].astype(np.int32)
    # Callers share the cached array.
    chosen.setflags(write=False)
    return chosen


def check_count(count):
    """Checks a number of permutations.

    Raises:
        UserError: It is not within 1 to 1000.
    """
    if not 1 <= count <= 1000:
        raise UserError(
            f"The number of jigsaw permutations is {count}; give 1 to 1000."
        )


def _spread(candidates, count):
    """Returns the indices of `count` candidates, as far apart as greed gets them.

    The first candidate, the identity, is the anchor and never chosen.
    """
    # Comparing whole columns is several times faster than comparing rows.
    columns = np.ascontiguousarray(candidates.T)
    smallest = _distances(columns, candidates[0])
    total = np.zeros(len(candidates), np.int32)
    chosen = []
    for _ in range(count):
        farthest = np.flatnonzero(smallest == smallest.max())
        # argmax takes the first of equals, and candidates stand in lexicographic order.
        chosen.append(farthest[np.argmax(total[farthest])])
        distances = _distances(columns, candidates[chosen[-1]])
        np.minimum(smallest, distances, out=smallest)
        total += distances
    return chosen


def _distances(columns, order):
    distances = np.zeros(columns.shape[1], np.uint8)
    for column, tile in zip(columns, order, strict=True):
        distances += column != tile
    return distances
