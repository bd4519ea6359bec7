import functools

import numpy as np
import pytest
import tensorflow as tf

from selene_tf import losses
from selene_tf.architectures import cost_table, expected_cost, topology
from tests import reference
from tests.architectures import official_gates

KEEP, UP, DOWN = 0, 1, 2


def random_gates(num_layers, images, seed=0):
    """Different gates in [0.1, 0.9) on every route that there is, in float64."""
    values = np.random.default_rng(seed).uniform(0.1, 0.9, (images, 200))
    gates = np.zeros((images, num_layers + 1, 4, 3))
    exists = existing(num_layers)
    gates[:, exists] = values[:, : exists.sum()]
    return gates


def existing(num_layers):
    exists = np.zeros((num_layers + 1, 4, 3), bool)
    for layer, level in topology.cells(num_layers):
        for route in topology.routes(layer, level, num_layers):
            exists[layer, level, topology.ROUTES.index(route)] = True
    return exists


def expected_cell_by_cell(table, gates):
    return official_gates.of_cells(table, gates.max(axis=-1), gates).sum((1, 2))


def gradient_of_total(table, gates):
    """Of the sum over the images: (batch, num_layers + 1, 4, 3)."""
    gates = tf.cast(gates, tf.float32)
    with tf.GradientTape() as tape:
        tape.watch(gates)
        total = tf.reduce_sum(expected_cost.expected(table, gates))
    return tape.gradient(total, gates)


@pytest.fixture(scope="module")
def small():
    """The reference's numbers, and the costs of its network in our table."""
    table = cost_table.macs(5, 8, 4, 64, 96, convention="dynamic_routing")
    return reference.load(), table


@pytest.mark.parametrize("prefix", ["eval", "eval_b1/0", "eval_b1/1", "train"])
def test_the_mean_over_images_is_the_officials(small, prefix):
    arrays, table = small
    costs = expected_cost.expected(table, official_gates.gates(arrays, prefix))
    theirs = float(arrays[f"{prefix}/expt_flops"]) * 1e6
    assert float(np.mean(costs)) == pytest.approx(theirs, rel=1e-6)


@pytest.mark.parametrize("prefix", ["eval", "eval_b1/0", "eval_b1/1"])
def test_every_cell_has_the_officials_cost(small, prefix):
    arrays, table = small
    gates = official_gates.gates(arrays, prefix)
    ours = official_gates.of_cells(table, gates.max(axis=-1), gates)
    for layer, level in topology.cells(4)[1:]:
        name = official_gates.name(layer, level)
        theirs = arrays[f"{prefix}/cellflops/{name}/expt"] * 1e6
        np.testing.assert_allclose(ours[:, layer, level], theirs, rtol=1e-6)


@pytest.mark.parametrize("convention", ["plain", "dynamic_routing"])
def test_gates_of_1_cost_all_cells_and_routes(convention):
    table = cost_table.macs(19, 64, 16, 1024, 2048, convention=convention)
    gates = np.stack([existing(16), np.zeros((17, 4, 3)), 0.5 * existing(16)])
    costs = expected_cost.expected(table, gates)
    shares = np.asarray(costs) / (table.cells.sum() + table.routes.sum())
    np.testing.assert_allclose(shares, [1.0, 0.0, 0.5], rtol=1e-6)


@pytest.mark.parametrize("jit_compile", [None, False, True])
@pytest.mark.parametrize("convention", ["plain", "dynamic_routing"])
def test_each_image_costs_what_its_cells_and_their_inputs_do(convention, jit_compile):
    table = cost_table.macs(5, 8, 5, 64, 96, convention=convention)
    gates = random_gates(5, images=3)
    function = functools.partial(expected_cost.expected, table)
    if jit_compile is not None:
        function = tf.function(function, jit_compile=jit_compile)
    costs = function(tf.constant(gates, tf.float32))
    assert costs.shape == (3,)
    assert costs.dtype == tf.float32
    np.testing.assert_allclose(costs, expected_cell_by_cell(table, gates), rtol=1e-6)


def test_by_hand():
    table = cost_table.macs(3, 4, 3, 64, 64, convention="dynamic_routing")
    gates = np.zeros((1, 4, 4, 3))
    gates[0, 1, 1] = [0.25, 0.5, 0.125]
    # The cell has 8 channels and 8 x 8 pixels; the half of it and of the way up,
    # a quarter of keep, an eighth of the way down.
    cell = 64 * (2 * 64 + 23 * 8)
    up = 64 * 8 + 64 * (32 + 12)
    down = 64 * 8 + 16 * (128 + 48)
    expected = cell / 2 + 64 * 8 / 4 + up / 2 + down / 8
    np.testing.assert_allclose(expected_cost.expected(table, gates), [expected])


# All closed; all wide open, where tanh is 1 in float32; two of three.
@pytest.mark.parametrize(
    ("gates", "first"),
    [([0, 0, 0], KEEP), ([1, 1, 1], KEEP), ([0.5, 0.75, 0.75], UP)],
)
@pytest.mark.parametrize("jit_compile", [False, True])
def test_of_equal_gates_the_first_alone_learns_from_the_cells_cost(
    gates, first, jit_compile
):
    table = cost_table.macs(3, 4, 3, 64, 64, convention="dynamic_routing")
    values = np.zeros((2, 4, 4, 3))
    values[:, 1, 1] = gates
    function = functools.partial(gradient_of_total, table)
    gradient = tf.function(function, jit_compile=jit_compile)(values)
    expected = table.routes[1, 1].astype("float64")
    expected[first] += table.cells[1, 1]
    np.testing.assert_allclose(gradient[0, 1, 1], expected)
    np.testing.assert_array_equal(gradient[0], gradient[1])


def test_no_other_than_the_largest_gate_learns_from_the_cells_cost():
    table = cost_table.macs(3, 4, 3, 64, 64)
    gates = random_gates(3, images=2)
    largest = gates == gates.max(axis=-1, keepdims=True)
    largest &= existing(3)
    expected = largest * table.cells[..., None] + table.routes
    np.testing.assert_allclose(gradient_of_total(table, gates), expected, rtol=1e-6)


def budget_loss(table, gates, total, share):
    costs = expected_cost.expected(table, gates)
    return losses.budget_loss(tf.reduce_mean(costs), total, share)


def test_the_budgets_gradient_is_that_of_finite_differences():
    table = cost_table.macs(5, 8, 4, 64, 96, convention="dynamic_routing")
    gates, total, share = random_gates(4, images=2), 1.5e6, 0.1

    def in_numpy(gates):
        mean = expected_cell_by_cell(table, gates).mean()
        return (mean / total - share) ** 2

    differences = np.zeros_like(gates)
    for place in zip(*np.nonzero(gates), strict=True):
        step = np.zeros_like(gates)
        step[place] = 1e-5
        differences[place] = (in_numpy(gates + step) - in_numpy(gates - step)) / 2e-5
    variable = tf.Variable(gates, dtype=tf.float32)
    with tf.GradientTape() as tape:
        loss = budget_loss(table, variable, total, share)
    assert float(loss) == pytest.approx(in_numpy(gates), rel=1e-5)
    gradient = tape.gradient(loss, variable).numpy()
    exists = np.broadcast_to(existing(4), gates.shape)
    np.testing.assert_allclose(gradient[exists], differences[exists], rtol=1e-4)


def test_the_budget_of_the_reference_and_what_its_last_gates_learn(small):
    arrays, table = small
    total = float(arrays["budget/flops_all"]) * 1e6
    share, weight = float(arrays["budget/mu"]), float(arrays["budget/weight"])
    gates = tf.constant(official_gates.gates(arrays, "train"))
    with tf.GradientTape() as tape:
        tape.watch(gates)
        loss = weight * budget_loss(table, gates, total, share)
    assert float(loss) == pytest.approx(float(arrays["budget/loss"]), rel=1e-6)
    # Behind the last layer's gates comes nothing that other gates depend on, so
    # the gradient of a gate's bias is this one through relu(tanh(.)).
    last = gates.numpy()[:, 4, :, KEEP]
    through = tape.gradient(loss, gates).numpy()[:, 4, :, KEEP] * (1 - last**2)
    ours = (through * (last > 0)).sum(axis=0)
    for level in range(4):
        key = f"backbone.all_cell_list.3.{level}.gate_conv_beta.2.bias"
        theirs = arrays[f"grad_budget/{key}"]
        np.testing.assert_allclose(ours[level], theirs[0], rtol=1e-4, atol=1e-12)


def test_the_published_total_is_about_the_network_at_the_size_of_its_crops():
    table = cost_table.macs(19, 64, 16, 768, 768, convention="dynamic_routing")
    # FLOPS_ALL of the published configurations.
    assert 0.97 < 26.3e9 / table.searched < 1.0


def test_wide_gates_are_counted_in_their_own_precision():
    table = cost_table.macs(3, 4, 3, 64, 64)
    gates = tf.constant(np.full((1, 4, 4, 3), 1 / 3), "float64")
    costs = expected_cost.expected(table, gates)
    assert costs.dtype == tf.float64
    assert float(costs[0]) == pytest.approx(table.searched / 3, rel=1e-14)
