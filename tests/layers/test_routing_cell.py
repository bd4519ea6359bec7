import numpy as np
import pytest

from selene_tf.layers.routing_cell import RoutingCell
from tests import numpy_layers
from tests.checks import check_layer, randomize, shapes_of

ALL = ("keep", "up", "down")
ROUTE_SUBSETS = [("keep",), ("keep", "up"), ("keep", "down"), ALL]
SIZE = {"keep": (4, 6, 4), "up": (8, 12, 2), "down": (2, 3, 8)}


def inputs(batch=3, number=2, seed=0):
    rng = np.random.default_rng(seed)
    features = [
        rng.normal(size=(batch, *SIZE["keep"])).astype("float32") for _ in range(number)
    ]
    return features, [np.ones((batch, 1), "float32") for _ in features]


def expected_shapes(batch, routes):
    shapes = {route: (batch, *SIZE[route]) for route in routes}
    return shapes | {"gates": (batch, 3), "active": (batch, 1), "open": (batch, 1)}


def build_cell(routes=ALL, biases=(0.8, 0.3, 0.5)):
    """A cell with random weights whose gates stay near tanh of the biases."""
    cell = RoutingCell(routes)
    features, active = inputs()
    cell(features, active)
    randomize(cell)
    cell.gate.project.kernel.assign(0.1 * np.asarray(cell.gate.project.kernel))
    cell.gate.project.bias.assign(biases[: len(routes)])
    return cell


def by_hand(cell, total):
    """What the cell should give for one sum of inputs, at inference, all open."""
    features = numpy_layers.separable(total, cell.separable_1)
    features = numpy_layers.separable(features, cell.separable_2, activation=False)
    features = numpy_layers.relu(features + total)
    gates = numpy_layers.gate(total, cell.gate)
    weight = gates.T[:, :, None, None, None]
    up = numpy_layers.double(numpy_layers.conv_norm(features, cell.up))
    # A 1x1 kernel with stride 2 sees pixels 0, 2, 4, ...
    down = numpy_layers.conv_norm(features[:, ::2, ::2], cell.down)
    return {
        "keep": weight[0] * features,
        "up": weight[1] * up,
        "down": weight[2] * down,
        "gates": gates,
    }


@pytest.mark.parametrize("routes", ROUTE_SUBSETS)
def test_keeps_the_rules_of_layers(routes):
    check_layer(RoutingCell(routes), inputs(), expected_shapes(3, routes))


def test_odd_sides_are_halved_upwards():
    features = [np.ones((1, 5, 3, 4), "float32")]
    outputs = RoutingCell(ALL)(features, [np.ones((1, 1), "float32")])
    assert shapes_of(outputs)["down"] == (1, 3, 2, 8)


def test_all_three_routes_as_numpy_computes_them():
    cell = build_cell()
    features, active = inputs()
    outputs = cell(features, active)
    expected = by_hand(cell, features[0] + features[1])
    assert (expected["gates"] > 0.05).all(), "the test is of use with open gates"
    for name, values in expected.items():
        np.testing.assert_allclose(outputs[name], values, rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(outputs["active"], np.ones((3, 1)))
    np.testing.assert_array_equal(outputs["open"], np.ones((3, 1)))


@pytest.mark.parametrize("routes", ROUTE_SUBSETS[:3])
def test_a_route_that_is_left_out_has_gate_0_and_no_weights(routes):
    cell = build_cell(routes)
    features, active = inputs()
    outputs = cell(features, active)
    assert set(outputs) == {*routes, "gates", "active", "open"}
    gates = numpy_layers.gate(features[0] + features[1], cell.gate)
    for i, route in enumerate(ALL):
        in_order = routes.index(route) if route in routes else None
        expected = np.zeros(3) if in_order is None else gates[:, in_order]
        np.testing.assert_allclose(outputs["gates"][:, i], expected, atol=1e-6)
    assert not [
        weight.path
        for weight in cell.weights
        for route in {"up", "down"} - set(routes)
        if f"/{route}/" in weight.path
    ]


@pytest.mark.parametrize("training", [False, True])
def test_a_picture_that_closes_all_gates_passes_its_input_on(training):
    cell = build_cell(biases=(-5.0, -5.0, -5.0))
    features, active = inputs()
    outputs = cell(features, active, training=training)
    # The raw sum, without a ReLU, and not multiplied.
    np.testing.assert_allclose(outputs["keep"], features[0] + features[1], atol=1e-6)
    for name in ("up", "down", "gates", "open"):
        np.testing.assert_array_equal(outputs[name], np.zeros_like(outputs[name]))
    np.testing.assert_array_equal(outputs["active"], np.ones((3, 1)))


def test_a_closed_up_or_down_alone_does_not_pass_the_input_on():
    cell = build_cell(biases=(-5.0, 0.5, -5.0))
    features, active = inputs()
    outputs = cell(features, active)
    expected = by_hand(cell, features[0] + features[1])
    np.testing.assert_array_equal(outputs["keep"], np.zeros((3, *SIZE["keep"])))
    np.testing.assert_array_equal(outputs["down"], np.zeros((3, *SIZE["down"])))
    np.testing.assert_allclose(outputs["up"], expected["up"], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(outputs["open"], np.ones((3, 1)))


def inactive_second_picture():
    features, active = inputs()
    for tensor, flag in zip(features, active, strict=True):
        tensor[1], flag[1] = 0.0, 0.0
    return features, active


def test_nothing_flows_out_for_a_picture_for_which_nothing_flows_in():
    cell = build_cell()
    features, active = inactive_second_picture()
    outputs = cell(features, active)
    for name, values in outputs.items():
        np.testing.assert_array_equal(values[1], np.zeros_like(values[1]), name)
    # Its neighbours are computed as if it were not there.
    others = cell([f[[0, 2]] for f in features], [a[[0, 2]] for a in active])
    for name, values in others.items():
        ours = np.asarray(outputs[name])[[0, 2]]
        np.testing.assert_allclose(ours, values, rtol=1e-5, atol=1e-6)


def test_in_training_every_cell_runs():
    cell = build_cell()
    features, active = inactive_second_picture()
    told = cell(features, active, training=True)
    everything = cell(features, inputs()[1], training=True)
    for name in (*ALL, "gates", "open"):
        np.testing.assert_allclose(told[name], everything[name], atol=1e-6)
        assert np.asarray(told[name])[1].any()
    np.testing.assert_array_equal(told["active"], [[1], [0], [1]])


def test_one_active_input_is_enough():
    cell = build_cell()
    features, active = inputs()
    features[0][1], active[0][1] = 0.0, 0.0
    outputs = cell(features, active)
    expected = by_hand(cell, features[0] + features[1])
    np.testing.assert_allclose(outputs["keep"], expected["keep"], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(outputs["active"], np.ones((3, 1)))
