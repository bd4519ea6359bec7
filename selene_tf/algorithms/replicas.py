"""What a training step needs to know of the other replicas, from inside of one."""

import tensorflow as tf


def count():
    """How many replicas take a step together."""
    return tf.distribute.get_replica_context().num_replicas_in_sync


def gather(values):
    """The values of all replicas, one after the other along the first axis.

    Args:
        values: A tensor of finite numbers, of the same shape on every replica, not a
            scalar.
    """
    context, number = tf.distribute.get_replica_context(), count()
    if number == 1:
        return values
    # `all_gather` fails on several workers (TensorFlow 2.21), so each replica adds its
    # own values to zeros in the places of the others.
    own = tf.one_hot(context.replica_id_in_sync_group, number, dtype=values.dtype)
    own = tf.reshape(own, [number] + [1] * values.shape.rank)
    everywhere = context.all_reduce("sum", own * values[tf.newaxis])
    return tf.reshape(everywhere, [-1, *values.shape[1:]])


def mean(values):
    """The mean over the replicas of a tensor, or of each in a list of them."""
    if count() == 1:
        return values
    return tf.distribute.get_replica_context().all_reduce("mean", values)


def assign(variable, value):
    """Sets this replica's copy of a variable, to what is the same on all of them.

    A Keras variable's own `assign` would average the values over the replicas: one
    more exchange for each of a thousand variables.
    """
    tf.raw_ops.AssignVariableOp(resource=variable.value.handle, value=value)


def assign_add(variable, value):
    """Adds to this replica's copy of a variable, as `assign` sets it."""
    tf.raw_ops.AssignAddVariableOp(resource=variable.value.handle, value=value)
