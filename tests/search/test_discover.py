import itertools

import numpy as np
import pytest

from selene_tf.architectures import cost_table, topology
from selene_tf.architectures.routing import RoutingArchitecture
from selene_tf.architectures.routing_path import RoutingPath
from selene_tf.search import discover as dynamic_routing

INDEX = {route: i for i, route in enumerate(topology.ROUTES)}


def gates_of(num_layers, images, values):
    """Gates that are 0 but for {(layer, level, route): gate of each image}."""
    gates = np.zeros((images, num_layers + 1, 4, 3))
    for (layer, level, route), gate in values.items():
        gates[:, layer, level, INDEX[route]] = gate
    return gates


def routes_of(kept):
    """{(layer, level, route)} of a table of booleans."""
    return {
        (int(layer), int(level), topology.ROUTES[route])
        for layer, level, route in np.argwhere(kept)
    }


def all_ways(num_layers):
    """Every way from the stem to the decoder, as tuples of routes."""
    ways = []
    for steps in itertools.product(topology.ROUTES, repeat=num_layers):
        cell, way = (0, 0), []
        for route in steps:
            if route not in topology.routes(*cell, num_layers):
                break
            way.append((*cell, route))
            cell = topology.target(*cell, route)
        else:
            ways.append((*way, (*cell, "keep")))
    return ways


def discover(gates, threshold=0.5, earlier=None):
    architecture = RoutingArchitecture(3, 4, gates.shape[1] - 1, path=earlier)
    return dynamic_routing.discover(gates, architecture, (64, 96), threshold)


def random_gates(seed, num_layers=4, images=5, bias=0.0):
    rng = np.random.default_rng(seed)
    gates = np.zeros((images, num_layers + 1, 4, 3))
    for layer, level in topology.cells(num_layers):
        for route in topology.routes(layer, level, num_layers):
            values = np.tanh(rng.normal(bias, 1.0, images))
            gates[:, layer, level, INDEX[route]] = np.maximum(values, 0.0)
    return gates


FINEST = {(layer, 0, "keep"): 0.9 for layer in range(4)}


@pytest.mark.parametrize(("threshold", "kept"), [(0.5, True), (0.51, False)])
def test_a_route_stays_if_the_share_of_images_that_open_it_reaches_the_threshold(
    threshold, kept
):
    detour = {(0, 0, "down"): [0.1, 0.1, 0, 0], (1, 1, "up"): [0.1, 0.1, 0, 0]}
    # Below the smallest gate that counts as open.
    faint = {(1, 0, "down"): 0.9e-4, (2, 1, "up"): 0.9e-4}
    gates = gates_of(3, 4, FINEST | detour | faint)
    path = discover(gates, threshold)
    assert routes_of(path.kept) == set(FINEST) | (set(detour) if kept else set())
    assert path.open_share[0, 0, INDEX["down"]] == 0.5
    assert path.mean_gate[0, 0, INDEX["down"]] == pytest.approx(0.05)
    assert path.open_share[1, 0, INDEX["down"]] == 0.0


def test_a_dead_end_is_removed():
    # Each of (2, 1)'s routes is open in one image of four: too few for any,
    # and too many for the cell to pass its input on.
    gates = gates_of(
        3,
        4,
        FINEST
        | {
            (1, 0, "down"): 0.9,
            (2, 1, "keep"): [0.9, 0, 0, 0],
            (2, 1, "up"): [0, 0.9, 0, 0],
            (2, 1, "down"): [0, 0, 0.9, 0],
        },
    )
    path = discover(gates)
    assert routes_of(path.kept) == set(FINEST)
    assert not path.bypassed.any()


def test_what_the_stem_does_not_reach_is_removed():
    gates = gates_of(3, 2, FINEST | {(2, 1, "keep"): 0.9, (3, 1, "keep"): 0.9})
    assert routes_of(discover(gates).kept) == set(FINEST)


def test_a_closed_cell_that_something_flows_into_passes_its_input_on():
    gates = gates_of(3, 2, FINEST | {(1, 0, "down"): 0.9})
    path = discover(gates)
    assert routes_of(path.kept) == set(FINEST) | {(1, 0, "down")}
    # (2, 1) and (3, 1) are closed, and carry the route down to the decoder.
    expected = np.zeros((4, 4), bool)
    expected[2:, 1] = True
    np.testing.assert_array_equal(path.bypassed, expected)


@pytest.mark.parametrize("value", [0.0, 1e-9, 0.99e-4])
def test_the_path_is_connected_if_hardly_a_gate_is_open(value):
    gates = np.where(random_gates(0, bias=5.0) > 0, value, 0.0)
    path = discover(gates)
    assert any(set(way) <= routes_of(path.kept) for way in all_ways(4))


def test_facts_say_what_it_costs():
    gates = gates_of(3, 4, FINEST)
    path = discover(gates)
    macs = cost_table.macs(3, 4, 3, 64, 96)
    parameters = cost_table.parameters(3, 4, 3)
    for name, table in {"macs": macs, "parameters": parameters}.items():
        # Four cells at the finest level, their gates, and no way up or down.
        cells = table.cells[:, 0].sum() + table.gates[:, 0].sum()
        # The decoder starts at the finest level, since nothing comes from coarser ones.
        decoder = table.decoder - table.decoder_levels[1:].sum()
        assert path.metadata[name] == table.stem + decoder + cells
        assert path.metadata[f"supernet_{name}"] == table.supernet
    assert path.metadata["images"] == 4
    assert path.metadata["image_size"] == [64, 96]
    assert path.metadata["rule"] == "threshold=0.5"
    assert path.num_layers == 3


@pytest.mark.parametrize("seed", range(5))
def test_the_strongest_route_has_the_largest_product_of_all_ways(seed):
    mean_gate = random_gates(seed).mean(axis=0)
    strongest = routes_of(dynamic_routing.strongest_route(mean_gate))

    def product(way):
        return np.prod([mean_gate[a, b, INDEX[route]] for a, b, route in way])

    assert strongest == set(max(all_ways(4), key=product))


def test_the_strongest_route_by_hand():
    values = dict.fromkeys(FINEST, 0.5)
    # 0.9 * 0.9 * 0.5 * 0.5 by way of level 1, against 0.5 ** 4.
    values |= {(0, 0, "down"): 0.9, (1, 1, "up"): 0.9}
    kept = dynamic_routing.strongest_route(gates_of(3, 1, values)[0])
    assert routes_of(kept) == {
        (0, 0, "down"),
        (1, 1, "up"),
        (2, 0, "keep"),
        (3, 0, "keep"),
    }


@pytest.mark.parametrize("seed", range(8))
@pytest.mark.parametrize("threshold", [0.0, 0.4, 1.0])
def test_all_that_stays_lies_on_a_way_from_the_stem_to_the_decoder(seed, threshold):
    gates = random_gates(seed, bias=-0.5)
    path = discover(gates, threshold)
    kept = routes_of(path.kept)
    bypassed = {(int(a), int(b), "keep") for a, b in np.argwhere(path.bypassed)}
    ways = [set(way) for way in all_ways(4) if set(way) <= kept | bypassed]
    assert kept | bypassed == set().union(*ways)
    # A cell that is computed does not pass its raw input on as well.
    assert not (path.bypassed & path.kept.any(axis=-1)).any()
    strongest = dynamic_routing.strongest_route(gates.mean(axis=0))
    assert routes_of(strongest) <= kept
    # Nothing stays that too few images open, but for the strongest route.
    share = (gates > 1e-4).mean(axis=0)
    assert (share[path.kept & ~strongest] >= threshold).all()


@pytest.mark.parametrize("seed", range(5))
def test_connected_keeps_just_what_lies_on_a_way(seed):
    rng = np.random.default_rng(seed)
    kept, bypassed = np.zeros((5, 4, 3), bool), np.zeros((5, 4), bool)
    for layer, level in topology.cells(4):
        for route in topology.routes(layer, level, 4):
            kept[layer, level, INDEX[route]] = rng.random() < 0.5
        bypassed[layer, level] = rng.random() < 0.3 and not kept[layer, level].any()
    may_flow = routes_of(kept) | {(a, b, "keep") for a, b in np.argwhere(bypassed)}
    on_a_way = set().union(*[way for way in all_ways(4) if set(way) <= may_flow])
    kept_after, passing_after = topology.connected(kept, bypassed)
    assert routes_of(kept_after) == routes_of(kept) & on_a_way
    assert {(a, b, "keep") for a, b in np.argwhere(passing_after)} == {
        (a, b, "keep") for a, b in np.argwhere(bypassed) if (a, b, "keep") in on_a_way
    }


# Along level 0, and past the cells (1, 1) and (2, 1), which are not computed.
EARLIER = FINEST | {(0, 0, "down"): 0.9, (3, 0, "keep"): 0.9, (3, 1, "keep"): 0.9}


def earlier_path():
    kept = gates_of(3, 1, EARLIER)[0] > 0
    bypassed = np.zeros(kept.shape[:2], bool)
    bypassed[1:3, 1] = True
    return RoutingPath(kept, bypassed, kept * 0.9, kept * 1.0, {})


def test_what_a_pruned_network_finds_is_a_part_of_its_path():
    # Only one of four images opens (2, 0): it passes its input on for the others.
    gates = gates_of(3, 4, EARLIER | {(2, 0, "keep"): [0.9, 0, 0, 0]})
    path = discover(gates, 0.5, earlier_path())
    assert path.metadata["supernet_macs"] == cost_table.macs(3, 4, 3, 64, 96).supernet
    computed = set(EARLIER) - {(2, 0, "keep")}
    # The stronger way, past the cells that are not computed, is not computed either.
    assert computed <= routes_of(path.kept) <= set(EARLIER)
    assert [[1, 1], [2, 1]] == [
        at for at in np.argwhere(path.bypassed).tolist() if at[1]
    ]


@pytest.mark.parametrize("only", ["level 0", "level 1", "nothing"])
def test_a_pruned_network_keeps_one_of_its_own_ways(only):
    # Images may close all that there is; the path must not leave it then.
    values = {key: 0.0 for key in EARLIER}
    if only == "level 0":
        values |= FINEST
    elif only == "level 1":
        values |= {(0, 0, "down"): 0.9, (3, 1, "keep"): 0.9}
    earlier = earlier_path()
    path = discover(gates_of(3, 2, values), 1.0, earlier)
    assert not (path.kept & ~earlier.kept).any()
    may_flow = path.kept.copy()
    may_flow[..., 0] |= path.bypassed
    assert any(set(way) <= routes_of(may_flow) for way in all_ways(3))


def test_a_pruned_network_does_not_pass_on_what_its_path_does_not():
    # A closed cell of the whole network passes its input on; here nothing is left.
    earlier = earlier_path()
    earlier.kept[1, 0] = (False, False, True)
    earlier.kept[0, 0] = (True, False, True)
    earlier.bypassed[1, 1] = True
    gates = gates_of(3, 1, {(0, 0, "keep"): 0.9, (0, 0, "down"): 0.9})
    share = dynamic_routing.bypassed_share(gates, earlier)
    assert share[1].tolist() == [0.0, 1.0, 0.0, 0.0]
    assert dynamic_routing.bypassed_share(gates)[1].tolist() == [1.0, 1.0, 0.0, 0.0]
