"""Operations of the compact networks of Nekrasov et al.: what each costs.

Reference: Nekrasov et al. 2019, https://arxiv.org/abs/1810.10804 (auxiliary cells), and
2020, https://arxiv.org/abs/1904.02365 (templates); details are the official code's.
"""

import dataclasses

from selene_tf.architectures.counted_cost import Cost

# In the order of their numbers in the papers' architectures.
CELL_OPERATIONS = (
    *("conv1x1", "conv3x3", "sep_conv_3x3", "sep_conv_5x5", "global_average_pool"),
    *("conv3x3_dil3", "conv3x3_dil12", "sep_conv_3x3_dil3", "sep_conv_5x5_dil6"),
    *("skip_connect", "none"),
)
TEMPLATE_OPERATIONS = (
    *("sep_conv_3x3", "sep_conv_5x5", "global_average_pool", "max_pool_3x3"),
    *("sep_conv_5x5_dil6", "skip_connect"),
)
AGGREGATIONS = ("psum", "cat")


@dataclasses.dataclass(frozen=True)
class Features:
    """What flows between operations.

    Attributes:
        channels: Number of channels.
        stride: Pixels of the image from one position to the next.
    """

    channels: int
    stride: int

    def pixels(self, height, width):
        """Positions in an image of so many pixels; sides are rounded up."""
        return -(-height // self.stride) * -(-width // self.stride)


def kernel_size(operation):
    """Side of a convolution's kernel, from the operation's name."""
    return 5 if "5x5" in operation else 3 if "3x3" in operation else 1


def dilation(operation):
    """Distance of its kernel's pixels."""
    return int(operation.partition("_dil")[2] or 1)


def output_of(operation, features, channels, stride=1, repeats=1):
    """What an operation gives.

    Args:
        operation: Its name.
        features: The `Features` that it is given.
        channels: Channels that it shall give.
        stride: 1 or 2; each unit of a separable convolution applies it anew.
        repeats: Units of a separable convolution.

    Returns:
        `Features`.

    Example:
        >>> output_of("sep_conv_3x3", Features(24, 4), 48, stride=2, repeats=2)
        Features(channels=48, stride=16)
    """
    if operation.startswith("sep_conv"):
        return Features(channels, features.stride * stride**repeats)
    if operation in ("global_average_pool", "skip_connect", "none"):
        return Features(channels, features.stride)
    return Features(channels, features.stride * stride)


def cost_of(operation, features, channels, size, stride=1, repeats=1):
    """Counts an operation's MACs and parameters.

    Args:
        operation: Its name.
        features: The `Features` that it is given.
        channels: Channels that it gives.
        size: Height and width of the image in pixels.
        stride: As in `output_of`.
        repeats: Likewise.

    Returns:
        A `Cost`.

    Example:
        >>> cost_of("sep_conv_3x3", Features(64, 4), 64, (32, 32), repeats=2).parameters
        9600
    """
    if operation in ("skip_connect", "none"):
        return Cost(0, 0)
    if operation.startswith("sep_conv"):
        return _separable(operation, features, channels, size, stride, repeats)
    if operation == "global_average_pool":
        return convolution(1, features.channels, channels, 1)
    if operation == "max_pool_3x3":
        return convolution(1, features.channels, channels, features.pixels(*size))
    pixels = output_of(operation, features, channels, stride).pixels(*size)
    return convolution(kernel_size(operation), features.channels, channels, pixels)


def _separable(operation, features, channels, size, stride, repeats):
    macs = parameters = 0
    side = kernel_size(operation)
    for _ in range(repeats):
        after = Features(channels, features.stride * stride)
        weights = features.channels * (side**2 + channels)
        macs += weights * after.pixels(*size)
        parameters += weights + 2 * channels
        features = after
    return Cost(macs, parameters)


def convolution(side, inputs, outputs, pixels):
    """A convolution without bias, and its normalisation: a `Cost`."""
    weights = side**2 * inputs * outputs
    return Cost(weights * pixels, weights + 2 * outputs)


def classifier(inputs, num_classes, pixels):
    """The last convolution, of 3 x 3 pixels with biases: a `Cost`."""
    weights = 9 * inputs * num_classes
    return Cost(weights * pixels, weights + num_classes)


def unread_blocks(inputs, first):
    """Blocks that no later one reads, which a decoder then joins.

    Args:
        inputs: For each block the numbers of the features that it reads.
        first: Number of the first block's output; lower ones are the encoder's.

    Returns:
        Numbers of blocks, in order.
    """
    unread = []
    for number, own in enumerate(inputs, first):
        unread = [block for block in unread if block not in own]
        unread.append(number)
    return unread


def total(costs):
    """The sum of several `Cost`s."""
    costs = list(costs)
    return Cost(sum(c.macs for c in costs), sum(c.parameters for c in costs))
