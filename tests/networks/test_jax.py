"""The network on Keras's JAX backend gives what it gives on TensorFlow.

JAX computes in float32 and TensorFlow in float64, as the measure of both: where
half of an image is padding, gradients of TensorFlow in float32 are themselves off
by a hundredth and more of their largest value.
"""

import contextlib
import importlib.util
import json
import os
import pathlib
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from selene_tf import losses
from selene_tf.networks import dynamic_routing

ROOT = pathlib.Path(__file__).parents[2]
CLASSES = 3
# To the arguments of `build`.
CASES = {
    "plain": {},
    # Padded to the others' 64 x 96 pixels.
    "odd_sides_uint8": {},
    "small_gate": {"small_gate": True},
    "psp": {"pooling": "psp"},
    "aspp": {"pooling": "aspp"},
    "ungated": {"gated": False},
    "conditional": {"conditional": True},
    "drop_path": {"drop_path": 0.5},
}
# Gates that are closed: a cell's, and one route of another one. They leave each
# level something to work on; normalising features that are all the same would turn
# rounding into gradients.
CLOSED = {"cell_02_s8": [0, 1, 2], "cell_03_s4": [0, 1], "cell_03_s8": [1]}
GATED = sorted(set(CASES) - {"ungated"})
# Being conditional is for inference alone; the draws of drop path differ.
TRAINED_ALIKE = sorted(set(CASES) - {"conditional", "drop_path"})

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        importlib.util.find_spec("jax") is None, reason="jax is not installed"
    ),
]


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    """For each case what is found on TensorFlow and on JAX, by name."""
    inputs, on_tensorflow = {}, {}
    for case in CASES:
        with float64():
            network, arrays = make_case(case)
            on_tensorflow[case] = run(network, arrays)
        inputs |= {f"{case}/{name}": array for name, array in arrays.items()}
    on_jax = run_on_jax(inputs, tmp_path_factory.mktemp("jax"))
    assert not on_jax.pop("tensorflow_imported")
    results = {case: (on_tensorflow[case], {}) for case in CASES}
    for name, value in on_jax.items():
        case, rest = name.split("/", 1)
        results[case][1][rest] = value
    return results


@contextlib.contextmanager
def float64():
    """Networks that are built meanwhile compute in float64."""
    floatx, policy = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    try:
        yield
    finally:
        keras.config.set_floatx(floatx)
        keras.config.set_dtype_policy(policy)


def make_case(case):
    """A network, and what `jax_case` needs to build and run the same."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    arguments = {"num_classes": CLASSES, "channels": 4, "num_layers": 4}
    network = dynamic_routing.build(**arguments, **CASES[case])
    randomize(network, rng)
    size = (61, 90) if case == "odd_sides_uint8" else (64, 96)
    shape = (1 if case == "conditional" else 2, *size)
    # Blocks, since noise would look the same everywhere at stride 32.
    images = rng.uniform(0, 200, (shape[0], 4, 6, 3)).repeat(16, 1).repeat(16, 2)
    images = images[:, : size[0], : size[1]] + rng.uniform(0, 55, (*shape, 3))
    images = images.astype("float32")
    labels = rng.integers(0, CLASSES, shape).astype("int32")
    labels[rng.random(shape) < 0.2] = 255
    arrays = {
        "arguments": json.dumps(arguments | CASES[case]),
        "images": images.astype("uint8") if case == "odd_sides_uint8" else images,
    }
    if case != "conditional":
        arrays["labels"] = labels
    for variable in network.weights:
        # Both sides have the float32 value.
        value = variable.numpy().astype("float32")
        variable.assign(value)
        arrays[f"weights/{variable.path}"] = value
    return network, arrays


def randomize(network, rng):
    """Statistics that change something, and gates of which some are closed."""
    for variable in network.weights:
        kind = variable.path.split("/")[-1]
        if kind in ("gamma", "moving_variance"):
            variable.assign(rng.uniform(0.5, 1.5, variable.shape))
        elif kind in ("beta", "moving_mean"):
            variable.assign(rng.normal(0.0, 0.5, variable.shape))
        elif variable.path.endswith("gate/project/bias"):
            bias = rng.normal(1.0, 0.3, variable.shape)
            bias[CLOSED.get(variable.path.split("/")[0], [])] = -20.0
            variable.assign(bias)
        elif kind == "progress":
            variable.assign(1.0)


def run(network, arrays):
    """What `jax_case.run` finds, on TensorFlow; nothing is compiled."""
    images = arrays["images"]
    outputs = network(images, training=False)
    results = {f"inference/{name}": outputs[name] for name in ("logits", "gates")}
    if "labels" not in arrays:
        return results
    with tf.GradientTape() as tape:
        outputs = network(images, training=True)
        per_image = losses.cross_entropy(arrays["labels"], outputs["logits"])
        loss = tf.reduce_mean(per_image)
    trained = network.trainable_variables
    gradients = tape.gradient(loss, [variable.value for variable in trained])
    results["training/loss"] = loss
    results |= {f"training/{name}": outputs[name] for name in ("logits", "gates")}
    for variable, gradient in zip(trained, gradients, strict=True):
        results[f"gradient/{variable.path}"] = gradient
    for variable in network.non_trainable_variables:
        results[f"moved/{variable.path}"] = variable
    return results


def run_on_jax(inputs, folder):
    np.savez(folder / "given.npz", **inputs)
    environment = {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu"}
    process = subprocess.run(
        [sys.executable, "-m", "tests.networks.jax_case", "given.npz", "found.npz"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    with np.load(folder / "found.npz") as arrays:
        return dict(arrays)


def largest_difference(ours, theirs, kind):
    """Over all arrays of a kind, each relative to its own largest value."""
    return max(
        np.abs(ours[name] - np.asarray(value)).max() / max(np.abs(value).max(), 1e-30)
        for name, value in theirs.items()
        if name.startswith(f"{kind}/")
    )


@pytest.mark.parametrize("case", sorted(CASES))
def test_inference_is_tensorflows(results, case):
    on_tensorflow, on_jax = results[case]
    assert largest_difference(on_jax, on_tensorflow, "inference") < 1e-5
    compiled = {
        f"inference/{name}": on_jax[f"compiled/{name}"] for name in ("logits", "gates")
    }
    assert largest_difference(compiled, on_tensorflow, "inference") < 1e-5


@pytest.mark.parametrize("case", TRAINED_ALIKE)
@pytest.mark.parametrize("kind", ["training", "gradient", "moved"])
def test_a_training_step_is_tensorflows(results, case, kind):
    on_tensorflow, on_jax = results[case]
    # A constant border, and means over a few pixels, cost single gradients a digit
    # in float32: up to 2e-4 was seen, on TensorFlow's float32 more.
    is_rounded = kind == "gradient" and case not in ("plain", "ungated")
    tolerance = 1e-3 if is_rounded else 1e-4
    names = {name for name in on_tensorflow if name.startswith(f"{kind}/")}
    assert names == {name for name in on_jax if name.startswith(f"{kind}/")}
    assert largest_difference(on_jax, on_tensorflow, kind) < tolerance


@pytest.mark.parametrize("case", GATED)
def test_the_cases_have_open_and_closed_cells(results, case):
    gates = np.asarray(results[case][0]["inference/gates"])
    ungated = np.asarray(results["ungated"][0]["inference/gates"])
    cells = ungated[: len(gates)].any(axis=-1)
    assert set(np.unique(gates.any(axis=-1)[cells])) == {False, True}


def test_training_with_drop_path_is_finite_and_leaves_something_out(results):
    _, on_jax = results["drop_path"]
    for name, value in on_jax.items():
        assert np.isfinite(value).all(), name
    # A cell whose convolutions both images leave out gets no gradient there.
    kernels = [
        value for name, value in on_jax.items() if name.endswith("depthwise/kernel")
    ]
    assert not all(value.any() for value in kernels)
