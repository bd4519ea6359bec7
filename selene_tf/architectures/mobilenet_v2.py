"""MobileNetV2's convolutions up to its last block: the encoder of compact networks.

Reference: Sandler et al. 2018, https://arxiv.org/abs/1801.04381.
"""

from selene_tf.architectures.compact_operations import Features
from selene_tf.architectures.counted_cost import Cost

# (channels, blocks, stride of the outputs) of the stages behind the first block.
STAGES = (
    *((24, 2, 4), (32, 3, 8), (64, 4, 16), (96, 3, 16), (160, 3, 32), (320, 1, 32)),
)
# Channels of the features at stride 4, 8, 16 and 32 that decoders get.
TAP_CHANNELS = (24, 32, 96, 320)
# How many stages lie before each of them, itself included.
_STAGES_BEFORE = (1, 2, 4, 6)
FIRST_BLOCKS = ("keras", "official")


def convolutions(num_taps=4, first_block="keras"):
    """Lists the convolutions, each with its normalisation.

    Args:
        num_taps: How many of the features are needed, the finest first; later stages
            are then not built.
        first_block: "official" has one more convolution of 32 to 32 channels in it,
            as the code of Nekrasov et al. has.

    Yields:
        (weights, other parameters, stride of the outputs) of each.

    Example:
        >>> sum(weights + others for weights, others, _ in convolutions(2))
        55488
    """

    def row(weights, outputs, stride):
        return weights, 2 * outputs, stride

    yield row(27 * 32, 32, 2)
    if first_block == "official":
        yield row(32 * 32, 32, 2)
    yield row(9 * 32, 32, 2)
    yield row(32 * 16, 16, 2)
    inputs, before = 16, 2
    for outputs, blocks, stride in STAGES[: _STAGES_BEFORE[num_taps - 1]]:
        for _ in range(blocks):
            wide = 6 * inputs
            yield row(inputs * wide, wide, before)
            yield row(9 * wide, wide, stride)
            yield row(wide * outputs, outputs, stride)
            inputs, before = outputs, stride


def cost(num_taps, first_block, size):
    """The `Cost` of `convolutions` for an image of (height, width) pixels."""
    rows = list(convolutions(num_taps, first_block))
    return Cost(
        sum(weights * Features(0, stride).pixels(*size) for weights, _, stride in rows),
        sum(weights + others for weights, others, _ in rows),
    )
