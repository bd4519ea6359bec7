"""Atrous spatial pyramid pooling (ASPP): surroundings at several distances."""

import keras
from keras import ops

from selene_tf.architectures.topology import ATROUS_RATES
from selene_tf.layers.conv_norm import ConvNorm
from selene_tf.layers.resize import resize
from selene_tf.layers.separable_conv import SeparableConvNorm


@keras.saving.register_keras_serializable("selene_tf")
class AtrousPooling(keras.layers.Layer):
    """Atrous spatial pyramid pooling: dilated convolutions and a global mean.

    A 1x1 convolution, three dilated 3x3 ones, and the image's mean through a 1x1
    one, side by side, go through a 1x1 convolution. Normalisation and ReLU follow each
    convolution.

    In training, the mean of the whole image is normalised over the batch alone,
    so the batch should not be tiny.

    Args:
        filters: Number of output channels; None for as many as come in.
        branch_filters: Channels of each branch; None for half of those that come in.
        rates: Dilations of the 3x3 convolutions; by default those for stride 32.
        separable: Whether these are depthwise separable.
        synchronized: Whether replicas share their batch statistics.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height, width, filters)

    Reference: Chen et al. 2017, https://arxiv.org/abs/1706.05587, section 3.3.
    """

    def __init__(
        self,
        filters=None,
        branch_filters=None,
        rates=ATROUS_RATES,
        separable=False,
        synchronized=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.filters = filters
        self.branch_filters = branch_filters
        self.rates = tuple(rates)
        self.separable = separable
        self.synchronized = synchronized

    def build(self, input_shape):
        channels = input_shape[-1]
        narrow = self.branch_filters or channels // 2
        options = {"synchronized": self.synchronized, "dtype": self.dtype_policy}
        self.near = ConvNorm(narrow, name="near", **options)
        self.dilated = [self._dilated(narrow, rate, options) for rate in self.rates]
        self.image_mean = ConvNorm(narrow, name="whole", **options)
        for layer in (self.near, *self.dilated, self.image_mean):
            layer.build(input_shape)
        self.fuse = ConvNorm(self.filters or channels, name="fuse", **options)
        self.fuse.build((*input_shape[:-1], (2 + len(self.rates)) * narrow))

    def _dilated(self, filters, rate, options):
        options = {**options, "dilation_rate": rate, "name": f"dilated_{rate}"}
        if self.separable:
            return SeparableConvNorm(filters, **options)
        return ConvNorm(filters, 3, **options)

    def call(self, inputs, training=False):
        branches = [
            layer(inputs, training=training) for layer in (self.near, *self.dilated)
        ]
        mean = ops.mean(inputs, axis=(1, 2), keepdims=True)
        image_mean = self.image_mean(mean, training=training)
        branches.append(resize(image_mean, ops.shape(inputs)[1:3]))
        return self.fuse(ops.concatenate(branches, axis=-1), training=training)

    def compute_output_shape(self, input_shape):
        return (*input_shape[:-1], self.filters or input_shape[-1])

    def get_config(self):
        return {
            **super().get_config(),
            "filters": self.filters,
            "branch_filters": self.branch_filters,
            "rates": self.rates,
            "separable": self.separable,
            "synchronized": self.synchronized,
        }
