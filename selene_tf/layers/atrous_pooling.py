"""Atrous spatial pyramid pooling (ASPP): surroundings at several distances."""

import keras
from keras import ops

from selene_tf.architectures.topology import ATROUS_RATES
from selene_tf.layers.conv_norm import ConvNorm
from selene_tf.layers.resize import resize


@keras.saving.register_keras_serializable("selene_tf")
class AtrousPooling(keras.layers.Layer):
    """Atrous spatial pyramid pooling: dilated convolutions and a global mean.

    A 1x1 convolution, three 3x3 ones with dilation 3, 6 and 9 (at stride 32), and
    the image's mean through a 1x1 one, each to half of the channels, side by
    side, go through a 1x1 convolution back to all channels. Normalisation and
    ReLU follow each convolution.

    In training, the mean of the whole image is normalised over the batch alone,
    so the batch should not be tiny.

    Args:
        synchronized: Whether replicas share their batch statistics.

    Input shape: (batch, height, width, channels), an even number of channels
    Output shape: the same

    Reference: Chen et al. 2017, https://arxiv.org/abs/1706.05587, section 3.3.
    """

    def __init__(self, synchronized=False, **kwargs):
        super().__init__(**kwargs)
        self.synchronized = synchronized

    def build(self, input_shape):
        channels = input_shape[-1]
        options = {"synchronized": self.synchronized, "dtype": self.dtype_policy}
        self.near = ConvNorm(channels // 2, name="near", **options)
        self.dilated = [
            ConvNorm(
                channels // 2, 3, dilation_rate=rate, name=f"dilated_{rate}", **options
            )
            for rate in ATROUS_RATES
        ]
        self.image_mean = ConvNorm(channels // 2, name="whole", **options)
        for layer in (self.near, *self.dilated, self.image_mean):
            layer.build(input_shape)
        self.fuse = ConvNorm(channels, name="fuse", **options)
        width = (2 + len(ATROUS_RATES)) * (channels // 2)
        self.fuse.build((*input_shape[:-1], width))

    def call(self, inputs, training=False):
        branches = [
            layer(inputs, training=training) for layer in (self.near, *self.dilated)
        ]
        mean = ops.mean(inputs, axis=(1, 2), keepdims=True)
        image_mean = self.image_mean(mean, training=training)
        branches.append(resize(image_mean, ops.shape(inputs)[1:3]))
        return self.fuse(ops.concatenate(branches, axis=-1), training=training)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "synchronized": self.synchronized}
