"""Gradients summed up over the parts of a step."""

import keras
import tensorflow as tf

from selene_tf.algorithms import replicas


class GradientAccumulator:
    """One variable for each trained weight, on each replica the sum of its own.

    A checkpoint need not hold them: between two steps all are 0.

    Args:
        variables: Name of a network to its trained variables.
    """

    def __init__(self, variables):
        self._sums = {
            name: [
                keras.Variable(
                    tf.zeros(variable.shape, variable.dtype),
                    trainable=False,
                    name=f"gradient_sum_{number}",
                )
                for number, variable in enumerate(own)
            ]
            for name, own in variables.items()
        }

    def add(self, gradients):
        """Adds gradients in the structure of `variables`."""
        for name, own in gradients.items():
            for total, gradient in zip(self._sums[name], own, strict=True):
                replicas.assign_add(total, gradient)

    def take(self, parts):
        """The means over so many parts; the sums are 0 after it."""
        means = {
            name: [total.value / parts for total in own]
            for name, own in self._sums.items()
        }
        # Only when the means are read.
        flat = [mean for own in means.values() for mean in own]
        with tf.control_dependencies(flat):
            for own in self._sums.values():
                for total in own:
                    replicas.assign(total, tf.zeros_like(total.value))
        return means


def rows_of_part(batch, part, parts):
    """The rows of one of so many equal parts of a batch: every so many-th.

    A part's images on all replicas are then the same however many replicas there
    are, and so are their common statistics. Pairs that CutMix mixed stay together.
    """
    together = 2 if "unlabelled_box" in batch else 1
    of_part = {}
    for name, values in batch.items():
        size, *rest = values.shape
        shape = [size // parts // together, parts, together, *rest]
        rows = tf.gather(tf.reshape(values, shape), part, axis=1)
        of_part[name] = tf.reshape(rows, [size // parts, *rest])
    return of_part
