"""Batch normalisation's statistics anew, when the weights no longer move."""

import contextlib

import numpy as np
import tensorflow as tf

from selene_tf.layers.batch_norm import BatchNorm
from selene_tf.layers.drop_path import DropPath


def recompute(network, batches):
    """Replaces the moving statistics by their plain means over some batches.

    While training, moving statistics lag behind the weights. Here each batch
    counts the same. The variance is the mean of the batches' variances, as in the
    official code (PreciseBN), and not that of all images as one batch.

    Weights stay as they are; drop path leaves nothing out.

    Args:
        network: A Keras model; frozen or not.
        batches: Images, each (batch, height, width, 3) in 0..255; one or more. In a
            strategy's scope, what the strategy distributed.

    Raises:
        ValueError: if there is no batch.
    """
    layers = [x for x in network._flatten_layers() if isinstance(x, BatchNorm)]
    variables = [
        variable
        for layer in layers
        for variable in (layer.moving_mean, layer.moving_variance)
    ]
    before = [variable.numpy() for variable in variables]
    try:
        with _taking_over_each_batch(network, layers):
            means = _means(network, variables, batches)
    except BaseException:
        _assign(variables, before)
        raise
    _assign(variables, means)


@contextlib.contextmanager
def _taking_over_each_batch(network, layers):
    """Makes the moving statistics those of the last batch."""
    momenta = [layer.momentum for layer in layers]
    parts = network._flatten_layers()
    trainable = [(part, part.trainable) for part in parts]
    # A frozen network leaves its statistics alone.
    network.trainable = True
    dropping = [x for x in network._flatten_layers() if isinstance(x, DropPath)]
    for layer in layers:
        layer.momentum = 0.0
    for layer in dropping:
        layer.trainable = False
    try:
        yield
    finally:
        # Outer parts first, since each sets those inside of it.
        for part, was_trainable in trainable:
            part.trainable = was_trainable
        for layer, momentum in zip(layers, momenta, strict=True):
            layer.momentum = momentum


def _means(network, variables, batches):
    strategy = tf.distribute.get_strategy()

    # A new function: momentum and freezing are fixed when it is traced.
    @tf.function
    def forward(images):
        strategy.run(lambda own: network(own, training=True)["logits"], args=(images,))

    sums, count = [np.zeros(variable.shape) for variable in variables], 0
    for images in batches:
        forward(images)
        for total, variable in zip(sums, variables, strict=True):
            total += variable.numpy()
        count += 1
    if not count:
        raise ValueError("batches must not be empty.")
    return [total / count for total in sums]


def _assign(variables, values):
    for variable, value in zip(variables, values, strict=True):
        variable.assign(value)
