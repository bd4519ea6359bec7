"""Depthwise separable convolutions, the network's building blocks."""

import keras

from selene_tf.layers.conv_norm import ConvNorm, kaiming_normal


def depthwise(strides, dtype, name, dilation_rate=1, kernel_size=3):
    """A depthwise convolution without bias; a channel's fan is its own kernel."""
    return keras.layers.DepthwiseConv2D(
        kernel_size,
        strides=strides,
        padding="same",
        dilation_rate=dilation_rate,
        use_bias=False,
        depthwise_initializer=kaiming_normal(kernel_size**2),
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
        kernel_size: Height and width of the depthwise kernel, in pixels.
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
        kernel_size=3,
        synchronized=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.strides = strides
        self.activation = activation
        self.dilation_rate = dilation_rate
        self.kernel_size = kernel_size
        self.synchronized = synchronized

    def build(self, input_shape):
        self.depthwise = depthwise(
            self.strides,
            self.dtype_policy,
            "depthwise",
            self.dilation_rate,
            self.kernel_size,
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
            "kernel_size": self.kernel_size,
            "synchronized": self.synchronized,
        }
