"""Keeps features in a network that nothing reads, as published networks have them."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("selene_tf")
class Unread(keras.layers.Layer):
    """Gives its first input; the others are computed and have no effect.

    A searched decoder may leave a level of its encoder out. The published networks
    build and compute it all the same, and their counts hold it. Its weights get a
    gradient of 0.

    Input shape: [(batch, height, width, channels), any, ...]
    Output shape: (batch, height, width, channels)

    Example:
        >>> layer = Unread()
        >>> layer([keras.ops.ones((1, 1, 1, 1)), keras.ops.ones((1, 2, 2, 3))]).shape
        TensorShape([1, 1, 1, 1])
    """

    def call(self, inputs):
        features, *unread = inputs
        nothing = sum(ops.mean(each) * 0 for each in unread)
        return features + ops.cast(nothing, features.dtype)

    def compute_output_shape(self, input_shape):
        return input_shape[0]
