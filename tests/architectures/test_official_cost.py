"""The convention of the official code, against what that code gives."""

import numpy as np
import pytest

from selene_tf.architectures import cost_table, topology
from tests import reference
from tests.architectures import official_gates

KEEP, UP, DOWN = 0, 1, 2

# Measured with the official code, in G: stem, cells, gates, keep, up, down, head,
# then expected, real, and real without the head, all gates open.
OFFICIAL = {
    "L16 Raw 1024x2048": "4.194304 71.189922 16.869507 0.240124 11.539055 12.645827"
    " 1.406403 95.614927 118.085140 116.678738",
    "L16 Raw 768x768": "1.179648 20.022166 4.744561 0.067535 3.245359 3.556639"
    " 0.791101 26.891698 33.607008 32.815907",
    "L16 Raw 512x512": "0.524288 8.898740 2.108703 0.030015 1.442382 1.580728"
    " 0.351601 11.951866 14.936457 14.584857",
    "L16 SmallGate 1024x2048": "4.194304 71.189922 1.054360 0.240124 11.539055"
    " 12.645827 1.406403 95.614927 102.269993 100.863590",
    "L16 SmallGate 768x768": "1.179648 20.022166 0.296550 0.067535 3.245359 3.556639"
    " 0.791101 26.891698 29.158998 28.367897",
    "L16 SmallGate 512x512": "0.524288 8.898740 0.131809 0.030015 1.442382 1.580728"
    " 0.351601 11.951866 12.959564 12.607963",
    "L33 Raw 1024x2048": "4.194304 150.354264 35.657911 0.507511 25.541214 26.959938"
    " 1.406403 203.362927 244.621545 243.215142",
    "L33 Raw 768x768": "1.179648 42.287137 10.028813 0.142737 7.183466 7.582482"
    " 0.791101 57.195823 69.195386 68.404285",
    "L33 Raw 512x512": "0.524288 18.794283 4.457270 0.063439 3.192652 3.369992"
    " 0.351601 25.420366 30.753525 30.401924",
}


def giga(value):
    return f"{value / 1e9:.6f}"


def official(size, num_layers=16, small_gate=False, corrections=()):
    convention = "dynamic_routing"
    return cost_table.macs(
        19, 64, num_layers, *size, small_gate, convention, corrections
    )


@pytest.mark.parametrize("case", OFFICIAL)
def test_every_part_is_the_officials_to_the_last_digit(case):
    layers, gate, size = case.split()
    size = map(int, size.split("x"))
    table = official(size, int(layers[1:]), gate == "SmallGate")
    routes = [table.routes[..., route].sum() for route in (KEEP, UP, DOWN)]
    parts = [table.stem, table.cells.sum(), table.gates.sum(), *routes, table.decoder]
    totals = [table.searched, table.supernet, table.supernet - table.decoder]
    assert [giga(value) for value in (*parts, *totals)] == OFFICIAL[case].split()


# Decoder and classifier, which the measured numbers have apart.
@pytest.mark.parametrize(
    ("size", "parts"),
    [
        ((1024, 2048), (1.378353, 1.434452)),
        ((768, 768), (0.387662, 0.403440)),
        ((512, 512), (0.172294, 0.179306)),
    ],
)
def test_the_heads_true_width_is_a_correction(size, parts):
    classifier = size[0] // 4 * (size[1] // 4) * 9 * 64 * 19
    head = official(size, corrections=["true_head_width"]).decoder
    assert [giga(head - classifier), giga(classifier)] == [f"{p:.6f}" for p in parts]
    assert head == official(size).decoder * size[1] // size[0]


@pytest.mark.parametrize(("small_gate", "gate"), [(False, 0.285213), (True, 0.017826)])
def test_the_first_cell_is_a_correction(small_gate, gate):
    table = official((1024, 2048), 16, small_gate, ["first_cell"])
    assert giga(table.cells[0, 0]) == "1.266680"
    assert giga(table.gates[0, 0]) == f"{gate:.6f}"
    without = official((1024, 2048), 16, small_gate)
    assert without.cells[0].sum() == without.gates[0].sum() == 0
    np.testing.assert_array_equal(table.routes, without.routes)
    np.testing.assert_array_equal(table.cells[1:], without.cells[1:])
    assert table.decoder == without.decoder


def test_both_corrections_go_together():
    both = official((1024, 2048), corrections=["true_head_width", "first_cell"])
    added = 1.266680 + 0.285213 + (1.378353 + 1.434452 - 1.406403)
    assert both.supernet / 1e9 == pytest.approx(118.085140 + added, abs=3e-6)


def test_the_last_layer_leads_nowhere():
    table = official((512, 512))
    assert table.routes[15, :, KEEP].all()
    assert not table.routes[16].any()


def test_an_unknown_convention_or_correction_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="plain, dynamic_routing.*'flops'"):
        cost_table.macs(5, 8, 4, 64, 64, convention="flops")
    with pytest.raises(ValueError, match="true_head_width, first_cell.*'head'"):
        official((64, 64), corrections=["head"])
    with pytest.raises(ValueError, match="of the convention dynamic_routing"):
        cost_table.macs(5, 8, 4, 64, 64, corrections=["first_cell"])


@pytest.fixture(scope="module")
def small():
    """The reference's numbers, and the costs of its network in our table."""
    table = cost_table.macs(5, 8, 4, 64, 96, convention="dynamic_routing")
    return reference.load(), table


def test_stem_and_head_of_the_small_network(small):
    arrays, table = small
    assert table.stem / 1e6 == pytest.approx(float(arrays["stem_flops"]), rel=1e-12)
    assert table.decoder / 1e6 == pytest.approx(float(arrays["head_flops"]), rel=1e-12)


@pytest.mark.parametrize("prefix", ["eval", "eval_b1/0", "eval_b1/1"])
def test_real_costs_of_every_cell_are_the_officials(small, prefix):
    arrays, table = small
    gates = official_gates.gates(arrays, prefix)
    runs = gates.sum(axis=-1) > 1e-4
    ours = official_gates.of_cells(table, runs, gates > 1e-4) + table.gates
    for layer, level in topology.cells(4)[1:]:
        name = official_gates.name(layer, level)
        theirs = arrays[f"{prefix}/cellflops/{name}/real"] * 1e6
        np.testing.assert_allclose(ours[:, layer, level], theirs, rtol=1e-6)


@pytest.mark.parametrize("prefix", ["eval", "eval_b1/0", "eval_b1/1", "train"])
def test_the_real_cost_of_images_is_the_officials(small, prefix):
    arrays, table = small
    costs = cost_table.official_real(table, official_gates.gates(arrays, prefix))
    mean, head = costs.mean() / 1e6, table.decoder / 1e6
    assert mean == pytest.approx(float(arrays[f"{prefix}/real_flops"]), rel=1e-6)
    backbone = float(arrays[f"{prefix}/real_flops_backbone"])
    assert mean - head == pytest.approx(backbone, rel=1e-6)


def test_gates_up_to_a_ten_thousandth_are_closed_but_a_cells_add_up():
    table = cost_table.macs(3, 4, 3, 64, 64, convention="dynamic_routing")
    gates = np.zeros((4, 4, 4, 3))
    gates[1, 1, 1] = [0.5e-4, 0.0, 0.0]
    gates[2, 1, 1] = [0.6e-4, 0.6e-4, 0.0]
    gates[3, 1, 1] = [0.5e-4, 1.1e-4, 0.0]
    closed = table.stem + table.decoder + table.gates.sum()
    added = cost_table.official_real(table, gates) - closed
    cell, up = table.cells[1, 1], table.routes[1, 1, UP]
    np.testing.assert_array_equal(added, [0, 0, cell, cell + up])
