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


def told(outputs):
    """What the decoder gives and the gates; features are a list and lead to both."""
    return [(name, outputs[name]) for name in ("logits", "gates")]


def run(given):
    """What one case finds, by name."""
    network = dynamic_routing.build(**json.loads(str(given["arguments"])))
    for variable in network.weights:
        variable.assign(given[f"weights/{variable.path}"])
    images = given["images"]
    found = {}
    for name, output in told(network(images, training=False)):
        found[f"inference/{name}"] = output
    infer = jax.jit(lambda *values: network.stateless_call(*values, training=False)[0])
    for name, output in told(infer(*variables_of(network), images)):
        found[f"compiled/{name}"] = output
    if "labels" in given:
        found |= train(network, images, given["labels"])
    return found


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
    found = {"training/loss": loss}
    found |= {f"training/{name}": output for name, output in told(outputs)}
    for kind, variables, values in (
        ("gradient", network.trainable_variables, gradients),
        ("moved", network.non_trainable_variables, moved),
    ):
        for variable, value in zip(variables, values, strict=True):
            found[f"{kind}/{variable.path}"] = value
    return found


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
    found = {
        f"{case}/{name}": np.asarray(value)
        for case, given in cases.items()
        for name, value in run(given).items()
    }
    np.savez(found_file, tensorflow_imported="tensorflow" in sys.modules, **found)


if __name__ == "__main__":
    main(*sys.argv[1:])
