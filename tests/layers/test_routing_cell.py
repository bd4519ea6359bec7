import numpy as np
import pytest
import tensorflow as tf

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
    gates = (batch, len(routes))
    return shapes | {"gates": gates, "active": (batch, 1), "open": (batch, 1)}


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


@pytest.mark.parametrize("options", [{"small_gate": True}, {"gated": False}])
def test_keeps_the_rules_of_layers_in_its_variants(options):
    arguments = (*inputs(), np.array([[0.0], [2.0], [1.0]], "float32"))
    check_layer(RoutingCell(ALL, **options), arguments, expected_shapes(3, ALL))


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


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("routes", ROUTE_SUBSETS[:3])
def test_a_route_that_the_cell_lacks_has_no_gate_and_no_weights(routes):
    cell = build_cell(routes)
    features, active = inputs()
    outputs = cell(features, active)
    assert set(outputs) == {*routes, "gates", "active", "open"}
    total = features[0].astype("float64") + features[1]
    gates = numpy_layers.gate(total, cell.gate)
    np.testing.assert_allclose(outputs["gates"], gates, atol=1e-12)
    assert not weights_of(cell, set(ALL) - set(routes))


def weights_of(cell, routes):
    return [w.path for w in cell.weights for r in routes if f"/{r}/" in w.path]


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("kept", [("keep",), ("up", "down"), ("keep", "down")])
@pytest.mark.parametrize("training", [False, True])
def test_a_route_that_is_not_kept_has_gate_0_and_no_weights(kept, training):
    complete, cell = build_cell(), RoutingCell(ALL, kept)
    features, active = inputs()
    cell(features, active)
    by_place = {w.path.split("/", 1)[1]: w for w in complete.weights}
    for weight in cell.weights:
        weight.assign(by_place[weight.path.split("/", 1)[1]])
    expected = complete(features, active, training=training)
    outputs = cell(features, active, training=training)
    assert set(outputs) == {*kept, "gates", "active", "open"}
    for route in kept:
        np.testing.assert_allclose(outputs[route], expected[route], atol=1e-12)
    mask = [float(route in kept) for route in ALL]
    np.testing.assert_allclose(outputs["gates"], expected["gates"] * mask, atol=1e-12)
    assert not weights_of(cell, {"up", "down"} - set(kept))


def test_without_gates_every_route_is_open():
    gated, cell = build_cell(), RoutingCell(ALL, gated=False)
    features, active = inputs()
    cell(features, active)
    by_place = {w.path.split("/", 1)[1]: w for w in gated.weights}
    for weight in cell.weights:
        weight.assign(by_place[weight.path.split("/", 1)[1]])
    outputs = cell(features, active)
    expected = by_hand(gated, features[0] + features[1])
    for i, route in enumerate(ALL):
        gate = expected["gates"][:, i].reshape(-1, 1, 1, 1)
        np.testing.assert_allclose(
            outputs[route], expected[route] / gate, rtol=1e-4, atol=1e-5
        )
    np.testing.assert_array_equal(outputs["gates"], np.ones((3, 3)))
    assert not weights_of(cell, {"gate"})


def test_a_small_gate_sees_the_middle_of_blocks_of_four():
    cell = RoutingCell(ALL, small_gate=True)
    features, active = inputs()
    outputs = cell(features, active)
    total = features[0] + features[1]
    # Of 4 x 6 pixels, the one whole block: rows and columns 1 and 2.
    centre = total[:, 1:3, 1:3].mean(axis=(1, 2), keepdims=True)
    np.testing.assert_allclose(
        outputs["gates"], numpy_layers.gate(centre, cell.gate), atol=1e-5
    )


@pytest.mark.parametrize("scale", [0.0, 1.0, 2.5])
def test_a_branch_scale_is_on_the_convolutions_alone(scale):
    cell = build_cell(("keep",))
    features, active = inputs()
    total = features[0] + features[1]
    branch = numpy_layers.separable(total, cell.separable_1)
    branch = numpy_layers.separable(branch, cell.separable_2, activation=False)
    gate = numpy_layers.gate(total, cell.gate).reshape(-1, 1, 1, 1)
    outputs = cell(features, active, np.full((3, 1), scale, "float32"))
    expected = gate * numpy_layers.relu(scale * branch + total)
    np.testing.assert_allclose(outputs["keep"], expected, rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("training", [False, True])
def test_a_image_that_closes_all_gates_passes_its_input_on(training):
    cell = build_cell(biases=(-5.0, -5.0, -5.0))
    features, active = inputs()
    outputs = cell(features, active, training=training)
    # The raw sum, without a ReLU, and not multiplied.
    np.testing.assert_allclose(outputs["keep"], features[0] + features[1], atol=1e-6)
    for name in ("up", "down", "gates", *(() if training else ("open",))):
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


def inactive_second_image():
    features, active = inputs()
    for tensor, flag in zip(features, active, strict=True):
        tensor[1], flag[1] = 0.0, 0.0
    return features, active


@pytest.mark.usefixtures("float64")
def test_nothing_flows_out_for_a_image_for_which_nothing_flows_in():
    cell = build_cell()
    features, active = inactive_second_image()
    outputs = cell(features, active)
    for name, values in outputs.items():
        np.testing.assert_array_equal(values[1], np.zeros_like(values[1]), name)
    # Its neighbours are computed as if it were not there.
    others = cell([f[[0, 2]] for f in features], [a[[0, 2]] for a in active])
    for name, values in others.items():
        ours = np.asarray(outputs[name])[[0, 2]]
        np.testing.assert_allclose(ours, values, rtol=1e-12, atol=1e-12)


def test_in_training_every_cell_runs():
    cell = build_cell()
    features, active = inputs()
    features[0][1], features[1][1] = 0.0, 0.0
    outputs = cell(features, active, training=True)
    for name in (*ALL, "gates", "active", "open"):
        assert np.asarray(outputs[name])[1].any()


def test_one_active_input_is_enough():
    cell = build_cell()
    features, active = inputs()
    features[0][1], active[0][1] = 0.0, 0.0
    outputs = cell(features, active)
    expected = by_hand(cell, features[0] + features[1])
    np.testing.assert_allclose(outputs["keep"], expected["keep"], rtol=1e-4, atol=1e-5)
    np.testing.assert_array_equal(outputs["active"], np.ones((3, 1)))


def conditional_twin(cell):
    twin = RoutingCell(cell.routes, conditional=True)
    twin(*inputs())
    twin.set_weights(cell.get_weights())
    return twin


@pytest.mark.parametrize(
    ("biases", "flows_in"),
    [
        ((0.8, 0.3, 0.5), True),
        ((0.8, -5.0, 0.5), True),
        ((-5.0, 0.5, -5.0), True),
        ((-5.0, -5.0, -5.0), True),
        ((0.8, 0.3, 0.5), False),
    ],
)
@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("in_graph", [False, True])
def test_skipping_gives_what_multiplying_by_0_gives(biases, flows_in, in_graph):
    cell = build_cell(biases=biases)
    twin = conditional_twin(cell)
    features, active = inputs(batch=1)
    if not flows_in:
        features, active = [0 * f for f in features], [0 * a for a in active]
    if in_graph:
        twin = tf.function(twin, autograph=False)
    outputs, expected = twin(features, active), cell(features, active)
    for name, values in expected.items():
        np.testing.assert_allclose(outputs[name], values, atol=1e-12)


@pytest.mark.parametrize(
    ("biases", "flows_in", "called"),
    [
        ((0.8, 0.3, 0.5), True, {"gate", "separable_1", "separable_2", "up", "down"}),
        ((0.8, -5.0, 0.5), True, {"gate", "separable_1", "separable_2", "down"}),
        ((-5.0, -5.0, -5.0), True, {"gate"}),
        ((0.8, 0.3, 0.5), False, set()),
    ],
)
def test_what_is_closed_is_not_computed(biases, flows_in, called, monkeypatch):
    cell = conditional_twin(build_cell(biases=biases))
    features, active = inputs(batch=1)
    if not flows_in:
        features, active = [0 * f for f in features], [0 * a for a in active]
    calls = set()
    for name in ("gate", "separable_1", "separable_2", "up", "down"):
        part = getattr(cell, name)
        original = part.call

        def call(*args, name=name, original=original, **options):
            calls.add(name)
            return original(*args, **options)

        monkeypatch.setattr(part, "call", call)
    cell(features, active)
    assert calls == called


@pytest.mark.parametrize("dtype", ["float32", "mixed_bfloat16"])
def test_its_gradients_compile_with_xla(dtype):
    cell = RoutingCell(ALL, dtype=dtype)
    features, active = inputs()
    cell(features, active)

    def gradients():
        with tf.GradientTape() as tape:
            outputs = cell(features, active, training=True)
            total = sum(tf.reduce_sum(tf.cast(outputs[r], "float32") ** 2) for r in ALL)
        return tape.gradient(total, [w.value for w in cell.trainable_weights])

    compiled = tf.function(gradients, jit_compile=True)()
    tolerance = 1e-3 if dtype == "float32" else 0.1
    for ours, theirs in zip(compiled, gradients(), strict=True):
        scale = max(np.abs(theirs).max(), 1e-3)
        assert np.abs(ours - theirs).max() <= tolerance * scale
