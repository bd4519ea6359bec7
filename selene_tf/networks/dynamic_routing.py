"""The routing network: stem, four levels of gated cells, decoder."""

import keras
from keras import ops

from selene_tf.architectures import topology
from selene_tf.layers.conv_norm import ConvNorm
from selene_tf.layers.drop_path import DropPath
from selene_tf.layers.gate_table import GateTable
from selene_tf.layers.normalize import IMAGENET_COLOURS, Normalize
from selene_tf.layers.resize import CropLike, PadToMultiple
from selene_tf.layers.routing_cell import RoutingCell
from selene_tf.layers.separable_conv import SeparableConvNorm
from selene_tf.networks import decoder

# Red, green, blue in 0..255.
MEAN_COLOUR = IMAGENET_COLOURS.mean


# The one place where all variants meet; a second object to hold them would only
# hide the list.
def build(  # noqa: PLR0913
    num_classes,
    channels=64,
    num_layers=16,
    small_gate=False,
    path=None,
    *,
    gated=True,
    pooling="none",
    drop_path=0.0,
    conditional=False,
    mean_colour=MEAN_COLOUR,
    colour_deviation=IMAGENET_COLOURS.deviation,
    colour_order="rgb",
    synchronized=False,
    name="dynamic_routing",
):
    """Builds the routing network: the supernet, or pruned to a path.

    Images whose sides are not multiples of 32 pixels are padded with the mean
    colour at the bottom and the right, and the logits are cut back. With
    `small_gate` they are padded to 128 pixels at least, since the gates at stride
    32 then look at blocks of 4 x 4.

    Args:
        num_classes: Number of classes.
        channels: Channels at stride 4, an even number; they double with each
            level.
        num_layers: Layers of cells behind the first one, at least 3.
        small_gate: Whether gates look at a quarter of the resolution.
        path: A `RoutingPath`; what it does not keep is not built. Variables have the
            same names and shapes as in the supernet. Nor are the decoder's levels
            that are coarser than any that the path leads to; in the supernet these
            add a constant of their own even where nothing reaches them.
        gated: False leaves the gates out and every route open.
        pooling: "none", "psp" or "aspp": a head on the coarsest level.
        drop_path: Probability with which the last layer's cells leave out their
            convolutions at the end of the training; 0 for never. See `DropPath`.
        conditional: Whether inference leaves out what no image of the batch
            opened; for one image at a time.
        mean_colour: Red, green, blue in 0..255, subtracted from the images.
        colour_deviation: Likewise, divided by.
        colour_order: "rgb" or "bgr": the order in which the first convolution
            sees the colours. Images are RGB in any case.
        synchronized: Whether replicas share their batch statistics.
        name: Name of the Keras model.

    Returns:
        A Keras model from RGB images (batch, height, width, 3) in 0..255,
        uint8 or float, to a dict: "logits" (batch, height, width, num_classes),
        "gates" (batch, num_layers + 1, 4, 3), the weight of each route (keep, up,
        down) at each layer and level, 0 where there is none; and "features", the
        list of what the decoder gets, (batch, height, width, channels) at strides 4,
        8, 16, 32 as far as there is a path to them.

    Raises:
        ValueError: if an argument is outside of what is said above.

    Example:
        >>> network = build(num_classes=3, channels=4, num_layers=3)
        >>> image = keras.ops.zeros((1, 50, 70, 3))
        >>> network(image)["logits"].shape, network(image)["gates"].shape
        (TensorShape([1, 50, 70, 3]), TensorShape([1, 4, 4, 3]))

    Reference: Li et al. 2020, https://arxiv.org/abs/2003.10401; the order of
    the layers, their padding and their initial values are the official code's.
    """
    _check(num_classes, channels, num_layers, pooling, drop_path, path)
    image = keras.Input((None, None, 3), name="image")
    normalized = Normalize(
        mean_colour, colour_deviation, colour_order, name="normalize"
    )(image)
    at_least = 128 if small_gate else 32
    padded = PadToMultiple(32, at_least=at_least, name="pad")(normalized)
    features = _stem(padded, channels, synchronized)
    options = {
        "small_gate": small_gate,
        "gated": gated,
        "conditional": conditional,
        "synchronized": synchronized,
    }
    scales = _branch_scales(features, num_layers, drop_path)
    outputs = _cells(features, num_layers, path, scales, options)
    levels = {
        level: outputs[num_layers, level]["keep"]
        for level in range(topology.NUM_LEVELS)
        if "keep" in outputs.get((num_layers, level), {})
    }
    logits = decoder.decode(levels, num_classes, channels, pooling, synchronized)
    logits = CropLike(name="crop")([logits, image])
    # The loss is computed in float32 whatever the layers compute in.
    logits = keras.layers.Activation(
        "linear", dtype=keras.config.floatx(), name="logits"
    )(logits)
    gates = _gate_table(outputs, num_layers)
    outputs = {"logits": logits, "gates": gates, "features": list(levels.values())}
    return keras.Model(image, outputs, name=name)


def _check(num_classes, channels, num_layers, pooling, drop_path, path):
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
    if pooling not in topology.POOLINGS:
        allowed = ", ".join(topology.POOLINGS)
        raise ValueError(f"pooling must be one of {allowed}, found {pooling!r}.")
    if not 0 <= drop_path < 1:
        raise ValueError(f"drop_path must be in [0, 1), found {drop_path}.")
    if path is not None and path.num_layers != num_layers:
        raise ValueError(
            f"the path has {path.num_layers} layers, the network {num_layers}."
        )


def _stem(image, channels, synchronized):
    options = {"synchronized": synchronized}
    middle = topology.STEM_CHANNELS
    # No padding here: the official stem has none, and with it the stem's output
    # is exactly a quarter of an image whose sides are multiples of 4.
    features = ConvNorm(
        middle, 3, strides=2, padding="valid", name="stem_1", **options
    )(image)
    features = SeparableConvNorm(middle, name="stem_2", **options)(features)
    return SeparableConvNorm(channels, strides=2, name="stem_3", **options)(features)


def _branch_scales(features, num_layers, drop_path):
    """For each cell its factor (batch, 1), or nothing without drop path."""
    if not drop_path:
        return {}
    cells = topology.cells(num_layers)
    # Deeper layers are left out more often; the first cell never.
    rates = [drop_path * layer / num_layers for layer, _ in cells]
    scales = DropPath(rates, name="drop_path")(features)
    return dict(zip(cells, ops.split(scales, len(cells), axis=1), strict=True))


def _cells(features, num_layers, path, scales, options):
    outputs = {}
    for layer, level in topology.cells(num_layers):
        inputs, active = _incoming(outputs, layer, level, num_layers)
        if not layer:
            inputs = [features]
            active = [ops.ones_like(features[:, 0, 0, :1])]
        routes = topology.routes(layer, level, num_layers)
        kept = _kept(path, layer, level, routes)
        if kept and inputs:
            outputs[layer, level] = RoutingCell(
                routes, kept, name=topology.cell_name(layer, level), **options
            )(inputs, active, scales.get((layer, level)))
        elif inputs and path.bypassed[layer, level]:
            outputs[layer, level] = _bypass(inputs, active)
    return outputs


def _incoming(outputs, layer, level, num_layers):
    """What the cells before send to a cell, and whether it carries anything."""
    inputs, active = [], []
    for *source, route in topology.sources(layer, level, num_layers):
        sent = outputs.get(tuple(source), {})
        if route in sent:
            inputs.append(sent[route])
            active.append(sent["active" if route == "keep" else "open"])
    return inputs, active


def _kept(path, layer, level, routes):
    if path is None:
        return routes
    open_routes = path.kept[layer, level]
    return tuple(r for r in routes if open_routes[topology.ROUTES.index(r)])


def _bypass(inputs, active):
    """What a cell that the path does not compute sends along keep."""
    received = ops.max(ops.concatenate(active, axis=1), axis=1, keepdims=True)
    return {"keep": sum(inputs[1:], start=inputs[0]), "active": received}


def _gate_table(outputs, num_layers):
    with_gates = {cell: sent for cell, sent in outputs.items() if "gates" in sent}
    places = [
        [
            (layer, level, topology.ROUTES.index(route))
            for route in topology.routes(layer, level, num_layers)
        ]
        for layer, level in with_gates
    ]
    table = GateTable(num_layers, topology.NUM_LEVELS, places, name="gates")
    return table([sent["gates"] for sent in with_gates.values()])
