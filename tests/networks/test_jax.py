"""The network on Keras's JAX backend gives what it gives on TensorFlow."""

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
    given, on_tensorflow = {}, {}
    for case in CASES:
        network, arrays = make_case(case)
        given |= {f"{case}/{name}": array for name, array in arrays.items()}
        on_tensorflow[case] = run(network, arrays)
    on_jax = run_on_jax(given, tmp_path_factory.mktemp("jax"))
    assert not on_jax.pop("tensorflow_imported")
    results = {case: (on_tensorflow[case], {}) for case in CASES}
    for name, value in on_jax.items():
        case, rest = name.split("/", 1)
        results[case][1][rest] = value
    return results


def make_case(case):
    """A network, and what `jax_case` needs to build and run the same."""
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    arguments = {"num_classes": CLASSES, "channels": 4, "num_layers": 4}
    network = dynamic_routing.build(**arguments, **CASES[case])
    randomize(network, rng)
    size = (61, 90) if case == "odd_sides_uint8" else (64, 96)
    shape = (1 if case == "conditional" else 2, *size)
    images = rng.uniform(0, 255, (*shape, 3)).astype("float32")
    labels = rng.integers(0, CLASSES, shape).astype("int32")
    labels[rng.random(shape) < 0.2] = 255
    arrays = {
        "arguments": json.dumps(arguments | CASES[case]),
        "images": images.astype("uint8") if case == "odd_sides_uint8" else images,
    }
    if case != "conditional":
        arrays["labels"] = labels
    for variable in network.weights:
        arrays[f"weights/{variable.path}"] = variable.numpy()
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
            variable.assign(rng.normal(-0.6, 1.0, variable.shape))
        elif kind == "progress":
            variable.assign(1.0)


def run(network, arrays):
    """What `jax_case.run` finds, on TensorFlow; nothing is compiled."""
    images = arrays["images"]
    outputs = network(images, training=False)
    found = {f"inference/{name}": output for name, output in outputs.items()}
    if "labels" not in arrays:
        return found
    with tf.GradientTape() as tape:
        outputs = network(images, training=True)
        pictures = losses.cross_entropy(arrays["labels"], outputs["logits"])
        loss = tf.reduce_mean(pictures)
    trained = network.trainable_variables
    gradients = tape.gradient(loss, [variable.value for variable in trained])
    found["training/loss"] = loss
    found |= {f"training/{name}": output for name, output in outputs.items()}
    for variable, gradient in zip(trained, gradients, strict=True):
        found[f"gradient/{variable.path}"] = gradient
    for variable in network.non_trainable_variables:
        found[f"moved/{variable.path}"] = variable
    return found


def run_on_jax(given, folder):
    np.savez(folder / "given.npz", **given)
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


def differences(ours, theirs):
    D = {}
    for n, t in theirs.items():
        t = np.asarray(t); o = np.asarray(ours[n])
        D[n] = (np.abs(o - t).max() / max(np.abs(t).max(), 1e-30), np.abs(t).max())
    return D


def test_it(results):
    for case, (t, j) in results.items():
        d = differences(j, t)
        t2 = {n.replace("inference", "compiled"): v for n, v in t.items() if n.startswith("inference")}
        d |= differences(j, t2)
        print("==", case, len(t), len(j), set(t) ^ set(j))
        for kind in ("inference", "compiled", "training", "gradient", "moved"):
            k = {n: v for n, v in d.items() if n.startswith(kind)}
            for n in sorted(k, key=lambda n: -k[n][0])[:5]:
                print(n, k[n])
        g = np.asarray(t["inference/gates"])
        print("closed cells", (g.sum(-1) == 0).sum((1, 2)), (g > 0).sum((1, 2, 3)))
