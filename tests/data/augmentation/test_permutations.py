import itertools

import numpy as np
import pytest

from selene_tf.data.augmentation.permutations import jigsaw_permutations

IDENTITY = np.arange(9)


def hamming_distances(orders):
    """Distances of all pairs, counted tile by tile."""
    return [
        sum(a != b for a, b in zip(first, second, strict=True))
        for first, second in itertools.combinations(orders.tolist(), 2)
    ]


def test_every_row_is_a_permutation_of_its_own():
    orders = jigsaw_permutations(100)
    assert (orders.shape, orders.dtype) == ((100, 9), np.int32)
    np.testing.assert_array_equal(np.sort(orders, axis=1), np.tile(IDENTITY, (100, 1)))
    assert len({tuple(order) for order in orders}) == 100


def test_a_hundred_orders_lie_far_apart():
    orders = jigsaw_permutations(100)
    distances = hamming_distances(orders)
    assert min(distances) >= 6
    # Were every tile in every cell equally often, the mean would be 8 * 100 / 99.
    assert 8.07 < np.mean(distances) <= 800 / 99
    assert (orders != IDENTITY).sum(axis=1).min() >= 6


def test_the_first_orders_are_those_found_by_hand():
    # The first order in the lexicographic sense without a tile at its place, and the
    # first that also shares no tile with that one; distances cannot be larger.
    first, second = [1, 0, 3, 2, 5, 4, 7, 8, 6], [2, 3, 0, 1, 6, 7, 8, 4, 5]
    assert jigsaw_permutations(2).tolist() == [first, second]


@pytest.mark.parametrize("taken", [9, 20])
def test_the_next_order_is_the_farthest_there_is(taken):
    orders = jigsaw_permutations(taken + 1).astype(np.int8)
    candidates = np.array(list(itertools.permutations(range(9))), np.int8)
    distances = np.stack([(candidates != order).sum(1) for order in orders[:-1]])
    nearest = np.minimum(distances.min(0), (candidates != IDENTITY).sum(1))
    ties = nearest == nearest.max()
    ties &= distances.sum(0) == distances.sum(0)[ties].max()
    np.testing.assert_array_equal(candidates[ties][0], orders[-1])


def test_fewer_orders_are_the_beginning_of_more():
    np.testing.assert_array_equal(
        jigsaw_permutations(10), jigsaw_permutations(100)[:10]
    )


def test_the_orders_are_always_the_same():
    orders = jigsaw_permutations(30)
    jigsaw_permutations.cache_clear()
    np.testing.assert_array_equal(jigsaw_permutations(30), orders)


def test_nobody_can_change_the_orders_of_others():
    with pytest.raises(ValueError, match="read-only"):
        jigsaw_permutations(3)[0, 0] = 5


def test_the_largest_set_leaves_the_identity_out():
    orders = jigsaw_permutations(1000)
    assert len({tuple(order) for order in orders}) == 1000
    assert (orders != IDENTITY).sum(axis=1).min() >= 5


@pytest.mark.parametrize("count", [-1, 0, 1001])
def test_counts_out_of_range_are_refused(count):
    with pytest.raises(ValueError, match=f"is {count}; give 1 to 1000"):
        jigsaw_permutations(count)
