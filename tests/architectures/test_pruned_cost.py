"""What is left of the costs when a path leaves parts of the network out."""

import numpy as np
import pytest

from selene_tf.architectures import cost_table, topology
from selene_tf.architectures.routing_path import RoutingPath
from selene_tf.networks import dynamic_routing
from tests.architectures.counted import kernels_and_positions, open_gates
from tests.checks import randomize

KEEP, UP, DOWN = 0, 1, 2


def random_path(seed, num_layers, bias):
    """What is connected of random routes and passed cells."""
    rng = np.random.default_rng(seed)
    exists = open_gates(num_layers)[0] > 0
    kept = exists & (rng.normal(bias, 1.0, exists.shape) > 0)
    kept[:, 0, KEEP] = True
    bypassed = (rng.uniform(size=kept.shape[:2]) < 0.3) & exists.any(axis=-1)
    bypassed[1, 0] = True
    kept[bypassed] = False
    kept, bypassed = topology.connected(kept, bypassed)
    return RoutingPath(kept, bypassed, np.zeros(kept.shape), np.zeros(kept.shape), {})


# Paths to stride 32 and to finer levels alone, with and without a head at stride 32.
@pytest.mark.parametrize(
    ("seed", "bias", "coarsest", "variant"),
    [
        (0, 1.0, 3, {}),
        (4, 1.0, 3, {"small_gate": True, "pooling": "aspp"}),
        (6, 1.0, 1, {}),
        (4, 0.3, 2, {"pooling": "psp"}),
    ],
)
def test_a_path_costs_what_is_built_along_it(
    seed, bias, coarsest, variant, monkeypatch
):
    path = random_path(seed, 4, bias)
    assert 0 < path.kept.sum() < (open_gates(4) > 0).sum()
    assert path.bypassed.any()
    leads_to = np.flatnonzero(path.kept[-1, :, KEEP] | path.bypassed[-1])
    assert leads_to.max() == coarsest
    network = dynamic_routing.build(5, 4, 4, path=path, **variant)
    count = sum(int(np.prod(w.shape)) for w in network.trainable_weights)
    parameters = cost_table.parameters(5, 4, 4, **variant)
    assert cost_table.pruned(parameters, path).supernet == count
    images = np.zeros((1, 64, 96, 3), "float32")
    kernels = kernels_and_positions(network, images, monkeypatch).values()
    macs = cost_table.macs(5, 4, 4, 64, 96, **variant)
    pruned = cost_table.pruned(macs, path)
    assert pruned.supernet == sum(size * positions for size, positions in kernels)
    # The same as that of the cells and routes, but for levels that are not decoded.
    with_all_levels = macs.of(path.kept.any(axis=-1), path.kept)
    assert (pruned.supernet == with_all_levels) == (coarsest == 3)
    assert pruned.stem + pruned.decoder + pruned.gates.sum() + pruned.searched == (
        pruned.supernet
    )


def test_a_path_of_everything_costs_the_supernet():
    exists = open_gates(4)[0] > 0
    path = RoutingPath(exists, np.zeros((5, 4), bool), exists, exists, {})
    for table in (cost_table.macs(5, 4, 4, 64, 96), cost_table.parameters(5, 4, 4)):
        assert cost_table.pruned(table, path).supernet == table.supernet


def test_a_path_that_passes_a_cell_pays_no_gate_there():
    kept, bypassed = np.zeros((4, 4, 3), bool), np.zeros((4, 4), bool)
    kept[[0, 2, 3], 0, KEEP], bypassed[1, 0] = True, True
    path = RoutingPath(kept, bypassed, kept, kept, {})
    table = cost_table.macs(
        num_classes=3, channels=4, num_layers=3, height=32, width=32
    )
    # As below, without level 1 to 3 of the decoder and without the gate of (1, 0);
    # the gates of the others are whole.
    stem = 225 * (27 * 64 + 9 * 64 + 64 * 64) + 64 * (9 * 64 + 64 * 4)
    decoder = 64 * 4 * 4 + 64 * 9 * 4 * 3
    gates = 3 * 64 * 4 * 2 + 2 * 2 * 2 + 2 * 1
    closed = np.zeros((1, 4, 4, 3))
    expected = stem + decoder + gates
    pruned = cost_table.pruned(table, path)
    np.testing.assert_array_equal(cost_table.of_images(pruned, closed), [expected])
    opened = 0.9 * kept[None]
    cells = 3 * 64 * 2 * (9 * 4 + 4 * 4)
    assert cost_table.of_images(pruned, opened) == expected + cells == pruned.supernet


def test_nothing_flows_along_edges_that_a_path_has_not():
    kept, bypassed = np.zeros((4, 4, 3), bool), np.zeros((4, 4), bool)
    kept[0, 0, [KEEP, DOWN]] = kept[1, 0, DOWN] = kept[1, 1, KEEP] = True
    kept[2:, 1, KEEP] = kept[2, 1, UP] = kept[3, 0, KEEP] = True
    path = RoutingPath(kept, bypassed, kept, kept, {})
    table = cost_table.pruned(cost_table.macs(3, 4, 3, 32, 32), path)
    gates = 0.9 * kept[None]
    gates[0, 0, 0, DOWN] = gates[0, 1, 0, DOWN] = 0.0
    # (1, 0) is closed, and without an edge to (2, 0) it passes nothing on. (0, 0) is
    # open, so it sends along its closed gate to (1, 1).
    active = cost_table.active_cells(gates, table.exists)[0]
    expected = np.zeros((4, 4), bool)
    expected[0, 0] = expected[1, :2] = expected[2, 1] = expected[3, :2] = True
    np.testing.assert_array_equal(active, expected)
    # In the whole network there would be such an edge.
    assert cost_table.active_cells(gates)[0, 2, 0]


def test_a_pruned_network_has_no_open_gate_where_nothing_flows_in():
    path = random_path(1, 5, 1.0)
    network = dynamic_routing.build(3, channels=4, num_layers=5, path=path)
    randomize(network)
    rng = np.random.default_rng(4)
    for weight in network.weights:
        if weight.path.endswith("gate/project/bias"):
            weight.assign(rng.normal(-0.7, 1.0, weight.shape))
    images = rng.uniform(0, 255, (6, 32, 32, 3)).astype("float32")
    gates = np.asarray(network(images)["gates"])
    table = cost_table.pruned(cost_table.macs(3, 4, 5, 32, 32), path)
    active = cost_table.active_cells(gates, table.exists)
    computed = path.kept.any(axis=-1)
    assert (computed & ~active).any(), "the test is of use where a cell gets nothing"
    np.testing.assert_array_equal(gates[~active], 0.0)
    assert (cost_table.of_images(table, gates) < table.supernet).all()
