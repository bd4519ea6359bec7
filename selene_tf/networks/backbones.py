"""Backbones of `keras.applications`, made dense by dilation."""

import re

import keras

from selene_tf.layers.batch_norm import BatchNorm
from selene_tf.layers.conv_norm import kaiming_normal

# Layers whose outputs are the last of stride 4, 8, 16 and 32.
_TAPS = {
    "resnet50": (
        *("conv2_block3_out", "conv3_block4_out", "conv4_block6_out"),
        "conv5_block3_out",
    ),
    "mobilenet_v2": (
        *("block_2_add", "block_5_add", "block_12_add", "block_16_project_BN"),
    ),
}
# The first block of MobileNetV2's that has each stride.
_MOBILENET_STRIDES = {0: 2, 1: 4, 3: 8, 6: 16, 13: 32}


def build(name, output_stride, synchronized, num_taps=4, first_block="keras"):
    """Builds a backbone with our batch normalisation and initial weights.

    Beyond the output stride, convolutions have no stride and later ones are dilated:
    every second of their outputs, in each direction, is what the strided backbone gives
    with the same weights.

    Args:
        name: "resnet50" or "mobilenet_v2".
        output_stride: 8, 16 or 32: stride of the coarsest features.
        synchronized: Whether replicas share their batch statistics.
        num_taps: How many of the features are needed, the finest first; what comes
            behind the last is not built.
        first_block: Of MobileNetV2, see `mobilenet_v2.convolutions`.

    Returns:
        A Keras model from normalised images (batch, height, width, 3) to the features
        of strides 4, 8, 16 and 32 in a list, sides rounded up; those beyond the output
        stride have the size of that.

    Reference: He et al. 2016 (ResNet-50), Sandler et al. 2018 (MobileNetV2); Chen et
    al. 2017, https://arxiv.org/abs/1706.05587, section 3.1 (dilation).
    """
    application = {
        "resnet50": keras.applications.ResNet50,
        "mobilenet_v2": keras.applications.MobileNetV2,
    }[name]
    original = application(include_top=False, weights=None, input_shape=(None, None, 3))

    def copy(layer):
        stride = _stride_of(layer.name)
        copied = _copy(layer, stride, output_stride, synchronized)
        if first_block == "official" and layer.name == "expanded_conv_depthwise":
            return _widened(copied, synchronized)
        return copied

    outputs = [original.get_layer(tap).output for tap in _TAPS[name][:num_taps]]
    tapped = keras.Model(original.input, outputs, name=name)
    return keras.models.clone_model(tapped, clone_function=copy)


def _copy(layer, stride, output_stride, synchronized):
    """A layer as DeepLab has it; `stride` is that of its outputs."""
    config = layer.get_config()
    match layer:
        case keras.layers.BatchNormalization():
            return BatchNorm(
                epsilon=layer.epsilon,
                synchronized=synchronized,
                dtype=config["dtype"],
                name=layer.name,
            )
        case keras.layers.DepthwiseConv2D():
            config["depthwise_initializer"] = kaiming_normal(9)
            # With the padding before it only even sides are halved and rounded up.
            config["padding"] = "same"
        case keras.layers.Conv2D():
            inputs = layer.kernel.shape[2]
            fan = inputs * layer.kernel_size[0] ** 2
            config["kernel_initializer"] = kaiming_normal(fan)
        case keras.layers.ZeroPadding2D() if layer.name.startswith("block_"):
            # It stands before a depthwise convolution, which pads itself here.
            return keras.layers.Identity(dtype=config["dtype"], name=layer.name)
        case _:
            return type(layer).from_config(config)
    if stride > output_stride:
        config |= _dilated(layer, stride // output_stride)
    return type(layer).from_config(config)


def _widened(depthwise, synchronized):
    """A depthwise convolution behind a 1x1 one, as the official first block has it."""
    dtype = depthwise.dtype_policy
    return keras.Sequential(
        [
            keras.layers.Conv2D(
                32,
                1,
                use_bias=False,
                kernel_initializer=kaiming_normal(32),
                dtype=dtype,
                name="expanded_conv_expand",
            ),
            BatchNorm(
                synchronized=synchronized, dtype=dtype, name="expanded_conv_expand_BN"
            ),
            keras.layers.ReLU(6.0, dtype=dtype, name="expanded_conv_expand_relu"),
            depthwise,
        ],
        name="expanded_conv_first",
    )


def _dilated(layer, rate):
    """What makes a convolution dense whose outputs are `rate` apart in the original."""
    if max(layer.strides) > 1:
        # The step is left out; until then outputs were half as far apart.
        rate //= 2
    if max(layer.kernel_size) == 1:
        rate = 1
    return {"strides": (1, 1), "padding": "same", "dilation_rate": (rate, rate)}


def _stride_of(name):
    """The stride of the stage that a layer belongs to, from its name."""
    if match := re.match(r"conv(\d)_", name):
        return 2 ** int(match[1])
    if match := re.match(r"block_(\d+)_", name):
        number = int(match[1])
        return max(s for first, s in _MOBILENET_STRIDES.items() if first <= number)
    return 2
