"""Trains on one replica and on two, and prints how far apart they end.

Run as a process of its own, since a process bears only one MirroredStrategy:
python -m tests.algorithms.replica_case supervised
"""

import contextlib
import json
import sys

import numpy as np
import tensorflow as tf

from selene_tf import schedules
from selene_tf.algorithms.mean_teacher import MeanTeacher
from selene_tf.algorithms.supervised import Supervised
from selene_tf.optimizer import TorchSGD
from selene_tf.schedules import PolyWithWarmUp
from tests.algorithms.batches import build_network, labelled_part, make_batch

STEPS, BATCH_SIZE, MAX_GRADIENT_NORM = 3, 4, 0.2


def train(kind, scope):
    """Weights by path, before and after, and the losses of the last step."""
    with scope:
        student = build_network(0, "student", synchronized=True)
        if kind == "supervised":
            algorithm = Supervised(student, MAX_GRADIENT_NORM)
        else:
            algorithm = MeanTeacher(
                student,
                build_network(1, "teacher", synchronized=True),
                schedules.ramp_up(100.0, 5),
                MAX_GRADIENT_NORM,
            )
        schedule = PolyWithWarmUp(0.2, 10)
        algorithm.compile(
            optimizer=TorchSGD(schedule, 0.9, weight_decay=1e-3), run_eagerly=True
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
    before, single, single_losses = train(kind, contextlib.nullcontext())
    strategy = tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])
    before_2, double, double_losses = train(kind, strategy.scope())
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
