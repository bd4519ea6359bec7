"""The optimiser's step from the gradients of all replicas, clipped by their norm."""

import tensorflow as tf

from selene_tf.algorithms import replicas


def apply(optimizer, gradients, variables, max_norm):
    """Averages gradients over replicas, clips each network's by its norm, applies them.

    A step of which a norm is not finite moves no weight: a single image may overflow.
    The norm is told as it is, so that the loop can count such steps.

    Args:
        optimizer: The `TorchSGD`.
        gradients: Name of each trained network to a list of gradients.
        variables: Likewise of its variables.
        max_norm: Global norm to which a network's gradients are clipped.

    Returns:
        Name to the norm before clipping.
    """
    gradients = {name: replicas.mean(own) for name, own in gradients.items()}
    norms = {name: tf.linalg.global_norm(own) for name, own in gradients.items()}
    finite = tf.reduce_all(tf.math.is_finite(list(norms.values())))
    clipped = []
    for name, own in gradients.items():
        bound = tf.cast(max_norm, norms[name].dtype)
        factor = bound / tf.maximum(norms[name], bound)
        factor = tf.where(finite, factor, tf.zeros_like(factor))
        # 0 times what is not finite would not be 0.
        clipped += [tf.math.multiply_no_nan(each, factor) for each in own]
    optimizer.apply(clipped, [v for own in variables.values() for v in own], finite)
    return norms
