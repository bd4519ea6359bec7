"""Joining two features in a template: a weighted sum, or side by side."""

import keras
from keras import ops

from selene_tf.layers.batch_norm import BatchNorm
from selene_tf.layers.conv_norm import ConvNorm, kaiming_normal
from selene_tf.layers.resize import resize


@keras.saving.register_keras_serializable("selene_tf")
class Aggregation(keras.layers.Layer):
    """Joins two features, of other channels and sizes if need be.

    Features with fewer channels first go through a 1x1 convolution; then one of both
    is resized. "psum" weights each channel of both by a learned number and adds; "cat"
    puts them side by side, normalises, and brings them back to their channels.

    Args:
        aggregation: "psum" or "cat".
        to_first: Whether the second one gets the first one's size; else the reverse.
        synchronized: Whether replicas share their batch statistics.

    Input shape: [(batch, height, width, channels), (batch, h, w, c)]
    Output shape: (batch, height, width, max(channels, c)), or of h and w

    Reference: Nekrasov et al. 2020, https://arxiv.org/abs/1904.02365.
    """

    def __init__(self, aggregation, to_first, synchronized=False, **kwargs):
        super().__init__(**kwargs)
        self.aggregation = aggregation
        self.to_first = to_first
        self.synchronized = synchronized

    def build(self, input_shape):
        channels = max(shape[-1] for shape in input_shape)
        options = {"synchronized": self.synchronized, "dtype": self.dtype_policy}
        self.adapters = []
        for number, shape in enumerate(input_shape):
            adapter = ConvNorm(channels, name=f"adapt_{number}", **options)
            if shape[-1] != channels:
                adapter.build(shape)
            self.adapters.append(adapter if shape[-1] != channels else None)
        if self.aggregation == "psum":
            self.scales = [
                self.add_weight(shape=(channels,), initializer="ones", name=name)
                for name in ("first_scale", "second_scale")
            ]
            return
        joined = (*input_shape[0][:-1], 2 * channels)
        self.norm = BatchNorm(name="norm", **options)
        self.conv = keras.layers.Conv2D(
            channels,
            1,
            use_bias=False,
            kernel_initializer=kaiming_normal(2 * channels),
            dtype=self.dtype_policy,
            name="conv",
        )
        self.norm.build(joined)
        self.conv.build(joined)

    def call(self, inputs, training=False):
        both = [
            features if adapter is None else adapter(features, training=training)
            for features, adapter in zip(inputs, self.adapters, strict=True)
        ]
        stays, goes = (0, 1) if self.to_first else (1, 0)
        both[goes] = resize(both[goes], ops.shape(both[stays])[1:3])
        if self.aggregation == "psum":
            scaled = [
                features * ops.cast(scale, features.dtype)
                for features, scale in zip(both, self.scales, strict=True)
            ]
            return scaled[0] + scaled[1]
        joined = self.norm(ops.concatenate(both, axis=-1), training=training)
        return self.conv(ops.relu(joined))

    def compute_output_shape(self, input_shape):
        first, second = input_shape
        kept = first if self.to_first else second
        return (*kept[:-1], max(first[-1], second[-1]))

    def get_config(self):
        return {
            **super().get_config(),
            "aggregation": self.aggregation,
            "to_first": self.to_first,
            "synchronized": self.synchronized,
        }
