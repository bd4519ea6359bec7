"""One operation of the compact networks, by its name."""

import keras
from keras import ops

from selene_tf.architectures import compact_operations
from selene_tf.layers.conv_norm import ConvNorm
from selene_tf.layers.separable_conv import SeparableConvNorm


@keras.saving.register_keras_serializable("selene_tf")
class CompactOperation(keras.layers.Layer):
    """An operation that a search of Nekrasov et al. chooses from.

    - convNxN: convolution, normalisation, ReLU;
    - sep_conv_NxN: some units of a depthwise and a pointwise convolution,
      normalisation, ReLU; each unit has the stride, the first changes the channels;
    - global_average_pool: the image's mean through a 1x1 convolution, everywhere;
    - max_pool_3x3: a 1x1 convolution and normalisation, then the pooling;
    - skip_connect: the input, its channels repeated if there shall be more;
    - none: zeros.

    Args:
        operation: Its name, one of those in `architectures.compact_operations`.
        filters: Number of output channels.
        strides: 1 or 2; the last three and the mean ignore it.
        repeats: Units of a separable convolution.
        synchronized: Whether replicas share their batch statistics.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height', width', filters)

    Reference: Nekrasov et al. 2019 and 2020.
    """

    def __init__(
        self, operation, filters, strides=1, repeats=1, synchronized=False, **kwargs
    ):
        super().__init__(**kwargs)
        self.operation = operation
        self.filters = filters
        self.strides = strides
        self.repeats = repeats
        self.synchronized = synchronized

    def build(self, input_shape):
        self.units = self._make_units()
        for unit in self.units:
            unit.build(input_shape)
            input_shape = unit.compute_output_shape(input_shape)

    def _make_units(self):
        options = {"synchronized": self.synchronized, "dtype": self.dtype_policy}
        side = compact_operations.kernel_size(self.operation)
        dilation = compact_operations.dilation(self.operation)
        if self.operation.startswith("sep_conv"):
            return [
                SeparableConvNorm(
                    self.filters,
                    self.strides,
                    dilation_rate=dilation,
                    kernel_size=side,
                    name=f"unit_{number}",
                    **options,
                )
                for number in range(self.repeats)
            ]
        if self.operation.startswith("conv"):
            options |= {"kernel_size": side, "dilation_rate": dilation}
            return [
                ConvNorm(self.filters, strides=self.strides, name="unit", **options)
            ]
        if self.operation in ("global_average_pool", "max_pool_3x3"):
            pools = self.operation == "max_pool_3x3"
            return [
                ConvNorm(self.filters, activation=not pools, name="unit", **options)
            ]
        return []

    def call(self, inputs, training=False):
        features = inputs
        if self.operation == "global_average_pool":
            features = ops.mean(features, axis=(1, 2), keepdims=True)
        for unit in self.units:
            features = unit(features, training=training)
        match self.operation:
            case "global_average_pool":
                return features + ops.zeros_like(inputs[..., :1])
            case "max_pool_3x3":
                return ops.max_pool(
                    features,
                    3,
                    strides=self.strides,
                    padding="same",
                    data_format="channels_last",
                )
            case "skip_connect":
                return ops.tile(features, (1, 1, 1, self.filters // inputs.shape[-1]))
            case "none":
                return ops.zeros_like(features)
        return features

    def compute_output_shape(self, input_shape):
        factor = self.strides
        if self.operation.startswith("sep_conv"):
            factor = self.strides**self.repeats
        elif self.operation in ("global_average_pool", "skip_connect", "none"):
            factor = 1
        sides = [
            None if side is None else -(-side // factor) for side in input_shape[1:3]
        ]
        return (input_shape[0], *sides, self.filters)

    def get_config(self):
        return {
            **super().get_config(),
            "operation": self.operation,
            "filters": self.filters,
            "strides": self.strides,
            "repeats": self.repeats,
            "synchronized": self.synchronized,
        }
