"""A tiny network, batches for it, and its training step by step."""

import keras
import numpy as np
import tensorflow as tf

from selene_tf.architectures import cost_table
from selene_tf.losses.budget import Budget
from selene_tf.networks import dynamic_routing
from selene_tf.training import grappler
from selene_tf.training.sgd import TorchSGD

CLASSES = 3


def build_network(seed=0, name="network", synchronized=False, drop_path=0.0):
    """An untrained network; the seed decides its weights."""
    keras.utils.set_random_seed(seed)
    return dynamic_routing.build(
        CLASSES,
        channels=4,
        num_layers=3,
        drop_path=drop_path,
        synchronized=synchronized,
        name=name,
    )


def make_budget(weight=0.2, target_share=0.1, size=64):
    """A budget for that network's gates, from the first step on."""
    table = cost_table.macs(CLASSES, 4, 3, size, size, convention="dynamic_routing")
    return Budget(table, float(table.searched), target_share, lambda _: weight)


def make_batch(seed=0, size=2, crop=32):
    """A training batch with ignored and padded pixels, unevenly many."""
    rng = np.random.default_rng(seed)
    shape = (size, crop, crop)
    label = rng.integers(0, CLASSES, shape).astype("int32")
    share = np.linspace(0.1, 0.9, size)[:, None, None]
    label[rng.random(shape) < share] = 255
    valid, unlabelled_valid = np.ones(shape, bool), np.ones(shape, bool)
    valid[0, crop // 2 :] = False
    unlabelled_valid[-1, :, 5:] = False
    images = rng.uniform(0, 255, (2, *shape, 3)).astype("float32")
    return {
        "image": images[0],
        "label": label,
        "valid": valid,
        "unlabelled_image": images[1],
        "unlabelled_valid": unlabelled_valid,
    }


def labelled_part(batch):
    """What training without unlabelled images gets."""
    return {name: batch[name] for name in ("image", "label", "valid")}


class Bench:
    """An algorithm whose step is traced once; each test starts it anew.

    Args:
        algorithm: An `Algorithm`. What a test changes in it has to be a
            `tf.Variable`, since the traced step would not see a new number.
        traced: False for a network so small that tracing would take longer.
    """

    def __init__(self, algorithm, traced=True):
        self.algorithm = algorithm
        algorithm.compile(optimizer=TorchSGD(0.1, momentum=0.9))
        algorithm.optimizer.build(algorithm.trainable_variables)
        self._settings = [
            value
            for value in vars(algorithm).values()
            if isinstance(value, tf.Variable)
        ]
        parts = [*algorithm.networks.values(), *algorithm.heads.values()]
        self._variables = [
            *algorithm.optimizer.variables,
            *(weight for part in parts for weight in part.weights),
            *self._settings,
        ]
        self.keep_start()
        step = algorithm.train_step
        self._step = tf.function(step, autograph=False) if traced else step

    def keep_start(self):
        """What `reset` puts back is as it is now."""
        self._start = values(self._variables)

    def reset(self):
        """Puts back all weights, the optimizer's state and the settings."""
        for variable, value in zip(self._variables, self._start, strict=True):
            variable.assign(value)

    def step(self, batch):
        """One training step; its losses, and what it tells by class, as numbers."""
        batch = {name: tf.constant(value) for name, value in batch.items()}
        # As trainings run; rewriting the graph would take longer than the step.
        with grappler.disabled_on_cpu():
            results = self._step(batch)
        return {name: value.numpy().tolist() for name, value in results.items()}


def train(algorithm, batches):
    """Trains as `fit` does; returns the losses of each step as plain numbers."""
    algorithm.make_train_function()
    tensors = (
        {name: tf.constant(value) for name, value in batch.items()} for batch in batches
    )
    found = [algorithm.train_function(tensors) for _ in batches]
    return [
        {name: loss.numpy().tolist() for name, loss in losses.items()}
        for losses in found
    ]


def values(variables):
    """Copies of the variables' values."""
    return [variable.numpy() for variable in variables]


def distance(before, after):
    """Norm of the difference of two lists of arrays."""
    squares = [np.sum((new - old) ** 2) for old, new in zip(before, after, strict=True)]
    return float(np.sqrt(sum(squares)))
