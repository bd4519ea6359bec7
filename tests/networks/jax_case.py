"""Runs networks on Keras's JAX backend, for a comparison with TensorFlow.

Run as a process of its own, since Keras fixes its backend when it is imported:
KERAS_BACKEND=jax python -m tests.networks.jax_case given.npz found.npz

Arrays are named by case: "<case>/arguments" (those of `build`, in JSON),
"<case>/images", "<case>/weights/<path>" and, for a case that is trained too,
"<case>/labels". Found are outputs and gradients, under the names in `run`.
"""

import json
import sys

import jax
import keras
import numpy as np

from selene_tf import losses
from selene_tf.networks import dynamic_routing


def named(outputs):
    """What the decoder gives and the gates; features are a list and lead to both."""
    return [(name, outputs[name]) for name in ("logits", "gates")]


def run(arrays):
    """The results of one case, by name."""
    network = dynamic_routing.build(**json.loads(str(arrays["arguments"])))
    for variable in network.weights:
        variable.assign(arrays[f"weights/{variable.path}"])
    images = arrays["images"]
    results = {}
    for name, output in named(network(images, training=False)):
        results[f"inference/{name}"] = output
    infer = jax.jit(lambda *values: network.stateless_call(*values, training=False)[0])
    for name, output in named(infer(*variables_of(network), images)):
        results[f"compiled/{name}"] = output
    if "labels" in arrays:
        results |= train(network, images, arrays["labels"])
    return results


def train(network, images, labels):
    """One step's outputs, gradients and moved statistics; not compiled as a whole,
    since the cases then share what JAX compiles for each operation."""

    def loss_of(trainable, others):
        outputs, moved = network.stateless_call(
            trainable, others, images, training=True
        )
        loss = keras.ops.mean(losses.cross_entropy(labels, outputs["logits"]))
        return loss, (outputs, moved)

    step = jax.value_and_grad(loss_of, has_aux=True)
    (loss, (outputs, moved)), gradients = step(*variables_of(network))
    results = {"training/loss": loss}
    results |= {f"training/{name}": output for name, output in named(outputs)}
    for kind, variables, values in (
        ("gradient", network.trainable_variables, gradients),
        ("moved", network.non_trainable_variables, moved),
    ):
        for variable, value in zip(variables, values, strict=True):
            results[f"{kind}/{variable.path}"] = value
    return results


def variables_of(network):
    """Values of the trainable and of the other variables."""
    kinds = (network.trainable_variables, network.non_trainable_variables)
    return [[variable.value for variable in variables] for variables in kinds]


def main(given_file, found_file):
    assert keras.backend.backend() == "jax"
    cases = {}
    with np.load(given_file) as arrays:
        for name, array in arrays.items():
            case, rest = name.split("/", 1)
            cases.setdefault(case, {})[rest] = array
    results = {
        f"{case}/{name}": np.asarray(value)
        for case, arrays in cases.items()
        for name, value in run(arrays).items()
    }
    np.savez(found_file, tensorflow_imported="tensorflow" in sys.modules, **results)


if __name__ == "__main__":
    main(*sys.argv[1:])
