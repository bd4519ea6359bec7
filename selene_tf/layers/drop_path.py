"""Scheduled drop path: images skip the convolutions of some cells in training."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("selene_tf")
class DropPath(keras.layers.Layer):
    """Draws, for each image and cell, whether the cell's convolutions are left out.

    Cell c is left out with probability `rates[c] * progress`, and scaled up
    otherwise so that the mean stays: the factor is 0, or 1 / (1 - probability).
    It goes onto the separable convolutions alone; the input still passes.

    `progress` is a weight between 0 and 1, the share of the training that is
    done, to be set before each step (`Algorithm.train_step` does); it starts at 0,
    where nothing is left out. At inference, and in a frozen network, nothing is.

    Under a distribution strategy the draw is made for the images of all replicas,
    and each takes its share, so that N replicas do what one does.

    Args:
        rates: For each cell, its probability at the end of the training.
        seed: Integer, for the draws; None takes one from Keras's global seed.

    Input shape: (batch, ...); only the batch counts
    Output shape: (batch, cells)

    Reference: Zoph et al. 2018, https://arxiv.org/abs/1707.07012, and the official
    DynamicRouting code (DROP_PROB).
    """

    def __init__(self, rates, seed=None, **kwargs):
        super().__init__(**kwargs)
        self.rates = [float(rate) for rate in rates]
        self.seed = seed
        # Named, since Keras would count the generators of the process, and a
        # checkpoint finds its variables by name.
        self.seed_generator = keras.random.SeedGenerator(seed, name="draws")

    def build(self, input_shape):
        del input_shape
        self.progress = self.add_weight(
            name="progress", shape=(), initializer="zeros", trainable=False
        )

    def call(self, inputs, training=False):
        shape = (ops.shape(inputs)[0], len(self.rates))
        if not training or not self.trainable:
            return ops.ones(shape, dtype=self.compute_dtype)
        rates = ops.convert_to_tensor(np.array(self.rates, "float32"))
        kept = 1.0 - rates * ops.cast(self.progress, "float32")
        keeps = ops.cast(self._draw(shape) < kept, "float32")
        return ops.cast(keeps / kept, self.compute_dtype)

    def _draw(self, shape):
        index, number = _replica()
        everywhere = keras.random.uniform(
            (shape[0] * number, shape[1]), dtype="float32", seed=self.seed_generator
        )
        return everywhere[index * shape[0] : (index + 1) * shape[0]]

    def compute_output_shape(self, input_shape):
        return (input_shape[0], len(self.rates))

    def get_config(self):
        return {**super().get_config(), "rates": self.rates, "seed": self.seed}


def _replica():
    """This replica's number, and how many there are."""
    if keras.backend.backend() != "tensorflow":
        return 0, 1
    import tensorflow as tf

    context = tf.distribute.get_replica_context()
    return context.replica_id_in_sync_group, context.num_replicas_in_sync
