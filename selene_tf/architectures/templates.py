"""The networks of templates of Nekrasov et al. 2020: a searched decoder.

Reference: https://arxiv.org/abs/1904.02365; numbers are those of the official code.
"""

import dataclasses

from selene_tf.architectures import compact_operations, mobilenet_v2
from selene_tf.architectures.compact_operations import (
    AGGREGATIONS,
    TEMPLATE_OPERATIONS,
    Features,
)
from selene_tf.architectures.counted_cost import Cost

NUM_TEMPLATES, NUM_BLOCKS = 3, 7
# Blocks that may halve the resolution, and that bring features to the smaller size.
NUM_STRIDED = NUM_BLOCKS // 2
MAX_REPEATS = 4
NUM_TAPS = 2


@dataclasses.dataclass(frozen=True)
class TemplatesArchitecture:
    """A decoder of seven blocks, each of a template that is applied some times.

    Attributes:
        num_classes: Number of classes.
        templates: Of each of three (operation, operation, aggregation): numbers in
            `TEMPLATE_OPERATIONS` and `AGGREGATIONS`.
        structure: Of each of seven blocks (input, input, template, repeats - 1,
            stride - 1): inputs 0 and 1 are the encoder's features at stride 4 and 8,
            then the outputs of earlier blocks.
        channels: Channels before the classifier; 64 in the published networks.
        repeats: Units of a separable convolution; 2 in the published networks.
        first_block: Of the encoder, see `mobilenet_v2.convolutions`.

    Example:
        >>> published = TemplatesArchitecture(
        ...     19, ((1, 1, 0), (1, 3, 0), (3, 4, 0)),
        ...     ((1, 1, 0, 0, 0), (0, 1, 1, 1, 1), (3, 1, 2, 3, 0), (3, 0, 2, 2, 0),
        ...      (0, 1, 2, 0, 0), (2, 1, 1, 3, 0), (4, 0, 2, 2, 0)),
        ...     first_block="official")
        >>> count(published, 360, 480).parameters
        268235
    """

    num_classes: int
    templates: tuple
    structure: tuple
    channels: int = 64
    repeats: int = 2
    first_block: str = "keras"

    @property
    def deployed(self):
        """The same: everything that is there is deployed."""
        return self


@dataclasses.dataclass(frozen=True)
class Application:
    """One application of a template in a block.

    Attributes:
        block: Number of the block.
        number: Which of its applications.
        operations: Names of both operations.
        aggregation: Name of the aggregation.
        inputs: `Features` that the operations are given.
        operated: What they give.
        output: What the aggregation gives.
        stride: 1 or 2.
    """

    block: int
    number: int
    operations: tuple[str, str]
    aggregation: str
    inputs: tuple[Features, Features]
    operated: tuple[Features, Features]
    output: Features
    stride: int


def applications(architecture):
    """All applications of templates, in order.

    Returns:
        (applications, pool): a list of `Application`, and the `Features` of the encoder
        and of each block.
    """
    taps = zip(mobilenet_v2.TAP_CHANNELS[:NUM_TAPS], (4, 8), strict=True)
    pool, applied = [Features(*tap) for tap in taps], []
    for block, row in enumerate(architecture.structure):
        first, second, template, repeats, stride = row
        inputs = pool[first], pool[second]
        for number in range(repeats + 1):
            applied.append(
                _applied(architecture, block, number, inputs, template, stride + 1)
            )
            # Next its second input, as it was, and what came out.
            inputs = inputs[1], applied[-1].output
        pool.append(applied[-1].output)
    return applied, pool


def _applied(  # noqa: PLR0913 (all that says which application it is)
    architecture, block, number, inputs, template, stride
):
    first, second, aggregation = architecture.templates[template]
    names = TEMPLATE_OPERATIONS[first], TEMPLATE_OPERATIONS[second]
    # Channels double with the resolution's halving, the first time only.
    factor = stride if number == 0 else 1
    operated = tuple(
        compact_operations.output_of(
            name, own, own.channels * factor, stride, architecture.repeats
        )
        for name, own in zip(names, inputs, strict=True)
    )
    choose = max if block < NUM_STRIDED else min
    output = Features(
        max(own.channels for own in operated), choose(own.stride for own in operated)
    )
    return Application(
        block,
        number,
        names,
        AGGREGATIONS[aggregation],
        inputs,
        operated,
        output,
        stride,
    )


def collected_blocks(structure):
    """Blocks, as numbers from 2 on, that no later one takes as an input."""
    inputs = [row[:2] for row in structure]
    return compact_operations.unread_blocks(inputs, first=NUM_TAPS)


def output_stride(architecture):
    """Stride of the logits before they are upsampled to the image."""
    _, pool = applications(architecture)
    return min(pool[n].stride for n in collected_blocks(architecture.structure))


def count(architecture, height, width):
    """Counts MACs and parameters, convolution by convolution.

    Args:
        architecture: A `TemplatesArchitecture`.
        height: Height of the image in pixels.
        width: Width of the image in pixels.

    Returns:
        A `Cost`.
    """
    size, wide = (height, width), architecture.channels
    applied, pool = applications(architecture)
    collected = collected_blocks(architecture.structure)
    joined = sum(pool[n].channels for n in collected)
    pixels = Features(0, output_stride(architecture)).pixels(*size)
    return compact_operations.total(
        [
            mobilenet_v2.cost(NUM_TAPS, architecture.first_block, size),
            *(application_cost(one, size, architecture.repeats) for one in applied),
            compact_operations.convolution(1, joined, wide, pixels),
            compact_operations.classifier(wide, architecture.num_classes, pixels),
        ]
    )


def application_cost(application, size, repeats):
    """Counts an `Application`: both operations and the aggregation."""
    costs = [
        compact_operations.cost_of(
            name, own, after.channels, size, application.stride, repeats
        )
        for name, own, after in zip(
            application.operations,
            application.inputs,
            application.operated,
            strict=True,
        )
    ]
    return compact_operations.total([*costs, *_aggregation_costs(application, size)])


def _aggregation_costs(application, size):
    channels = application.output.channels
    for own in application.operated:
        if own.channels != channels:
            yield compact_operations.convolution(
                1, own.channels, channels, own.pixels(*size)
            )
    if application.aggregation == "psum":
        yield Cost(0, 2 * channels)
    else:
        # Normalisation of both together, then a convolution without any.
        weights = 2 * channels * channels
        yield Cost(
            weights * application.output.pixels(*size), weights + 2 * 2 * channels
        )
