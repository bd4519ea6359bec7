import collections

import numpy as np
import pytest

from selene_tf.architectures import cost_table, topology
from selene_tf.networks import dynamic_routing
from tests.architectures.counted import kernels_and_positions, open_gates
from tests.checks import randomize

KEEP, UP, DOWN = 0, 1, 2


# The parts of the official networks with 64 channels and 19 classes: spec,
# section 1, measured with the official code. Its `init_layer` is our layer 0.
@pytest.mark.parametrize(
    ("num_layers", "total", "cells", "gates", "up", "down"),
    [
        (16, 17_784_968, 10_271_232, 2_520_947, 2_297_728, 2_475_264),
        (33, 38_871_666, 22_467_712, 5_516_381, 5_237_504, 5_430_272),
    ],
)
def test_parameters_of_each_part_are_the_official(
    num_layers, total, cells, gates, up, down
):
    table = cost_table.parameters(num_classes=19, channels=64, num_layers=num_layers)
    assert table.supernet == total
    assert table.stem == 11_456
    assert table.decoder == 177_152 + 10_963
    assert table.cells[1:].sum() == cells
    assert table.gates[1:].sum() == gates
    assert table.routes[1:, :, UP].sum() == up
    assert table.routes[1:, :, DOWN].sum() == down
    assert table.routes[..., KEEP].sum() == 0
    first = table.cells[0].sum(), table.routes[0].sum(), table.gates[0].sum()
    assert first == (9_600, 8_448, 2_178)


# The official counts in G, spec, section 2. They hold 1 operation for a ReLU or
# a pooling and 2 for a normalisation of each value, which ours leaves out.
@pytest.mark.parametrize(
    ("num_layers", "size", "cells", "gates", "up", "down"),
    [
        (16, (1024, 2048), 71.189922, 16.869507, 11.539055, 12.645827),
        (16, (768, 768), 20.022166, 4.744561, 3.245359, 3.556639),
        (33, (512, 512), 18.794283, 4.457270, 3.192652, 3.369992),
    ],
)
def test_macs_of_each_part_are_the_official_without_normalisation_and_relu(
    num_layers, size, cells, gates, up, down
):
    table = cost_table.macs(19, 64, num_layers, *size)
    values = np.array([size[0] * size[1] // 16 * 64 >> level for level in range(4)])
    per_layer = np.broadcast_to(values, table.cells.shape)
    has_cell, has_route = table.cells > 0, table.routes > 0
    extra = {
        "cells": 5 * (per_layer * has_cell)[1:].sum(),
        "gates": 2 * (per_layer * has_cell)[1:].sum(),
        "up": 2.5 * (per_layer * has_route[..., UP]).sum(),
        # The official count has the way down from the first cell.
        "down": 2.5 * (per_layer * has_route[..., DOWN]).sum(),
    }
    counted = {
        "cells": table.cells[1:].sum(),
        "gates": table.gates[1:].sum(),
        "up": table.routes[..., UP].sum(),
        "down": table.routes[..., DOWN].sum(),
    }
    expected = {"cells": cells, "gates": gates, "up": up, "down": down}
    for part, giga in expected.items():
        assert (counted[part] + extra[part]) / 1e9 == pytest.approx(giga, abs=1e-6)


# At 1024 x 2048 and with the head's true width: spec, section 2.
def test_macs_of_the_decoder_are_the_official_without_normalisation_and_relu():
    pixels = [256 * 512, 128 * 256, 64 * 128, 32 * 64]
    extra = 3 * sum(n * c for n, c in zip(pixels, (64, 64, 128, 256), strict=True))
    counted = cost_table.macs(19, 64, 16, 1024, 2048).decoder
    assert (counted + extra) / 1e9 == pytest.approx(1.378353 + 1.434452, abs=1e-6)


@pytest.mark.parametrize(("num_layers", "paper"), [(16, 119.5e9), (33, 242.3e9)])
def test_all_of_it_is_a_little_less_than_the_paper_says(num_layers, paper):
    # Normalisation, ReLU and pooling are in the paper's numbers: 1 to 2 %.
    table = cost_table.macs(19, 64, num_layers, 1024, 2048)
    assert 0.98 * paper < table.supernet < paper


@pytest.mark.parametrize(
    ("channels", "num_layers", "size", "variant"),
    [
        (4, 3, (64, 96), {}),
        (6, 4, (32, 64), {}),
        (4, 3, (50, 70), {}),
        (4, 3, (60, 140), {"small_gate": True}),
        (4, 3, (64, 96), {"gated": False}),
        (4, 3, (64, 96), {"pooling": "psp"}),
        (4, 3, (64, 96), {"pooling": "aspp"}),
    ],
)
def test_macs_are_those_of_the_convolutions_that_run(
    channels, num_layers, size, variant, monkeypatch
):
    network = dynamic_routing.build(5, channels, num_layers, **variant)
    images = np.zeros((1, *size, 3), "float32")
    kernels = kernels_and_positions(network, images, monkeypatch)
    assert len(kernels) == sum("kernel" in w.path for w in network.weights)
    parts = collections.Counter()
    for path, (kernel_size, positions) in kernels.items():
        layer, part, *_ = path.split("/")
        name = layer if not layer.startswith("cell") else f"{layer}/{part}"
        parts[name] += kernel_size * positions
    table = cost_table.macs(5, channels, num_layers, *size, **variant)
    assert table.supernet == parts.total()
    assert table.stem == sum(parts[f"stem_{i}"] for i in (1, 2, 3))
    decoders = [f"decoder_s{stride}" for stride in (4, 8, 16, 32)]
    head = (*decoders, "predictor", "pooling")
    assert table.decoder == sum(parts[name] for name in head)
    for layer, level in topology.cells(num_layers):
        cell = topology.cell_name(layer, level)
        separable = parts[f"{cell}/separable_1"] + parts[f"{cell}/separable_2"]
        assert table.cells[layer, level] == separable
        assert table.gates[layer, level] == parts[f"{cell}/gate"]
        assert table.routes[layer, level, UP] == parts[f"{cell}/up"]
        assert table.routes[layer, level, DOWN] == parts[f"{cell}/down"]


@pytest.mark.parametrize(
    ("channels", "num_layers", "variant"),
    [
        (4, 3, {}),
        (8, 5, {}),
        (4, 3, {"small_gate": True}),
        (4, 3, {"gated": False}),
        (4, 3, {"pooling": "psp"}),
        (6, 3, {"pooling": "aspp"}),
    ],
)
def test_parameters_are_those_of_the_network(channels, num_layers, variant):
    network = dynamic_routing.build(5, channels, num_layers, **variant)
    count = sum(int(np.prod(w.shape)) for w in network.trainable_weights)
    assert cost_table.parameters(5, channels, num_layers, **variant).supernet == count


def test_a_image_that_opens_everything_costs_the_supernet():
    table = cost_table.macs(3, 4, 5, 64, 64)
    costs = cost_table.of_images(table, open_gates(5, images=2))
    np.testing.assert_array_equal(costs, [table.supernet, table.supernet])


def test_a_image_that_closes_everything_costs_stem_decoder_and_four_gates():
    table = cost_table.macs(
        num_classes=3, channels=4, num_layers=3, height=32, width=32
    )
    # The stem's first map has 15 x 15 pixels, stride 4 has 8 x 8.
    stem = 225 * (27 * 64 + 9 * 64 + 64 * 64) + 64 * (9 * 64 + 64 * 4)
    decoder = 1 * 32 * 16 + 4 * 16 * 8 + 16 * 8 * 4 + 64 * 4 * 4 + 64 * 9 * 4 * 3
    # The input passes along the finest level, where each cell asks its gate:
    # 4 to 2 channels on 64 pixels, then 2 values to 2 routes, in the end to 1.
    gates = 4 * 64 * 4 * 2 + 3 * 2 * 2 + 2 * 1
    closed = np.zeros((1, 4, 4, 3))
    np.testing.assert_array_equal(
        cost_table.of_images(table, closed), [stem + decoder + gates]
    )


def test_each_image_costs_its_own():
    table = cost_table.macs(3, 4, 3, 64, 64)
    gates = np.concatenate([open_gates(3), np.zeros((1, 4, 4, 3)), open_gates(3)])
    gates[2, 1, 0] = 0.0
    alone = [int(cost_table.of_images(table, gates[i : i + 1])[0]) for i in range(3)]
    np.testing.assert_array_equal(cost_table.of_images(table, gates), alone)
    # A closed cell still asks its gate, and saves the rest.
    saved = table.cells[1, 0] + table.routes[1, 0].sum()
    assert alone[0] - alone[2] == saved


def test_a_gate_counts_as_open_above_a_ten_thousandth():
    table = cost_table.macs(3, 4, 3, 64, 64)
    gates = open_gates(3, images=2)
    gates[0, 1, 1, UP], gates[1, 1, 1, UP] = 0.9e-4, 1.1e-4
    below, above = cost_table.of_images(table, gates)
    assert above - below == table.routes[1, 1, UP] > 0


def test_where_something_flows_in_by_hand():
    gates = np.zeros((2, 4, 4, 3))
    # The first image: down from the first cell, then up from (1, 1).
    gates[0, 0, 0, DOWN] = 0.5
    gates[0, 1, 1, UP] = 0.5
    # Its keep is closed but there, and (1, 0) passes on what it gets along keep
    # only. (1, 1) is open, so it sends along all three of its routes; what is
    # not open behind it passes along keep.
    expected = np.zeros((2, 4, 4), bool)
    expected[0, 0, 0] = True
    expected[0, 1, :2] = True
    expected[0, 2, :3] = True
    expected[0, 3, :3] = True
    # The second closes everything, and its input stays at the finest level.
    expected[1, :, 0] = True
    np.testing.assert_array_equal(cost_table.active_cells(gates), expected)


def test_the_network_has_no_open_gate_where_nothing_flows_in():
    network = dynamic_routing.build(3, channels=4, num_layers=5)
    randomize(network)
    rng = np.random.default_rng(4)
    for weight in network.weights:
        if weight.path.endswith("gate/project/bias"):
            weight.assign(rng.normal(-0.7, 1.0, weight.shape))
    images = rng.uniform(0, 255, (6, 32, 32, 3)).astype("float32")
    gates = np.asarray(network(images)["gates"])
    active = cost_table.active_cells(gates)
    exists = cost_table.parameters(3, 4, 5).cells > 0
    assert (exists & ~active).any(), "the test is of use where a cell gets nothing"
    np.testing.assert_array_equal(gates[~active], 0.0)


def test_small_gates_look_at_a_quarter_of_the_sides_rounded_down():
    small = cost_table.macs(3, 4, 3, 160, 130, small_gate=True)
    full = cost_table.macs(3, 4, 3, 160, 130)
    # Padded to 160 x 160: maps of 40, 20, 10 and 5 pixels a side.
    sides = [10, 5, 2, 1]
    for layer, level in topology.cells(3):
        narrow, pixels = 2 << level, sides[level] ** 2
        routes = len(topology.routes(layer, level, 3))
        expected = pixels * (4 << level) * narrow + narrow * routes
        assert small.gates[layer, level] == expected
    np.testing.assert_array_equal(small.cells, full.cells)
    np.testing.assert_array_equal(small.routes, full.routes)
    assert (small.stem, small.decoder) == (full.stem, full.decoder)


def test_small_gates_cost_small_images_as_much_as_128_pixels():
    small = cost_table.macs(3, 4, 3, 64, 200, small_gate=True)
    padded = cost_table.macs(3, 4, 3, 128, 224, small_gate=True)
    assert small.supernet == padded.supernet
    assert small.gates[3, 3] == 1 * 32 * 16 + 16


def test_costs_are_exact_integers():
    for convention in ("plain", "dynamic_routing"):
        table = cost_table.macs(19, 64, 33, 1024, 2048, convention=convention)
        for part in (table.cells, table.gates, table.routes):
            assert part.dtype == np.int64
        for number in (table.stem, table.decoder, table.searched, table.supernet):
            assert isinstance(number, int)
