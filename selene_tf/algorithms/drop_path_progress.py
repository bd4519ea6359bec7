"""Tells the drop path layers of networks how much of the training is done."""

import tensorflow as tf
from keras import ops

from selene_tf.algorithms import replicas
from selene_tf.layers.drop_path import DropPath


def layers_of(networks, num_steps):
    """The `DropPath` layers of networks, a list.

    Raises:
        ValueError: There are some, and nobody says how long the training is.
    """
    layers = [
        layer
        for network in networks
        for layer in network.layers
        if isinstance(layer, DropPath)
    ]
    if layers and not num_steps:
        raise ValueError("num_steps must be given for networks with drop path.")
    return layers


def tell(layers, step, num_steps):
    """Sets the layers' progress to the share of the steps that are done."""
    for layer in layers:
        done = ops.cast(step, "float32")
        share = tf.cast(done / num_steps, layer.progress.dtype)
        replicas.assign(layer.progress, share)
