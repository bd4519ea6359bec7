"""The soft conditional gate of a routing cell."""

import keras
from keras import ops

from selene_tf.layers.conv_norm import ConvNorm, kaiming_normal


@keras.saving.register_keras_serializable("selene_tf")
class SoftGate(keras.layers.Layer):
    """Soft conditional gate: a weight in [0, 1) for each route, per image.

    A weight of exactly 0 closes the route. `relu(tanh(x))` is flat there, so a
    closed gate gets no gradient from that image.

    Args:
        num_routes: Number of outgoing routes, 1 to 3.
        initial_bias: Bias of the projection; 1.5 starts every route open, at
            tanh(1.5) = 0.905.
        small: Whether it looks at the features at a quarter of their resolution
            (SmallGate of the official code); they must then be 4 pixels or more
            on either side.
        synchronized: Whether replicas share their batch statistics.

    Input shape: (batch, height, width, channels), an even number of channels
    Output shape: (batch, num_routes)

    Example:
        >>> gate = SoftGate(num_routes=3)
        >>> gate(keras.ops.zeros((2, 8, 12, 4))).shape
        TensorShape([2, 3])

    Reference: Li et al. 2020, https://arxiv.org/abs/2003.10401, section 3.3.
    """

    def __init__(
        self, num_routes, initial_bias=1.5, small=False, synchronized=False, **kwargs
    ):
        super().__init__(**kwargs)
        self.num_routes = num_routes
        self.initial_bias = initial_bias
        self.small = small
        self.synchronized = synchronized

    def build(self, input_shape):
        hidden = input_shape[-1] // 2
        self.reduce = ConvNorm(
            hidden,
            synchronized=self.synchronized,
            dtype=self.dtype_policy,
            name="reduce",
        )
        self.project = keras.layers.Dense(
            self.num_routes,
            kernel_initializer=kaiming_normal(hidden),
            bias_initializer=keras.initializers.Constant(self.initial_bias),
            dtype=self.dtype_policy,
            name="project",
        )
        self.reduce.build(input_shape)
        self.project.build((input_shape[0], hidden))

    def call(self, inputs, training=False):
        if self.small:
            inputs = downsample_4x(inputs)
        pooled = ops.mean(self.reduce(inputs, training=training), axis=(1, 2))
        return ops.relu(ops.tanh(self.project(pooled)))

    def compute_output_shape(self, input_shape):
        return (input_shape[0], self.num_routes)

    def get_config(self):
        return {
            **super().get_config(),
            "num_routes": self.num_routes,
            "initial_bias": self.initial_bias,
            "small": self.small,
            "synchronized": self.synchronized,
        }


def downsample_4x(inputs):
    """Downsamples features bilinearly by 4, rounded down.

    Bilinear without antialiasing, with half-pixel centres: output pixel d lies
    at 4 d + 1.5, so it is the mean of pixels 4 d + 1 and 4 d + 2 in either
    direction.

    Args:
        inputs: (batch, height, width, channels), 4 pixels or more.

    Returns:
        (batch, height // 4, width // 4, channels)
    """
    _, height, width, _ = ops.shape(inputs)
    centres = inputs[:, 1 : height // 4 * 4, 1 : width // 4 * 4, :]
    return ops.average_pool(
        centres, pool_size=2, strides=4, padding="valid", data_format="channels_last"
    )
