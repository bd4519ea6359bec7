"""A convolution, its batch normalisation and, by choice, a ReLU."""

import math

import keras

from selene_tf.layers.batch_norm import BatchNorm


def kaiming_normal(fan_in):
    """Kaiming's normal initialiser for a ReLU: std = sqrt(2 / fan_in).

    Not `keras.initializers.HeNormal`, which truncates, and which takes the fan
    of a depthwise kernel to be channels times too large.
    """
    return keras.initializers.RandomNormal(stddev=math.sqrt(2.0 / fan_in))


@keras.saving.register_keras_serializable("selene_tf")
class ConvNorm(keras.layers.Layer):
    """Convolution without bias, batch normalisation, and a ReLU if wanted.

    Args:
        filters: Number of output channels.
        kernel_size: Height and width of the kernel, in pixels.
        strides: Step of the kernel, in pixels.
        padding: "same" or "valid".
        activation: True for a ReLU after the normalisation.
        dilation_rate: Distance of the kernel's pixels from each other.
        synchronized: Whether replicas share their batch statistics.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height', width', filters)

    Example:
        >>> layer = ConvNorm(filters=8, kernel_size=3, strides=2)
        >>> layer(keras.ops.zeros((1, 9, 12, 3))).shape
        TensorShape([1, 5, 6, 8])
    """

    def __init__(
        self,
        filters,
        kernel_size=1,
        strides=1,
        padding="same",
        activation=True,
        dilation_rate=1,
        synchronized=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.kernel_size = kernel_size
        self.strides = strides
        self.padding = padding
        self.activation = activation
        self.dilation_rate = dilation_rate
        self.synchronized = synchronized

    def build(self, input_shape):
        self.conv = keras.layers.Conv2D(
            self.filters,
            self.kernel_size,
            strides=self.strides,
            padding=self.padding,
            dilation_rate=self.dilation_rate,
            use_bias=False,
            kernel_initializer=kaiming_normal(input_shape[-1] * self.kernel_size**2),
            dtype=self.dtype_policy,
            name="conv",
        )
        self.norm = BatchNorm(
            synchronized=self.synchronized, dtype=self.dtype_policy, name="norm"
        )
        self.conv.build(input_shape)
        self.norm.build(self.conv.compute_output_shape(input_shape))

    def call(self, inputs, training=False):
        outputs = self.norm(self.conv(inputs), training=training)
        return keras.ops.relu(outputs) if self.activation else outputs

    def compute_output_shape(self, input_shape):
        return self.conv.compute_output_shape(input_shape)

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "kernel_size": self.kernel_size,
            "strides": self.strides,
            "padding": self.padding,
            "activation": self.activation,
            "dilation_rate": self.dilation_rate,
            "synchronized": self.synchronized,
        }
