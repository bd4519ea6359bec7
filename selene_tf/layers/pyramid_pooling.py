"""Pyramid pooling (PSP): context of the image and of its parts."""

import keras
from keras import ops

from selene_tf.architectures.topology import PYRAMID_BINS
from selene_tf.layers.conv_norm import ConvNorm
from selene_tf.layers.resize import resize


@keras.saving.register_keras_serializable("selene_tf")
class PyramidPooling(keras.layers.Layer):
    """Pyramid pooling: features and their means over 1, 4, 9 and 36 parts.

    Each grid of means goes through a 1x1 convolution to a quarter of the
    channels, is enlarged and put beside the features; a 3x3 convolution brings
    the doubled channels back. Normalisation and ReLU follow each convolution.

    In training, the one mean of the whole image is normalised over the batch
    alone, so the batch should not be tiny.

    Args:
        synchronized: Whether replicas share their batch statistics.

    Input shape: (batch, height, width, channels), channels a multiple of 4
    Output shape: the same

    Reference: Zhao et al. 2017, https://arxiv.org/abs/1612.01105, figure 3.
    """

    def __init__(self, synchronized=False, **kwargs):
        super().__init__(**kwargs)
        self.synchronized = synchronized

    def build(self, input_shape):
        channels = input_shape[-1]
        options = {"synchronized": self.synchronized, "dtype": self.dtype_policy}
        self.reductions = [
            ConvNorm(channels // len(PYRAMID_BINS), name=f"reduce_{bins}", **options)
            for bins in PYRAMID_BINS
        ]
        for layer in self.reductions:
            layer.build(input_shape)
        self.fuse = ConvNorm(channels, 3, name="fuse", **options)
        self.fuse.build((*input_shape[:-1], 2 * channels))

    def call(self, inputs, training=False):
        size = ops.shape(inputs)[1:3]
        pooled = [
            resize(reduce(adaptive_mean(inputs, bins), training=training), size)
            for bins, reduce in zip(PYRAMID_BINS, self.reductions, strict=True)
        ]
        return self.fuse(ops.concatenate([inputs, *pooled], axis=-1), training=training)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {**super().get_config(), "synchronized": self.synchronized}


def adaptive_mean(inputs, bins):
    """Adaptive average pooling: means over `bins` x `bins` parts, whatever the size.

    Part i of n pixels goes from floor(i n / bins) to ceil((i + 1) n / bins), as
    in PyTorch's adaptive pooling: parts overlap where n is no multiple, and
    repeat where n is smaller.

    Args:
        inputs: (batch, height, width, channels).
        bins: Parts in each direction.

    Returns:
        (batch, bins, bins, channels)
    """
    _, height, width, _ = ops.shape(inputs)
    rows = _shares(height, bins, inputs.dtype)
    columns = _shares(width, bins, inputs.dtype)
    means = ops.einsum("ih,bhwc->biwc", rows, inputs)
    return ops.einsum("jw,biwc->bijc", columns, means)


def _shares(length, bins, dtype):
    """(bins, length): what each pixel contributes to each part's mean."""
    part = ops.expand_dims(ops.arange(bins, dtype="int32"), 1)
    pixel = ops.expand_dims(ops.arange(length, dtype="int32"), 0)
    first = part * length // bins
    end = -(-(part + 1) * length // bins)
    inside = ops.cast(ops.logical_and(pixel >= first, pixel < end), "float32")
    return ops.cast(inside / ops.sum(inside, axis=1, keepdims=True), dtype)
