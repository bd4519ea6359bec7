"""Trains on one replica and on two, and prints how far apart they end.

Run as a process of its own, since a process bears only one strategy of several
devices:
python -m tests.algorithms.replica_case supervised,mean_teacher
python -m tests.algorithms.replica_case mean_teacher 0   # worker 0 of TF_CONFIG
"""

import contextlib
import functools
import json
import sys

import keras
import numpy as np
import tensorflow as tf

from selene_tf.algorithms import replicas
from selene_tf.algorithms.cross_pseudo import CrossPseudo
from selene_tf.algorithms.mean_teacher import MeanTeacher
from selene_tf.algorithms.pretext import PretextLoss
from selene_tf.algorithms.supervised import Supervised
from selene_tf.architectures.cost_table import CostTable
from selene_tf.data.pipeline import batching
from selene_tf.data.pipeline.sources import MemorySource
from selene_tf.evaluation import distributed, evaluate
from selene_tf.layers.conv_norm import ConvNorm
from selene_tf.layers.drop_path import DropPath
from selene_tf.layers.normalize import Normalize
from selene_tf.layers.pretext_head import PretextHead
from selene_tf.layers.resize import BilinearUpsample
from selene_tf.layers.routing_cell import RoutingCell
from selene_tf.losses import ohem
from selene_tf.losses.budget import Budget
from selene_tf.training import schedules
from selene_tf.training.schedules import PolyWithWarmUp
from selene_tf.training.sgd import TorchSGD
from tests.algorithms.batches import (
    CLASSES,
    labelled_part,
    make_batch,
)

STEPS, BATCH_SIZE, MAX_GRADIENT_NORM = 3, 4, 0.2
TASKS = 7
# The first class counts least.
CLASS_WEIGHTS = tuple(1.0 + number for number in range(CLASSES))
# As if the one cell were there on every level.
COSTS = CostTable(
    0, 0, np.full((1, 4), 0.1), np.zeros((1, 4)), np.full((1, 4, 3), 0.05)
)


def train(kind, strategy, run_eagerly):
    """Weights by path, before and after, and the losses of each step."""
    scope = strategy.scope() if strategy else contextlib.nullcontext()
    with scope:
        algorithm = make_algorithm(kind)
        schedule = PolyWithWarmUp(0.2, 10)
        algorithm.compile(
            optimizer=TorchSGD(schedule, 0.9, weight_decay=1e-3),
            run_eagerly=run_eagerly,
            jit_compile=False,
        )
        algorithm.optimizer.build(algorithm.trainable_variables)
    variables = {
        name: variable
        for name, variable in algorithm.named_variables().items()
        if not name.startswith("optimizer/") and "draws" not in name
    }
    before = {name: weight.numpy() for name, weight in variables.items()}
    data = dataset(kind)
    if strategy:
        data = strategy.experimental_distribute_dataset(data)
    history = algorithm.fit(data, epochs=STEPS, steps_per_epoch=1, verbose=0)
    after = {name: weight.numpy() for name, weight in variables.items()}
    losses = {k: np.asarray(v).tolist() for k, v in history.history.items()}
    return before, after, losses


def make_algorithm(kind):
    """Between them the kinds have all that reaches over replicas."""
    if kind == "supervised":
        student = build_cell(0, "student", drop_path=0.5)
        budget = Budget(COSTS, 1.0, 0.1, lambda _: 0.2)
        return Supervised(student, MAX_GRADIENT_NORM, budget=budget, num_steps=STEPS)
    if kind == "cross_pseudo":
        networks = {
            name: build_plain(i, name) for i, name in enumerate(("first", "second"))
        }
        mining = functools.partial(
            ohem.ohem_cross_entropy, min_share=0.3, gather=replicas.gather
        )
        weight = schedules.ramp_up(1.5, 0)
        return CrossPseudo(
            *networks.values(),
            weight,
            MAX_GRADIENT_NORM,
            supervised_loss=mining,
            class_weights=CLASS_WEIGHTS,
            accumulate_steps=2,
        )
    student = build_plain(0, "student")
    head = PretextHead(TASKS, synchronized=True, name="student_head")
    head.build([level.shape for level in student.output["features"]])
    return MeanTeacher(
        student,
        build_plain(1, "teacher"),
        schedules.ramp_up(100.0, 5),
        MAX_GRADIENT_NORM,
        class_weights=CLASS_WEIGHTS,
        pretext=PretextLoss("jigsaw", 0.1, {"student": head}),
    )


def build_plain(seed, name):
    """A network of two levels and without gates, which is quick to trace."""
    keras.utils.set_random_seed(seed)
    image = keras.Input((None, None, 3), name="image")
    fine = Normalize((128,) * 3, (64,) * 3)(image)
    fine = ConvNorm(4, 3, strides=2, synchronized=True, name="fine")(fine)
    coarse = ConvNorm(8, 3, strides=2, synchronized=True, name="coarse")(fine)
    joined = [fine, BilinearUpsample(2, name="double")(coarse)]
    joined = keras.layers.Concatenate(name="join")(joined)
    joined = BilinearUpsample(2, name="enlarge")(joined)
    logits = keras.layers.Conv2D(CLASSES, 1, name="predictor")(joined)
    return keras.Model(image, {"logits": logits, "features": [fine, coarse]}, name=name)


def build_cell(seed, name, drop_path=None):
    """A network of one cell: whole ones would take minutes to trace."""
    keras.utils.set_random_seed(seed)
    image = keras.Input((None, None, 3), name="image")
    features = Normalize((128,) * 3, (64,) * 3)(image)
    features = ConvNorm(4, 3, strides=2, synchronized=True, name="stem")(features)
    active = keras.ops.ones_like(keras.ops.mean(features, axis=(1, 2))[:, :1])
    cell = RoutingCell(("keep", "up", "down"), synchronized=True, name="cell")
    scale = None
    if drop_path is not None:
        scale = DropPath([drop_path], name="drop_path")(features)
    outputs = cell([features], [active], scale)
    coarse = BilinearUpsample(4, name="enlarge")(outputs["down"])
    features = [
        outputs["up"],
        BilinearUpsample(2, name="double")(outputs["keep"]),
        coarse,
    ]
    joined = keras.layers.Concatenate(name="join")(features)
    logits = keras.layers.Conv2D(CLASSES, 1, name="predictor")(joined)
    levels = [outputs["up"], outputs["keep"], outputs["down"]]
    gates = keras.layers.RepeatVector(4, name="table")(outputs["gates"])
    gates = keras.layers.Reshape((1, 4, 3), name="layers")(gates)
    outputs = {"logits": logits, "gates": gates, "features": levels}
    return keras.Model(image, outputs, name=name)


def dataset(kind):
    """Batches with unevenly many ignored and padded pixels, and tasks."""
    batches = [make_batch(seed, BATCH_SIZE, crop=64) for seed in range(STEPS)]
    for number, batch in enumerate(batches):
        # Three of the first replica's images have a task, one of the second's.
        tasks = np.array([number % TASKS, 2, -1, -1], "int32")
        batch["pretext_label"] = tasks
        batch["unlabelled_pretext_label"] = tasks[[2, 1, 0, 3]]
    if kind == "supervised":
        batches = [labelled_part(batch) for batch in batches]
    joined = {
        name: np.concatenate([batch[name] for batch in batches]) for name in batches[0]
    }
    return tf.data.Dataset.from_tensor_slices(joined).batch(BATCH_SIZE)


GROUPS = {"bias": "kernel", "beta": "gamma", "moving_mean": "moving_variance"}


def relative(one, other, order):
    """By kind of weight: norm of all differences over the norm of all values.

    By kind ("student kernel"), and offsets with the scales that they stand beside:
    an offset that has hardly left 0 holds little but the rounding of the sums in its
    gradient.
    """
    differences, sizes = {}, {}
    for name, value in one.items():
        last = name.split("/")[-1]
        kind = f"{name.split('/')[0]} {GROUPS.get(last, last)}"
        differences.setdefault(kind, []).append((value - other[name]).ravel())
        sizes.setdefault(kind, []).append(value.ravel())
    return {
        kind: float(
            np.linalg.norm(np.concatenate(differences[kind]), order)
            / max(np.linalg.norm(np.concatenate(sizes[kind]), order), 1e-12)
        )
        for kind in sizes
    }


def two_replicas():
    """Of this process, on two CPUs that are one."""
    cpu = tf.config.list_physical_devices("CPU")[0]
    tf.config.set_logical_device_configuration(
        cpu, [tf.config.LogicalDeviceConfiguration()] * 2
    )
    tf.config.set_visible_devices([], "GPU")
    return tf.distribute.MirroredStrategy(["CPU:0", "CPU:1"])


def compare(kind, strategy):
    """One replica beside those of the strategy."""
    double = train(kind, strategy, run_eagerly=False)
    # Eagerly, since few steps do not pay for tracing them; eager steps on two
    # replicas would wait for one another at every normalisation.
    single = train(kind, None, run_eagerly=True)
    return {
        "at_start": relative(single[0], double[0], np.inf),
        "moved": relative(single[1], single[0], 2),
        "different": relative(single[1], double[1], 2),
        "largest_difference": relative(single[1], double[1], np.inf),
        "losses": [single[2], double[2]],
    }


def evaluations(strategy, share):
    """Five images counted by one device alone, and by all replicas together.

    The last time as if the network had no gates.
    """
    with strategy.scope():
        network = build_cell(2, "network")
    rng = np.random.default_rng(0)
    source = MemorySource(
        rng.integers(0, 256, (5, 16, 16, 3), dtype=np.uint8),
        rng.integers(0, CLASSES, (5, 16, 16), dtype=np.uint8),
    )
    dataset = batching.evaluation(source, 2, share)
    predict_all = distributed.predictor(network, strategy)

    def predict_labels(batches):
        return [{"labels": outputs["labels"]} for outputs in predict_all(batches)]

    results = [
        evaluate.evaluate(
            evaluate.predictor(network), batching.evaluation(source, 2), CLASSES
        ),
        distributed.evaluate(predict_all, dataset, CLASSES, 5, strategy),
        distributed.evaluate(predict_labels, dataset, CLASSES, 5, strategy),
    ]
    return [
        [x.confusion.tolist(), np.array(x.gates).tolist(), x.sizes.tolist()]
        for x in results
    ]


def main(kinds, worker):
    # In float32 each processor would differ by a bound of its own.
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    if worker is None:
        strategy, share = two_replicas(), batching.WorkerShard(replicas=2)
    else:
        # One replica of those of TF_CONFIG.
        strategy = tf.distribute.MultiWorkerMirroredStrategy()
        share = batching.WorkerShard(worker, 2, 1)
    result = {
        "replicas": strategy.num_replicas_in_sync,
        "trained": {kind: compare(kind, strategy) for kind in kinds},
        "evaluations": evaluations(strategy, share),
    }
    print(json.dumps(result))  # noqa: T201


if __name__ == "__main__":
    main(sys.argv[1].split(","), int(sys.argv[2]) if len(sys.argv) > 2 else None)
