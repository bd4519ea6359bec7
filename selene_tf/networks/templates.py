"""The networks of templates: two levels of MobileNetV2 and a searched decoder."""

import keras

from selene_tf.architectures import templates
from selene_tf.layers.aggregation import Aggregation
from selene_tf.layers.compact_operation import CompactOperation
from selene_tf.layers.normalize import IMAGENET_COLOURS
from selene_tf.networks import compact_parts


def build(
    architecture, *, name="templates", synchronized=False, colours=IMAGENET_COLOURS
):
    """Builds a network of templates.

    Args:
        architecture: A `TemplatesArchitecture`.
        name: Name of the Keras model.
        synchronized: Whether replicas share their batch statistics.
        colours: How images are normalised, a `ColourNormalization`.

    Returns:
        A Keras model as `networks.build` describes it; its "features" are the encoder's
        at strides 4 and 8.

    Reference: Nekrasov et al. 2020, https://arxiv.org/abs/1904.02365.
    """
    image, levels = compact_parts.encode(
        templates.NUM_TAPS, architecture.first_block, synchronized, colours
    )
    options = {"synchronized": synchronized}
    applied, sizes = templates.applications(architecture)
    pool = list(levels)
    for block, row in enumerate(architecture.structure):
        inputs = pool[row[0]], pool[row[1]]
        for application in applied:
            if application.block == block:
                output = _apply(architecture, application, inputs, options)
                inputs = inputs[1], output
        pool.append(output)
    collected = templates.collected_blocks(architecture.structure)
    joined = compact_parts.join([(pool[n], sizes[n].stride) for n in collected])
    read = {place for row in architecture.structure for place in row[:2]}
    joined = compact_parts.keep_unread(joined, levels, read)
    logits = compact_parts.classify(
        joined, image, architecture.channels, architecture.num_classes, options
    )
    return keras.Model(image, {"logits": logits, "features": levels}, name=name)


def _apply(architecture, application, inputs, options):
    """One application of a template: two operations and what joins them."""
    name = f"block_{application.block}_{application.number}"
    operated = [
        CompactOperation(
            operation,
            after.channels,
            application.stride,
            architecture.repeats,
            name=f"{name}{side}",
            **options,
        )(features)
        for side, operation, after, features in zip(
            "ab", application.operations, application.operated, inputs, strict=True
        )
    ]
    is_first = application.operated[0].stride == application.output.stride
    return Aggregation(
        application.aggregation, is_first, name=f"{name}_join", **options
    )(operated)
