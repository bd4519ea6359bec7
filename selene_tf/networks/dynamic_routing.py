"""The routing network: stem, four levels of gated cells, decoder."""

import keras
from keras import ops

from selene_tf import topology
from selene_tf.layers.conv_norm import ConvNorm, kaiming_normal
from selene_tf.layers.gate_table import GateTable
from selene_tf.layers.normalize import Normalize
from selene_tf.layers.resize import CropLike, Enlarge, PadToMultiple
from selene_tf.layers.routing_cell import RoutingCell
from selene_tf.layers.separable_conv import SeparableConvNorm

# ImageNet's, red green blue in 0..255: what a network trained from scratch uses.
MEAN_COLOUR = (123.675, 116.28, 103.53)
COLOUR_DEVIATION = (58.395, 57.12, 57.375)


def build(
    num_classes,
    channels=64,
    num_layers=16,
    mean_colour=MEAN_COLOUR,
    colour_deviation=COLOUR_DEVIATION,
    synchronized=False,
    name="dynamic_routing",
):
    """Builds the supernet.

    Pictures whose sides are not multiples of 32 pixels are padded with the mean
    colour at the bottom and the right, and the logits are cut back.

    Args:
        num_classes: Number of classes.
        channels: Channels at stride 4, an even number; they double with each
            level.
        num_layers: Layers of cells behind the first one, at least 3.
        mean_colour: Red, green, blue in 0..255, subtracted from the pictures.
        colour_deviation: Likewise, divided by.
        synchronized: Whether replicas share their batch statistics.
        name: Name of the Keras model.

    Returns:
        A Keras model from RGB pictures (batch, height, width, 3) in 0..255,
        uint8 or float, to a dict: "logits" (batch, height, width, num_classes)
        and "gates" (batch, num_layers + 1, 4, 3), the weight of each route
        (keep, up, down) at each layer and level, 0 where there is none.

    Raises:
        ValueError: if `channels` is odd or `num_layers` below 3.

    Reference: Li et al. 2020, https://arxiv.org/abs/2003.10401; the order of
    the layers, their padding and their initial values are the official code's.
    """
    _check(num_classes, channels, num_layers)
    image = keras.Input((None, None, 3), name="image")
    normalized = Normalize(mean_colour, colour_deviation, name="normalize")(image)
    padded = PadToMultiple(32, name="pad")(normalized)
    features = _stem(padded, channels, synchronized)
    outputs = _cells(features, num_layers, synchronized)
    levels = [
        outputs[num_layers, level]["keep"] for level in range(topology.NUM_LEVELS)
    ]
    logits = _decoder(levels, num_classes, channels, synchronized)
    logits = CropLike(name="crop")([logits, image])
    gates = GateTable(num_layers, topology.NUM_LEVELS, list(outputs), name="gates")(
        [cell["gates"] for cell in outputs.values()]
    )
    # The loss is computed in float32 whatever the layers compute in.
    logits = keras.layers.Activation("linear", dtype="float32", name="logits")(logits)
    return keras.Model(image, {"logits": logits, "gates": gates}, name=name)


def _check(num_classes, channels, num_layers):
    if num_classes < 2:
        raise ValueError(f"num_classes must be 2 or more, found {num_classes}.")
    if channels < 2 or channels % 2:
        raise ValueError(
            f"channels must be even, since the gates halve them, found {channels}."
        )
    if num_layers < topology.MIN_LAYERS:
        raise ValueError(
            f"num_layers must be {topology.MIN_LAYERS} or more, since fewer do not "
            f"reach stride 32, found {num_layers}."
        )


def _stem(image, channels, synchronized):
    options = {"synchronized": synchronized}
    middle = topology.STEM_CHANNELS
    # No padding here: the official stem has none, and with it the stem's output
    # is exactly a quarter of a picture whose sides are multiples of 4.
    features = ConvNorm(
        middle, 3, strides=2, padding="valid", name="stem_1", **options
    )(image)
    features = SeparableConvNorm(middle, name="stem_2", **options)(features)
    return SeparableConvNorm(channels, strides=2, name="stem_3", **options)(features)


def _cells(features, num_layers, synchronized):
    outputs = {}
    for layer, level in topology.cells(num_layers):
        sources = topology.sources(layer, level, num_layers)
        cell = RoutingCell(
            topology.routes(layer, level, num_layers),
            synchronized=synchronized,
            name=topology.cell_name(layer, level),
        )
        if sources:
            inputs = [outputs[source[:2]][source[2]] for source in sources]
            active = [
                outputs[source[:2]]["active" if source[2] == "keep" else "open"]
                for source in sources
            ]
        else:
            inputs = [features]
            active = [ops.ones_like(ops.mean(features, axis=(1, 2))[:, :1])]
        outputs[layer, level] = cell(inputs, active)
    return outputs


def _decoder(levels, num_classes, channels, synchronized):
    """From the coarsest level to the finest, then to the picture's size."""
    features = None
    for level in reversed(range(topology.NUM_LEVELS)):
        incoming = levels[level] if features is None else levels[level] + features
        features = ConvNorm(
            channels << max(level - 1, 0),
            synchronized=synchronized,
            name=f"decoder_s{topology.stride(level)}",
        )(incoming)
        if level:
            features = Enlarge(2, name=f"enlarge_s{topology.stride(level)}")(features)
    scores = keras.layers.Conv2D(
        num_classes,
        3,
        padding="same",
        kernel_initializer=kaiming_normal(9 * channels),
        name="predictor",
    )(features)
    return Enlarge(4, name="enlarge_s4")(scores)
