import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from selene_tf.architectures import cost_table, topology
from selene_tf.architectures.routing import RoutingArchitecture
from selene_tf.errors import UserError
from selene_tf.search import discover, path_for_cost
from tests.refusals import assert_refused

SIZE = (64, 96)
PASS = 3
# Each goes through many paths.
FEW = settings(max_examples=settings().max_examples // 5)


def architecture_of(gates, path=None):
    return RoutingArchitecture(3, 4, gates.shape[1] - 1, path=path)


def within(gates, max_macs, **options):
    return path_for_cost.within(
        gates, architecture_of(gates), SIZE, max_macs, **options
    )


def keeping(gates, keep):
    target = path_for_cost.target_macs(architecture_of(gates), SIZE, keep=keep)
    return within(gates, target)


@st.composite
def some_gates(draw, num_layers=None):
    """Gates of some images, of which a share is 0, and some cells are closed."""
    num_layers = num_layers or draw(st.integers(3, 6))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    open_share, closed_share = draw(st.sampled_from([(1, 0), (0.7, 0.3), (0.2, 0.8)]))
    images = draw(st.sampled_from([1, 4]))
    # Few different values give equal scores.
    coarse = draw(st.booleans())
    gates = np.zeros((images, num_layers + 1, 4, 3), np.float32)
    for layer, level in topology.cells(num_layers):
        is_closed = rng.random(images) < closed_share
        for route in topology.routes(layer, level, num_layers):
            values = rng.random(images)
            values = np.ceil(values * 3) / 4 if coarse else values
            values *= rng.random(images) < open_share
            values[is_closed] = 0.0
            gates[:, layer, level, topology.ROUTES.index(route)] = values
    return gates


def candidates(gates):
    """The path of every score, cheapest first."""
    scores = path_for_cost.edge_scores(path_for_cost.edge_strengths(gates))
    thresholds = np.unique(scores[np.isfinite(scores)])[::-1]
    return [path_for_cost.edges_from(scores, score) for score in thresholds]


def flows(kept, bypassed):
    edges = kept.copy()
    edges[..., 0] |= bypassed
    return edges


def all_ways(strengths):
    """Every way from the stem to the decoder, as tuples of edges."""
    ways = [((), (0, 0))]
    for _ in range(len(strengths)):
        ways = [
            ((*way, (*cell, number)), topology.target(*cell, name))
            for way, cell in ways
            for number, name in enumerate((*topology.ROUTES, "keep"))
            if not np.isnan(strengths[(*cell, number)])
        ]
    return [way for way, _ in ways]


@FEW
@given(some_gates(num_layers=3))
def test_an_edge_scores_what_the_best_of_all_ways_along_it_does(gates):
    strengths = path_for_cost.edge_strengths(gates)
    best = np.full(strengths.shape, -np.inf)
    for way in all_ways(strengths):
        score = sum(np.log(max(strengths[edge], 1e-12)) for edge in way)
        for edge in way:
            best[edge] = max(best[edge], score)
    scores = path_for_cost.edge_scores(strengths)
    np.testing.assert_allclose(scores, best, rtol=0, atol=1e-8)


def test_edges_are_the_routes_and_what_images_pass_on():
    gates = np.zeros((4, 4, 4, 3))
    gates[:, 0, 0, 0] = 0.8
    gates[:3, 1, 0, 0] = 0.4
    strengths = path_for_cost.edge_strengths(gates)
    assert strengths[0, 0, [0, 2]].tolist() == pytest.approx([0.8, 0.0])
    # No way up from the finest level; the last layer only keeps.
    assert np.isnan(strengths[0, 0, 1])
    assert np.isnan(strengths[3, 1, 1:3]).all()
    assert strengths[1, 0, 0] == pytest.approx(0.3)
    # All images open the first cell, a quarter passes on in the next.
    assert np.isnan(strengths[0, 0, PASS])
    assert strengths[1, 0, PASS] == 0.25
    assert strengths[2:, 0, PASS].tolist() == [1.0, 1.0]


@FEW
@given(some_gates())
def test_every_candidate_is_whole_and_part_of_the_next(gates):
    table = cost_table.macs(3, 4, gates.shape[1] - 1, *SIZE)
    paths = candidates(gates)
    for kept, bypassed in paths:
        same_kept, same_passing = topology.connected(kept, bypassed)
        np.testing.assert_array_equal(same_kept, kept)
        np.testing.assert_array_equal(same_passing, bypassed)
        assert not (bypassed & kept.any(axis=-1)).any()
        assert flows(kept, bypassed)[-1, :, 0].any()
    for smaller, larger in zip(paths, paths[1:], strict=False):
        assert not (smaller[0] & ~larger[0]).any()
        assert not (flows(*smaller) & ~flows(*larger)).any()
        macs = [int(table.of(kept.any(-1), kept)) for kept, _ in (smaller, larger)]
        assert macs[0] <= macs[1]
    everything = paths[-1][0]
    exists = np.zeros(everything.shape, bool)
    for layer, level in topology.cells(len(exists) - 1):
        for route in topology.routes(layer, level, len(exists) - 1):
            exists[layer, level, topology.ROUTES.index(route)] = True
    np.testing.assert_array_equal(everything, exists)


def computing(gates):
    """A way of cells that only pass on is no network."""
    return [routes for routes in candidates(gates) if routes[0].any()]


def test_images_that_close_everything_still_get_a_network():
    gates = np.zeros((2, 5, 4, 3))
    path = keeping(gates, 1.0)
    assert path.kept.any()


@FEW
@given(some_gates(), st.floats(0.3, 1.0))
def test_it_is_the_largest_candidate_that_the_target_affords(gates, keep):
    target = path_for_cost.target_macs(architecture_of(gates), SIZE, keep=keep)
    architecture = architecture_of(gates)
    macs = [
        discover.as_path(gates, *routes, architecture, SIZE, "").metadata["macs"]
        for routes in computing(gates)
    ]
    affordable = [value for value in macs if value <= target]
    if not affordable:
        assert_refused(lambda: within(gates, target), f"{target:,}", f"{macs[0]:,}")
        return
    path = within(gates, target)
    expected_kept, expected_passing = computing(gates)[len(affordable) - 1]
    np.testing.assert_array_equal(path.kept, expected_kept)
    np.testing.assert_array_equal(path.bypassed, expected_passing)
    assert path.metadata["macs"] == affordable[-1] <= target
    assert path.metadata["rule"] == f"macs<={target}"


@pytest.mark.parametrize("value", [0.0, 0.5])
def test_keep_1_keeps_every_route(value):
    gates = np.zeros((2, 5, 4, 3))
    for layer, level in topology.cells(4):
        for route in topology.routes(layer, level, 4):
            gates[:, layer, level, topology.ROUTES.index(route)] = value
    gates[:, 2, 1] = 0.0
    path = keeping(gates, 1.0)
    assert path.metadata["macs"] == path.metadata["supernet_macs"]
    assert path.metadata["parameters"] == path.metadata["supernet_parameters"]
    assert not path.bypassed.any()


def test_by_hand_the_strongest_way_comes_first_and_then_the_next():
    gates = np.zeros((1, 4, 4, 3))
    # 0.9 ** 4 along level 0, 0.8 * 0.9 ** 3 by way of level 1.
    gates[:, :, 0, 0], gates[:, 0, 0, 2], gates[:, 1, 1, 1] = 0.9, 0.8, 0.9
    gates[:, 0, 0, 1] = gates[:, 3, 0, 1:] = 0.0
    first, second = candidates(gates)[:2]
    assert [at for at in np.argwhere(first[0]).tolist()] == [
        [layer, 0, 0] for layer in range(4)
    ]
    added = np.argwhere(second[0] & ~first[0]).tolist()
    assert added == [[0, 0, 2], [1, 1, 1]]


def test_by_hand_a_cell_that_is_passed_is_computed_only_for_its_own_routes():
    gates = np.zeros((4, 4, 4, 3))
    gates[:, :, 0, 0] = 0.9
    # Three of four images close (1, 0), and one opens its way down.
    gates[:, 1, 0] = 0.0
    gates[0, 1, 0, 2] = 0.4
    gates[:, 2:, 1, 0] = 0.5
    passed, *later = candidates(gates)
    assert passed[1][1, 0]
    assert not passed[0][1, 0].any()
    # With the way down the cell is computed, and still sends its input along keep.
    computed = next(kept for kept, _ in later if kept[1, 0].any())
    assert computed[1, 0].tolist() == [True, False, True]


def test_what_a_target_below_the_strongest_way_needs_is_said():
    gates = np.ones((1, 4, 4, 3)) * 0.5
    gates[:, :, 0, 0] = 0.9
    with pytest.raises(UserError) as caught:
        within(gates, 1000)
    smallest = int(str(caught.value).split("--path_macs=")[1].split()[0])
    share = float(str(caught.value).split("--keep=")[1].split(",")[0])
    assert_refused(lambda: within(gates, 1000), "1,000 MACs", "64x96", smallest)
    assert_refused(lambda: within(gates, smallest - 1), smallest)
    assert within(gates, smallest).metadata["macs"] == smallest
    assert keeping(gates, share).metadata["macs"] == smallest


@FEW
@given(some_gates(), some_gates(), st.floats(0.5, 0.9))
def test_what_a_pruned_network_finds_is_a_part_of_its_path(first, second, keep):
    second = np.resize(second, first.shape)
    earlier = candidates(first)
    earlier = discover.as_path(
        first, *earlier[int(keep * len(earlier))], architecture_of(first), SIZE, ""
    )
    gates = second * earlier.kept
    architecture = architecture_of(first, path=earlier)
    path = path_for_cost.within(gates, architecture, SIZE, earlier.metadata["macs"])
    assert path.metadata["macs"] <= earlier.metadata["macs"]
    assert not (path.kept & ~earlier.kept).any()
    edges = flows(earlier.kept, earlier.bypassed)
    assert not (flows(path.kept, path.bypassed) & ~edges).any()
    same_kept, same_passing = topology.connected(path.kept, path.bypassed)
    np.testing.assert_array_equal(same_kept, path.kept)
    np.testing.assert_array_equal(same_passing, path.bypassed)


def test_targets():
    architecture = RoutingArchitecture(num_classes=3, channels=4, num_layers=3)
    supernet = cost_table.macs(3, 4, 3, *SIZE).supernet

    def target(**values):
        return path_for_cost.target_macs(architecture, SIZE, **values)

    assert target(keep=1) == supernet
    assert supernet / 2 - 1 < target(keep=0.5) <= supernet / 2
    assert target(path_macs=3e9) == 3_000_000_000
    for keep in (0, -0.5, 1.01, float("nan")):
        assert_refused(lambda keep=keep: target(keep=keep), "--keep", f"{keep:g}")
    for macs in (0, -1, float("inf"), float("nan")):
        assert_refused(lambda macs=macs: target(path_macs=macs), "--path_macs")
    assert_refused(target, "none")
    assert_refused(lambda: target(keep=0.5, path_macs=1e9), "both")


def test_gates_that_will_be_folded_cost_nothing():
    gates = np.full((1, 4, 4, 3), 0.5)
    path = within(gates, 10**12, counts_gates=False)
    kept = within(gates, 10**12)
    table = cost_table.macs(3, 4, 3, *SIZE)
    assert kept.metadata["macs"] - path.metadata["macs"] == table.gates.sum() > 0
    assert (
        path.metadata["supernet_macs"]
        == kept.metadata["supernet_macs"]
        == table.supernet
    )
    assert (path.metadata["counts_gates"], kept.metadata["counts_gates"]) == (
        False,
        True,
    )
