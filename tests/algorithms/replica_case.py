"""Trains on one replica and on two, and prints how far apart they end.

Run as a process of its own, since a process bears only one MirroredStrategy:
python -m tests.algorithms.replica_case supervised
"""

import contextlib
import json
import sys

import keras
import numpy as np
import tensorflow as tf

from selene_tf import schedules
from selene_tf.algorithms.mean_teacher import MeanTeacher
from selene_tf.algorithms.supervised import Supervised
from selene_tf.layers.conv_norm import ConvNorm
from selene_tf.layers.normalize import Normalize
from selene_tf.layers.resize import Enlarge
from selene_tf.layers.routing_cell import RoutingCell
from selene_tf.optimizer import TorchSGD
from selene_tf.schedules import PolyWithWarmUp
from tests.algorithms.batches import (
    CLASSES,
    build_network,
    labelled_part,
    make_batch,
    make_budget,
)

STEPS, BATCH_SIZE, MAX_GRADIENT_NORM = 3, 4, 0.2


def train(kind, scope, run_eagerly):
    """Weights by path, before and after, and the losses of each step."""
    with scope:
        if kind == "supervised":
            student = build_network(0, "student", synchronized=True, drop_path=0.5)
            algorithm = Supervised(
                student, MAX_GRADIENT_NORM, budget=make_budget(), num_steps=STEPS
            )
        else:
            algorithm = MeanTeacher(
                build_cell(0, "student"),
                build_cell(1, "teacher"),
                schedules.ramp_up(100.0, 5),
                MAX_GRADIENT_NORM,
            )
        schedule = PolyWithWarmUp(0.2, 10)
        algorithm.compile(
            optimizer=TorchSGD(schedule, 0.9, weight_decay=1e-3),
            run_eagerly=run_eagerly,
            jit_compile=False,
        )
        algorithm.optimizer.build(algorithm.trainable_variables)
    variables = {
        f"{name}/{weight.path}": weight
        for name, network in algorithm.networks.items()
        for weight in network.weights
    }
    before = {name: weight.numpy() for name, weight in variables.items()}
    history = algorithm.fit(dataset(kind), epochs=STEPS, steps_per_epoch=1, verbose=0)
    after = {name: weight.numpy() for name, weight in variables.items()}
    return before, after, history.history


def build_cell(seed, name):
    """A network of one cell: two whole ones would take minutes to trace."""
    keras.utils.set_random_seed(seed)
    image = keras.Input((None, None, 3), name="image")
    features = Normalize((128,) * 3, (64,) * 3)(image)
    features = ConvNorm(4, 3, strides=2, synchronized=True, name="stem")(features)
    active = keras.ops.ones_like(keras.ops.mean(features, axis=(1, 2))[:, :1])
    cell = RoutingCell(("keep", "up", "down"), synchronized=True, name="cell")
    outputs = cell([features], [active])
    coarse = Enlarge(4, name="enlarge")(outputs["down"])
    features = [outputs["up"], Enlarge(2, name="double")(outputs["keep"]), coarse]
    joined = keras.layers.Concatenate(name="join")(features)
    logits = keras.layers.Conv2D(CLASSES, 1, name="predictor")(joined)
    outputs = {"logits": logits, "gates": outputs["gates"]}
    return keras.Model(image, outputs, name=name)


def dataset(kind):
    batches = [make_batch(seed, BATCH_SIZE, crop=64) for seed in range(STEPS)]
    if kind == "supervised":
        batches = [labelled_part(batch) for batch in batches]
    joined = {
        name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]
    }
    return tf.data.Dataset.from_tensor_slices(joined).batch(BATCH_SIZE)


def relative(one, other):
    """By kind of weight: the largest difference over the largest value.

    By kind ("student kernel", "teacher moving_mean"), since an offset that has
    hardly left 0 holds nothing but the rounding of the sums in its gradient.
    """
    differences, sizes = {}, {}
    for name, value in one.items():
        kind = f"{name.split('/')[0]} {name.split('/')[-1]}"
        difference = np.abs(value - other[name]).max()
        differences[kind] = max(differences.get(kind, 0.0), float(difference))
        sizes[kind] = max(sizes.get(kind, 0.0), float(np.abs(value).max()))
    return {kind: differences[kind] / max(sizes[kind], 1e-12) for kind in sizes}


def main(kind):
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    tf.config.set_visible_devices([], "GPU")
    # Eagerly, since three steps do not pay for tracing them; eager steps on two
    # replicas would wait for one another at every normalisation.
    before, single, single_losses = train(
        kind, contextlib.nullcontext(), run_eagerly=True
    )
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    before_2, double, double_losses = train(kind, strategy.scope(), run_eagerly=False)
    result = {
        "replicas": strategy.num_replicas_in_sync,
        "at_start": relative(before, before_2),
        "moved": relative(single, before),
        "different": relative(single, double),
        "losses": [single_losses, double_losses],
    }
    print(json.dumps(result))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1])
