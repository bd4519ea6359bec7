"""The networks with auxiliary cells of Nekrasov et al. 2019: a searched decoder.

Reference: https://arxiv.org/abs/1810.10804; numbers are those of the official code.
"""

import dataclasses

from selene_tf.architectures import compact_operations, mobilenet_v2
from selene_tf.architectures.compact_operations import CELL_OPERATIONS, Features

NUM_BLOCKS, NUM_LAYERS = 3, 3
_TAPS = tuple(
    Features(channels, 4 << level)
    for level, channels in enumerate(mobilenet_v2.TAP_CHANNELS)
)


@dataclasses.dataclass(frozen=True)
class AuxiliaryCellsArchitecture:
    """A decoder of three blocks, each of two copies of one searched cell.

    Attributes:
        num_classes: Number of classes.
        cell: The cell: number of its first operation, then for each of three layers
            (node, node, operation, operation). Nodes are 0, the cell's input, 1, the
            first operation's output, and three of each layer: both operations' outputs
            and their sum. Operations are numbers in `CELL_OPERATIONS`.
        connections: For each of three blocks the two features that it joins: 0 to 3
            are the encoder's, 4 and 5 those of earlier blocks.
        channels: Channels of the decoder; 64 in the published networks, 48 in a search.
        repeats: Units of a separable convolution; 2 in the published networks.
        auxiliary: "none", "classifier" or "cell": what of each block learns beside the
            network in training.
        first_block: Of the encoder, see `mobilenet_v2.convolutions`.

    Example:
        >>> cell = (8, (0, 0, 5, 2), (0, 2, 8, 8), (0, 5, 1, 4))
        >>> published = AuxiliaryCellsArchitecture(
        ...     21, cell, ((3, 3), (3, 2), (3, 0)), first_block="official")
        >>> count(published.deployed, 360, 480).parameters
        2629909
    """

    num_classes: int
    cell: tuple
    connections: tuple
    channels: int = 64
    repeats: int = 2
    auxiliary: str = "classifier"
    first_block: str = "keras"

    @property
    def deployed(self):
        """The same without what only learns."""
        return dataclasses.replace(self, auxiliary="none")


def loose_nodes(cell):
    """Nodes of a cell whose sum it gives: sums that no later layer reads, and node 1.

    Example:
        >>> loose_nodes((2, (1, 0, 3, 6), (0, 1, 2, 8), (2, 0, 6, 1)))
        [4, 7, 10]
    """
    loose = [1]
    for number, (first, second, _, _) in enumerate(cell[1:]):
        loose = [node for node in loose if node not in (first, second)]
        loose.append(4 + 3 * number)
    return loose


def collected_blocks(connections):
    """Blocks, as numbers from 4 on, that no later one joins.

    Example:
        >>> collected_blocks(((2, 3), (3, 1), (4, 4)))
        [5, 6]
    """
    return compact_operations.unread_blocks(connections, first=len(_TAPS))


def pool(architecture):
    """The features that blocks join: four of the encoder, and each block's output."""
    features = [Features(architecture.channels, tap.stride) for tap in _TAPS]
    for first, second in architecture.connections:
        stride = min(features[first].stride, features[second].stride)
        features.append(Features(architecture.channels, stride))
    return features


def output_stride(architecture):
    """Stride of the logits before they are upsampled to the image."""
    features = pool(architecture)
    return min(features[n].stride for n in collected_blocks(architecture.connections))


def count(architecture, height, width):
    """Counts MACs and parameters, convolution by convolution.

    Args:
        architecture: An `AuxiliaryCellsArchitecture`.
        height: Height of the image in pixels.
        width: Width of the image in pixels.

    Returns:
        A `Cost`.
    """
    size, wide = (height, width), architecture.channels
    features = pool(architecture)
    costs = [
        mobilenet_v2.cost(4, architecture.first_block, size),
        *(
            compact_operations.convolution(1, tap.channels, wide, tap.pixels(*size))
            for tap in _TAPS
        ),
    ]
    for number, pair in enumerate(architecture.connections):
        for place in pair:
            costs.append(_cell_cost(architecture, features[place], size))
            pixels = features[place].pixels(*size)
            costs.append(compact_operations.convolution(1, wide, wide, pixels))
        costs += _auxiliary_costs(architecture, features[4 + number], size)
    collected = len(collected_blocks(architecture.connections))
    pixels = Features(wide, output_stride(architecture)).pixels(*size)
    costs += [
        compact_operations.convolution(1, collected * wide, wide, pixels),
        compact_operations.classifier(wide, architecture.num_classes, pixels),
    ]
    return compact_operations.total(costs)


def _auxiliary_costs(architecture, features, size):
    if architecture.auxiliary == "cell":
        yield _cell_cost(architecture, features, size)
    if architecture.auxiliary != "none":
        yield compact_operations.classifier(
            architecture.channels, architecture.num_classes, features.pixels(*size)
        )


def _cell_cost(architecture, features, size):
    first, *layers = architecture.cell
    operations = [first, *(op for layer in layers for op in layer[2:])]
    return compact_operations.total(
        compact_operations.cost_of(
            CELL_OPERATIONS[operation],
            features,
            architecture.channels,
            size,
            repeats=architecture.repeats,
        )
        for operation in operations
    )
