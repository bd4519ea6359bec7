"""DeepLabV3+'s architecture and what it costs: the network to compare with."""

import dataclasses

from selene_tf.architectures import mobilenet_v2

BACKBONES = ("resnet50", "mobilenet_v2")
OUTPUT_STRIDES = (8, 16, 32)
# Channels of the pyramid and the decoder, and of the finest features in it.
CHANNELS = 256
LOW_LEVEL_CHANNELS = 48
# Channels of each backbone's finest features and of its last ones.
_ENDS = {"resnet50": (256, 2048), "mobilenet_v2": (24, 320)}
# (channels, blocks, stride) of the stages.
_RESNET_STAGES = ((64, 3, 4), (128, 4, 8), (256, 6, 16), (512, 3, 32))


@dataclasses.dataclass(frozen=True)
class DeepLabV3PlusArchitecture:
    """Architecture of DeepLabV3+ on a backbone of `keras.applications`.

    Attributes:
        num_classes: Number of classes.
        backbone: "resnet50", with plain convolutions in pyramid and decoder, as semi-
            supervised papers compare with; or "mobilenet_v2", with separable ones.
        output_stride: Stride of the coarsest features: 32, or 16 or 8 by dilation.

    Example:
        >>> macs, parameters = count(DeepLabV3PlusArchitecture(19), 512, 512)
        >>> round(macs / 1e9, 1), parameters
        (68.4, 40378227)

    Reference: Chen et al. 2018, https://arxiv.org/abs/1802.02611.
    """

    num_classes: int
    backbone: str = "resnet50"
    output_stride: int = 16

    @property
    def is_separable(self):
        """Whether pyramid and decoder have separable convolutions."""
        return self.backbone == "mobilenet_v2"

    @property
    def rates(self):
        """Dilations of the pyramid: 6, 12, 18 at stride 16, as far in others."""
        return tuple(rate * 16 // self.output_stride for rate in (6, 12, 18))


def convolutions(architecture):
    """Lists the convolutions, each with its biases and normalisation.

    Args:
        architecture: A `DeepLabV3PlusArchitecture`.

    Returns:
        (weights, other parameters, stride) of each; stride 0 is a single pixel.
    """
    coarsest = architecture.output_stride
    if architecture.backbone == "resnet50":
        rows = _resnet()
    else:
        rows = mobilenet_v2.convolutions()
    dense = [(weights, others, min(s, coarsest)) for weights, others, s in rows]
    return [*dense, *_decoder(architecture)]


def _resnet():
    """ResNet-50 as in `keras.applications`: biases, and strides in 1x1 convolutions."""

    def row(kernel_size, inputs, outputs, stride):
        return kernel_size**2 * inputs * outputs, 3 * outputs, stride

    yield row(7, 3, 64, 2)
    inputs = 64
    for narrow, blocks, stride in _RESNET_STAGES:
        yield row(1, inputs, 4 * narrow, stride)
        for _ in range(blocks):
            yield row(1, inputs, narrow, stride)
            yield row(3, narrow, narrow, stride)
            yield row(1, narrow, 4 * narrow, stride)
            inputs = 4 * narrow


def _decoder(architecture):
    finest, last = _ENDS[architecture.backbone]
    stride, wide = architecture.output_stride, CHANNELS

    def pointwise(inputs, outputs, stride):
        return inputs * outputs, 2 * outputs, stride

    def large(inputs, stride):
        weights = 9 * inputs * wide
        if architecture.is_separable:
            weights = 9 * inputs + inputs * wide
        return weights, 2 * wide, stride

    return [
        pointwise(last, wide, stride),
        *(large(last, stride) for _ in architecture.rates),
        pointwise(last, wide, 0),
        pointwise(5 * wide, wide, stride),
        pointwise(finest, LOW_LEVEL_CHANNELS, 4),
        large(wide + LOW_LEVEL_CHANNELS, 4),
        large(wide, 4),
        (wide * architecture.num_classes, architecture.num_classes, 4),
    ]


def count(architecture, height, width):
    """Counts MACs and parameters.

    Args:
        architecture: A `DeepLabV3PlusArchitecture`.
        height: Height of the image in pixels, which the network pads to 32.
        width: Width of the image in pixels, likewise.

    Returns:
        (macs, parameters).
    """
    height, width = height + -height % 32, width + -width % 32
    rows = convolutions(architecture)
    macs = sum(
        weights * (height * width // stride**2 if stride else 1)
        for weights, _, stride in rows
    )
    return macs, sum(weights + others for weights, others, _ in rows)
