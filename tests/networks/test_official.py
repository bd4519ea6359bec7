"""Our network against the official one, number by number."""

import dataclasses

import keras
import numpy as np
import pytest
import tensorflow as tf

from selene_tf import losses
from selene_tf.architectures import cost_table, expected_cost, topology
from selene_tf.layers.batch_norm import BatchNorm
from selene_tf.networks import dynamic_routing
from tests import reference
from tests.architectures import official_gates

NUM_LAYERS = official_gates.NUM_LAYERS
# What may differ, relative to the largest value: rounding, of which the official
# code has 2e-5 itself in single gradients.
BOUND = {"float32": 1e-4, "float64": 1e-9}
# A gradient is a sum over many pixels, whose order, and with it float32's rounding, is
# the processor's: 1.1e-4 was seen with AVX2. What is exact is said in float64.
GRADIENT_BOUND = {"float32": 1e-3, "float64": 1e-9}


@dataclasses.dataclass
class Case:
    """The reference's numbers, and our network with its weights."""

    arrays: dict
    precision: str
    network: keras.Model

    def get(self, prefix, name):
        """An array of the reference file in the case's precision."""
        twin = "64" if self.precision == "float64" else ""
        return self.arrays[f"{prefix}{twin}/{name}"]

    @property
    def images(self):
        return self.arrays["input"].transpose(0, 2, 3, 1)


@pytest.fixture(scope="module", params=["float32", "float64"])
def precision(request):
    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx(request.param)
    keras.config.set_dtype_policy(request.param)
    yield request.param
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


@pytest.fixture(scope="module")
def network(precision):  # noqa: ARG001
    return dynamic_routing.build(
        5, 8, NUM_LAYERS, mean_colour=(0, 0, 0), colour_deviation=(1, 1, 1)
    )


@pytest.fixture(scope="module", params=reference.FILES)
def case(request, precision, network):
    return Case(reference.load(request.param), precision, network)


@pytest.fixture(autouse=True)
def _official_weights(case):
    """Each test starts from them, since training moves the statistics."""
    names = reference.official_names(NUM_LAYERS)
    for variable in case.network.weights:
        key, kind = names[variable.path]
        variable.assign(reference.ours(case.arrays[f"sd/{key}"], kind))


def difference(ours, theirs):
    """Largest difference over the largest value, of the numbers that `theirs` has."""
    theirs = np.asarray(theirs, "float64")
    known = ~np.isnan(theirs)
    differences = np.abs(np.asarray(ours, "float64") - theirs)[known]
    return differences.max() / max(np.abs(theirs[known]).max(), 1e-300)


def ours_from(theirs):
    """(batch, channels, height, width), or the number 0, to our layout."""
    return theirs.transpose(0, 2, 3, 1) if theirs.ndim else theirs


def test_the_network_computes_in_the_precision_of_the_case(case):
    layers = [x for x in case.network._flatten_layers() if isinstance(x, BatchNorm)]
    assert {layer.compute_dtype for layer in layers} == {case.precision}
    assert case.network.output["logits"].dtype == case.precision


def test_logits(case):
    logits = case.network(case.images, training=False)["logits"]
    theirs = case.get("eval", "logits").transpose(0, 2, 3, 1)
    assert difference(logits, theirs) <= BOUND[case.precision]


def cell_outputs(network, cell):
    """A cell's symbolic outputs by name; Keras keeps them in the names' order."""
    routes = topology.routes(*cell, NUM_LAYERS)
    names = sorted([*routes, "gates", "active", "open"])
    outputs = network.get_layer(topology.cell_name(*cell)).output
    return dict(zip(names, outputs, strict=True))


def test_each_image_of_a_batch_is_as_the_official_gives_it_alone(case):
    """Gates, logits, and what goes into and out of every cell."""
    cells = topology.cells(NUM_LAYERS)
    outputs = {
        topology.cell_name(*cell): cell_outputs(case.network, cell) for cell in cells
    }
    outputs["logits"] = case.network.output["logits"]
    results = keras.Model(case.network.input, outputs)(case.images)
    for i in range(2):
        theirs = case.arrays[f"eval_b1/{i}/logits"].transpose(0, 2, 3, 1)
        assert difference(results["logits"][i : i + 1], theirs) <= 1e-5
        for cell in cells:
            name = official_gates.name(*cell)
            ours = results[topology.cell_name(*cell)]
            prefix = f"eval_b1/{i}/cell/{name}"
            for route in topology.routes(*cell, NUM_LAYERS):
                theirs = ours_from(case.arrays[f"{prefix}/{route}"])
                if theirs.ndim == 0:
                    theirs = np.zeros_like(ours[route][i : i + 1])
                assert difference(ours[route][i : i + 1], theirs) <= 1e-4
            gates = case.arrays[f"eval_b1/{i}/gate/{name}"].reshape(1, -1)
            assert np.abs(ours["gates"][i : i + 1] - gates).max() <= 1e-5


def test_it_has_cells_that_a_image_closed(case):
    """Else the tests above would say nothing about them."""
    gates = np.asarray(case.network(case.images)["gates"]).sum(axis=-1)
    exists = cost_table.parameters(5, 8, NUM_LAYERS).cells > 0
    assert [(gates[i] == 0)[exists].sum() for i in range(2)] == [2, 3]


def training_gradients(case, loss):
    """Of `loss(outputs)` in training mode: its value and the gradients by path."""
    variables = case.network.trainable_variables
    with tf.GradientTape() as tape:
        value = loss(case.network(case.images, training=True))
    gradients = tape.gradient(value, [v.value for v in variables])
    by_path = {
        variable.path: tf.zeros(variable.shape) if gradient is None else gradient
        for variable, gradient in zip(variables, gradients, strict=True)
    }
    return float(value), by_path


def cross_entropy(labels):
    """The official loss: one mean over all labelled pixels of the batch."""

    return lambda outputs: tf.reduce_mean(
        losses.cross_entropy(labels, outputs["logits"])
    )


def check_gradients(case, gradients, prefix, bound):
    names = reference.official_names(NUM_LAYERS)
    for path, gradient in gradients.items():
        key, kind = names[path]
        theirs = reference.ours(case.get(prefix, key), kind)
        check_gradient(path, gradient, theirs, bound)


def check_gradient(path, gradient, theirs, bound):
    if theirs.any():
        assert difference(gradient, theirs) <= bound, path
    else:
        assert not np.any(gradient), path


def test_training_loss_every_gradient_and_the_moved_statistics(case):
    labels = case.arrays["labels"].astype("int32")
    value, gradients = training_gradients(case, cross_entropy(labels))
    bound = BOUND[case.precision]
    assert value == pytest.approx(float(case.get("train", "loss")), rel=bound)
    assert len(gradients) == 252
    check_gradients(case, gradients, "grad", GRADIENT_BOUND[case.precision])
    names = reference.official_names(NUM_LAYERS)
    for variable in case.network.non_trainable_variables:
        key, kind = names[variable.path]
        theirs = reference.ours(case.arrays[f"post/{key}"], kind)
        np.testing.assert_allclose(variable, theirs, rtol=1e-4, atol=1e-6)


def test_budget_loss_and_every_gradient(case):
    table = cost_table.macs(5, 8, NUM_LAYERS, 64, 96, convention="dynamic_routing")
    weight, mu = (float(case.arrays[f"budget/{name}"]) for name in ("weight", "mu"))
    total = 1e6 * float(case.arrays["budget/flops_all"])

    def loss(outputs):
        mean = tf.reduce_mean(expected_cost.expected(table, outputs["gates"]))
        return weight * losses.budget_loss(mean, total, mu)

    value, gradients = training_gradients(case, loss)
    bound = BOUND[case.precision]
    assert value == pytest.approx(float(case.get("budget", "loss")), rel=bound)
    names = reference.official_names(NUM_LAYERS)
    twin = "grad64_budget" if case.precision == "float64" else "grad_budget"
    for path, gradient in gradients.items():
        key, kind = names[path]
        theirs = reference.ours(case.arrays[f"{twin}/{key}"], kind)
        check_gradient(path, gradient, theirs, GRADIENT_BOUND[case.precision])
