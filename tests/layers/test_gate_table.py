import numpy as np

from selene_tf.layers.gate_table import GateTable
from tests import checks

CELLS = [(0, 0), (1, 0), (1, 1)]


def gates():
    rng = np.random.default_rng(0)
    return [rng.uniform(size=(2, 3)).astype("float32") for _ in CELLS]


def test_keeps_the_rules_of_layers():
    # All but one: its output is float32 by its own rule, see below.
    layer = GateTable(num_layers=1, num_levels=2, cells=CELLS)
    checks.check_configuration(layer, (gates(),))
    checks.check_shapes(layer, (gates(),), (2, 2, 2, 3))
    checks.check_graph(layer, (gates(),))


def test_puts_each_cell_in_its_place_and_0_where_there_is_none():
    inputs = gates()
    table = np.asarray(GateTable(1, 2, CELLS)(inputs))
    for cell, values in zip(CELLS, inputs, strict=True):
        np.testing.assert_array_equal(table[:, *cell], values)
    np.testing.assert_array_equal(table[:, 0, 1], np.zeros((2, 3)))


def test_the_order_of_the_inputs_is_the_order_of_the_cells():
    inputs = gates()
    turned = GateTable(1, 2, CELLS[::-1])(inputs[::-1])
    np.testing.assert_array_equal(turned, GateTable(1, 2, CELLS)(inputs))


def test_is_float32_whatever_the_cells_compute_in():
    layer = GateTable(1, 2, CELLS, dtype="mixed_bfloat16")
    assert layer(gates()).dtype == "float32"
