"""Depthwise separable convolutions, the network's building blocks."""

import keras

from selene_tf.layers.conv_norm import ConvNorm, kaiming_normal


def depthwise(strides, dtype, name, dilation_rate=1):
    """A depthwise 3x3 convolution without bias; each channel has a fan of 9."""
    return keras.layers.DepthwiseConv2D(
        3,
        strides=strides,
        padding="same",
        dilation_rate=dilation_rate,
        use_bias=False,
        depthwise_initializer=kaiming_normal(9),
        dtype=dtype,
        name=name,
    )


@keras.saving.register_keras_serializable("selene_tf")
class SeparableConvNorm(keras.layers.Layer):
    """Depthwise separable convolution, batch normalisation and ReLU.

    There is nothing between the two convolutions (Li et al. 2020, official
    code: no normalisation and no ReLU after a depthwise one).

    Args:
        filters: Number of output channels.
        strides: Step of the depthwise kernel, in pixels.
        activation: True for a ReLU at the end.
        dilation_rate: Distance of the depthwise kernel's pixels from each other.
        synchronized: Whether replicas share their batch statistics.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, ceil(height / strides), ceil(width / strides), filters)

    Example:
        >>> layer = SeparableConvNorm(filters=8, strides=2)
        >>> layer(keras.ops.zeros((1, 9, 12, 4))).shape
        TensorShape([1, 5, 6, 8])
    """

    def __init__(
        self,
        filters,
        strides=1,
        activation=True,
        dilation_rate=1,
        synchronized=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.strides = strides
        self.activation = activation
        self.dilation_rate = dilation_rate
        self.synchronized = synchronized

    def build(self, input_shape):
        self.depthwise = depthwise(
            self.strides, self.dtype_policy, "depthwise", self.dilation_rate
        )
        self.pointwise = ConvNorm(
            self.filters,
            activation=self.activation,
            synchronized=self.synchronized,
            dtype=self.dtype_policy,
            name="pointwise",
        )
        self.depthwise.build(input_shape)
        self.pointwise.build(self.depthwise.compute_output_shape(input_shape))

    def call(self, inputs, training=False):
        return self.pointwise(self.depthwise(inputs), training=training)

    def compute_output_shape(self, input_shape):
        shape = self.depthwise.compute_output_shape(input_shape)
        return (*shape[:-1], self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "strides": self.strides,
            "activation": self.activation,
            "dilation_rate": self.dilation_rate,
            "synchronized": self.synchronized,
        }
