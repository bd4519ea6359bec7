"""Precise batch normalisation: statistics anew, when the weights no longer move."""

import contextlib

import numpy as np
import tensorflow as tf

from selene_tf.layers.batch_norm import BatchNorm, batch_moments
from selene_tf.layers.drop_path import DropPath


def recompute(network, batches):
    """Replaces the moving statistics by the mean and variance over some batches.

    While training, moving statistics lag behind the weights. Here each batch counts the
    same, and the variance is the total one, E[x^2] - E[x]^2 over all batches: the mean
    of the variances within batches, plus the variance of the batches' means. Computed
    so, it loses no digits. PreciseBN of the official code leaves the second part out,
    which is large where batches are small and differ.

    Weights stay as they are; drop path leaves nothing out.

    Args:
        network: A Keras model; frozen or not.
        batches: Images, each (batch, height, width, 3) in 0..255; one or more. In a
            strategy's scope, what the strategy distributed.

    Raises:
        ValueError: if there is no batch.

    Example:
        >>> import keras, numpy as np
        >>> network = keras.Sequential([keras.Input((2, 2, 1)), BatchNorm()])
        >>> recompute(network, [np.full((1, 2, 2, 1), x) for x in (1.0, 3.0)])
        >>> norm = network.layers[0]
        >>> print(norm.moving_mean.numpy(), norm.moving_variance.numpy())
        [2.] [1.]
    """
    layers = [x for x in network._flatten_layers() if isinstance(x, BatchNorm)]
    variables = [(layer.moving_mean, layer.moving_variance) for layer in layers]
    before = [(mean.numpy(), variance.numpy()) for mean, variance in variables]
    try:
        with _without_drop_path(network), batch_moments(network):
            totals = _total_moments(network, variables, batches)
    except BaseException:
        _assign(variables, before)
        raise
    _assign(variables, totals)


@contextlib.contextmanager
def _without_drop_path(network):
    dropping = [x for x in network._flatten_layers() if isinstance(x, DropPath)]
    trainable = [layer.trainable for layer in dropping]
    for layer in dropping:
        layer.trainable = False
    try:
        yield
    finally:
        for layer, was_trainable in zip(dropping, trainable, strict=True):
            layer.trainable = was_trainable


def _total_moments(network, variables, batches):
    """Mean and total variance of each layer, in float64."""
    strategy = tf.distribute.get_strategy()

    def run(images):
        # Only for what it does to the statistics.
        network(images, training=True)

    # A new function: what moves the statistics is fixed when it is traced.
    @tf.function(autograph=False)
    def forward(images):
        strategy.run(run, args=(images,))

    count = 0
    # Welford's sums: the means so far, the squared distances from them, and the
    # variances within the batches.
    means = [np.zeros(mean.shape) for mean, _ in variables]
    apart = [np.zeros(mean.shape) for mean, _ in variables]
    within = [np.zeros(mean.shape) for mean, _ in variables]
    for images in batches:
        forward(images)
        count += 1
        for place, (mean, variance) in enumerate(variables):
            step = mean.numpy() - means[place]
            means[place] += step / count
            apart[place] += step * (mean.numpy() - means[place])
            within[place] += variance.numpy()
    if not count:
        raise ValueError("batches must not be empty.")
    return [
        (mean, (between + inside) / count)
        for mean, between, inside in zip(means, apart, within, strict=True)
    ]


def _assign(variables, values):
    for (mean, variance), (new_mean, new_variance) in zip(
        variables, values, strict=True
    ):
        mean.assign(new_mean)
        variance.assign(new_variance)
