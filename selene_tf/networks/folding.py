"""Folding of gates and batch normalisation into convolutions, for devices."""

import keras
import numpy as np
from keras import ops

from selene_tf.architectures import topology
from selene_tf.layers.resize import BilinearUpsample, CropLike
from selene_tf.networks import folding_scales


def fold(network, mean_gates, path=None):
    """Folds gates and normalisation of a routing network into its convolutions.

    Each gate is taken to be its mean over some images, so an image no longer
    chooses its own routes; an image whose gates are the means, none of them 0, gets
    the same logits, but for rounding. Then nothing is left of the gates: relu(g x) is g
    relu(x), so a positive factor moves through the activations into the kernels
    and biases behind and before it (`folded_scales`). The normalisation goes into
    the kernel and bias of the convolution in front of it.

    Args:
        network: A routing network, of the whole search space or along `path`.
        mean_gates: (num_layers + 1, 4, 3), the mean of its output "gates".
        path: The `RoutingPath` to fold: that which it was built along, or a part of it.

    Returns:
        A Keras model from RGB images (batch, height, width, 3) in 0..255 to
        "logits" (batch, height, width, classes) and "gates", the means, (batch,
        num_layers + 1, 4, 3). Its variables belong to no training.

    Raises:
        ValueError: if the gates are not of the path's shape or not finite.

    Example:
        >>> from selene_tf.networks import dynamic_routing
        >>> network = dynamic_routing.build(3, channels=4, num_layers=3)
        >>> image = ops.zeros((1, 32, 64, 3))
        >>> folded = fold(network, mean_gates=network(image)["gates"].numpy()[0])
        >>> folded(image)["logits"].shape
        TensorShape([1, 32, 64, 3])
    """
    num_layers = len(mean_gates) - 1
    kept, bypassed = _open(num_layers, path)
    if mean_gates.shape != kept.shape or not np.isfinite(mean_gates).all():
        raise ValueError(
            f"mean_gates must be finite and of shape {kept.shape}, found "
            f"{mean_gates.shape}."
        )
    gates = np.where(kept, mean_gates, 0.0)
    has_pooling = any(layer.name == "pooling" for layer in network.layers)
    scales = folding_scales.find(gates, kept, bypassed, has_pooling)
    folding = _Folding(network)
    image = keras.Input((None, None, 3), name="image")
    features = folding.stem(image)
    levels = folding.cells(features, gates, kept, bypassed, scales)
    logits = folding.decoder(levels, scales.inputs[-1], image)
    # A constant, for those who ask a network for its gates.
    ones = ops.ones_like(ops.cast(image[:, :1, :1, :1], "float32"))
    constant = ops.multiply(ones, gates.astype("float32")[None])
    outputs = {"logits": logits, "gates": constant}
    model = keras.Model(image, outputs, name=f"{network.name}_folded")
    folding.assign()
    return model


def _open(num_layers, path):
    if path is not None:
        return path.kept, path.bypassed
    kept = topology.all_routes(num_layers)
    return kept, np.zeros(kept.shape[:2], bool)


class _Folding:
    """Makes the layers, and keeps the weights that they get at the end."""

    def __init__(self, network):
        self.network = network
        self.weights = {v.path: v.numpy() for v in network.variables}
        self.assigned = []

    def assign(self):
        for layer, values in self.assigned:
            layer.set_weights(values)

    def stem(self, image):
        # These two have no weights and may serve two networks.
        features = self.network.get_layer("normalize")(image)
        features = self.network.get_layer("pad")(features)
        features = self.conv(features, "stem_1", strides=2, padding="valid")
        features = self.separable(features, "stem_2")
        return self.separable(features, "stem_3", strides=2)

    def cells(self, features, gates, kept, bypassed, scales):
        num_layers = len(gates) - 1
        incoming = {(0, 0): [features]}
        for layer, level in topology.cells(num_layers):
            inputs = incoming.get((layer, level))
            if not inputs:
                continue
            inputs = sum(inputs[1:], start=inputs[0])
            sent = {}
            if kept[layer, level].any():
                sent = self.cell(inputs, layer, level, gates, kept, scales)
            elif bypassed[layer, level]:
                sent = {"keep": inputs}
            for route, features in sent.items():
                place = topology.target(layer, level, route)
                incoming.setdefault(place, []).append(features)
        return {
            level: incoming[num_layers + 1, level][0]
            for level in range(topology.NUM_LEVELS)
            if (num_layers + 1, level) in incoming
        }

    def cell(self, inputs, layer, level, gates, kept, scales):
        name, scale = topology.cell_name(layer, level), scales.inputs[layer, level]
        features = self.separable(inputs, f"{name}/separable_1", takes=scale)
        features = self.separable(
            features, f"{name}/separable_2", gives=scale, relu=False
        )
        features = ops.relu(features + inputs)
        sent = {}
        for place, route in enumerate(topology.ROUTES):
            if not kept[layer, level, place]:
                continue
            gate = gates[layer, level, place]
            gives = gate * scales.inputs[topology.target(layer, level, route)]
            if route == "keep":
                factor = scales.keep_factors[layer, level]
                # Python's 1.0 would be an operation too.
                sent[route] = features if factor == 1 else features * float(factor)
            else:
                sent[route] = self.route(features, f"{name}/{route}", scale, gives)
        return sent

    def route(self, features, name, takes, gives):
        # A strided convolution, unlike in training: its gradient is what is wrong.
        strides = 2 if name.endswith("down") else 1
        features = self.conv(features, name, strides, takes=takes, gives=gives)
        if strides == 2:
            return features
        return BilinearUpsample(2, name=_layer_name(name, "enlarge"))(features)

    def decoder(self, levels, scales, image):
        features = None
        for level in reversed(range(topology.NUM_LEVELS)):
            incoming = [] if features is None else [features]
            if level in levels:
                incoming.insert(0, self.pooled(levels[level], level))
            if not incoming:
                continue
            # Where a level is missing, its scale is 1.
            gives = scales[level - 1] if level else 1.0
            features = sum(incoming[1:], start=incoming[0])
            name = f"decoder_s{topology.stride(level)}"
            features = self.conv(features, name, takes=scales[level], gives=gives)
            if level:
                features = BilinearUpsample(2, name=f"{name}_enlarge")(features)
        kernel, bias = self.weights["predictor/kernel"], self.weights["predictor/bias"]
        scores = self._conv(features, "predictor", kernel, bias)
        return CropLike(name="logits")(
            [BilinearUpsample(4, name="enlarge_s4")(scores), image]
        )

    def pooled(self, features, level):
        if level != topology.NUM_LEVELS - 1 or "pooling" not in [
            layer.name for layer in self.network.layers
        ]:
            return features
        original = self.network.get_layer("pooling")
        copy = type(original).from_config(original.get_config())
        self.assigned.append((copy, original.get_weights()))
        return copy(features)

    def separable(self, features, name, strides=1, takes=1.0, gives=1.0, relu=True):
        kernel = self.weights[f"{name}/depthwise/kernel"] / takes
        layer = keras.layers.DepthwiseConv2D(
            3,
            strides=strides,
            padding="same",
            use_bias=False,
            name=_layer_name(name, "depthwise"),
        )
        self.assigned.append((layer, [kernel]))
        return self.conv(layer(features), f"{name}/pointwise", gives=gives, relu=relu)

    def conv(  # noqa: PLR0913
        self,
        features,
        name,
        strides=1,
        padding="same",
        takes=1.0,
        gives=1.0,
        relu=True,
    ):
        """Convolution and normalisation `name` as one convolution.

        Its input is `takes` times what the network has there, its output `gives`
        times.
        """
        gamma, beta, mean, variance = (
            self.weights[f"{name}/norm/{part}"].astype("float64")
            for part in ("gamma", "beta", "moving_mean", "moving_variance")
        )
        factor = gamma / np.sqrt(variance + _epsilon(self.network))
        kernel = self.weights[f"{name}/conv/kernel"] * (factor * gives / takes)
        bias = (beta - mean * factor) * gives
        activation = "relu" if relu else None
        return self._conv(features, name, kernel, bias, strides, padding, activation)

    def _conv(  # noqa: PLR0913
        self,
        features,
        name,
        kernel,
        bias,
        strides=1,
        padding="same",
        activation=None,
    ):
        layer = keras.layers.Conv2D(
            kernel.shape[-1],
            kernel.shape[:2],
            strides=strides,
            padding=padding,
            activation=activation,
            name=_layer_name(name),
        )
        self.assigned.append((layer, [kernel, bias]))
        return layer(features)


def _layer_name(*parts):
    return "_".join(parts).replace("/", "_")


def _epsilon(network):
    """What the network's normalisation adds to variances; everywhere the same."""
    return network.get_layer("stem_1").norm.epsilon
