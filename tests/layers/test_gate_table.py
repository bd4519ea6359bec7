import numpy as np

from selene_tf.layers.gate_table import GateTable
from tests import checks

KEEP, UP, DOWN = 0, 1, 2
PLACES = [
    [(0, 0, KEEP), (0, 0, DOWN)],
    [(1, 0, KEEP)],
    [(1, 1, KEEP), (1, 1, UP), (1, 1, DOWN)],
]


def gates():
    rng = np.random.default_rng(0)
    return [rng.uniform(size=(2, len(c))).astype("float32") for c in PLACES]


def test_keeps_the_rules_of_layers():
    # All but one: its output is float32 by its own rule, see below.
    layer = GateTable(num_layers=1, num_levels=2, places=PLACES)
    checks.check_configuration(layer, (gates(),))
    checks.check_shapes(layer, (gates(),), (2, 2, 2, 3))
    checks.check_graph(layer, (gates(),))


def test_puts_each_gate_in_its_place_and_0_where_there_is_none():
    inputs = gates()
    expected = np.zeros((2, 2, 2, 3))
    expected[:, 0, 0, KEEP], expected[:, 0, 0, DOWN] = inputs[0].T
    expected[:, 1, 0, KEEP] = inputs[1][:, 0]
    expected[:, 1, 1] = inputs[2]
    np.testing.assert_array_equal(GateTable(1, 2, PLACES)(inputs), expected.astype("f"))


def test_the_order_of_the_inputs_is_the_order_of_the_places():
    inputs = gates()
    turned = GateTable(1, 2, PLACES[::-1])(inputs[::-1])
    np.testing.assert_array_equal(turned, GateTable(1, 2, PLACES)(inputs))


def test_is_float32_whatever_the_cells_compute_in():
    layer = GateTable(1, 2, PLACES, dtype="mixed_bfloat16")
    assert layer(gates()).dtype == "float32"
