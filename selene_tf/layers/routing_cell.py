"""A cell of the search space: separable convolutions with gated routes."""

from functools import partial

import keras
from keras import ops

from selene_tf.architectures import topology
from selene_tf.layers.conv_norm import ConvNorm
from selene_tf.layers.resize import BilinearUpsample, subsample
from selene_tf.layers.separable_conv import SeparableConvNorm
from selene_tf.layers.soft_gate import SoftGate


@keras.saving.register_keras_serializable("selene_tf")
class RoutingCell(keras.layers.Layer):
    """A routing cell: two separable convolutions and up to three gated routes.

    y = separable(separable(x)) + x, and for each route a gate g in [0, 1):

    - keep: g * relu(y), at the same resolution,
    - up: g * enlarge(conv_norm(relu(y))), twice the size, half the channels,
    - down: g * conv_norm(relu(y)), half the size, twice the channels.

    An image that closes all gates of a cell (their sum is below 1e-4) passes
    its input x on along keep, unchanged, and nothing along the other two.

    The official code skips, at inference, a cell that nothing flows into. It
    decides so for the whole batch, and an image's output then depends on its
    neighbours. Here the decision is the image's own: `active` says whether
    anything flows in, and where nothing does, nothing flows out. In training
    every cell runs, as in the official code, and all flags are 1.

    Args:
        routes: Outgoing routes, of "keep", "up" and "down", in this order.
        kept: Those of them that exist; None for all. The gates of the others
            are 0, and nothing is computed or sent along them.
        small_gate: Whether the gate looks at a quarter of the resolution.
        gated: False leaves the gates out: every route is open, with weight 1.
        conditional: True leaves out, at inference, what no image of the batch
            opened, instead of multiplying it by 0. It pays with one image.
        synchronized: Whether replicas share their batch statistics.

    Call arguments:
        features: List of tensors (batch, height, width, channels), summed.
        active: List of (batch, 1): 1 where the tensor of the same place
            carries something for the image, 0 where it does not.
        branch_scale: (batch, 1), a factor on the separable convolutions, see
            `DropPath`; None for 1.

    Returns:
        A dict: "keep", "up", "down" (the kept routes), "gates" (batch,
        routes), in the order of `routes`; "active" (batch, 1), whether anything
        flowed in; "open" (batch, 1), whether the image left any gate open.

    Example:
        >>> cell = RoutingCell(("keep", "down"))
        >>> outputs = cell([ops.ones((2, 8, 12, 4))], active=[ops.ones((2, 1))])
        >>> outputs["down"].shape, outputs["gates"].shape
        (TensorShape([2, 4, 6, 8]), TensorShape([2, 2]))

    Reference: Li et al. 2020, https://arxiv.org/abs/2003.10401, section 3.
    """

    def __init__(
        self,
        routes,
        kept=None,
        small_gate=False,
        gated=True,
        conditional=False,
        synchronized=False,
        **kwargs,
    ):
        super().__init__(**kwargs)
        self.routes = tuple(routes)
        self.kept = self.routes if kept is None else tuple(kept)
        self.small_gate = small_gate
        self.gated = gated
        self.conditional = conditional
        self.synchronized = synchronized

    def build(self, features_shape, active_shape, branch_scale_shape=None):
        del active_shape, branch_scale_shape
        shape = tuple(features_shape[0])
        channels = shape[-1]
        options = {"synchronized": self.synchronized, "dtype": self.dtype_policy}
        self.separable_1 = SeparableConvNorm(channels, name="separable_1", **options)
        self.separable_2 = SeparableConvNorm(
            channels, activation=False, name="separable_2", **options
        )
        parts = [self.separable_1, self.separable_2]
        if self.gated:
            self.gate = SoftGate(
                len(self.routes), small=self.small_gate, name="gate", **options
            )
            parts.append(self.gate)
        if "up" in self.kept:
            self.up = ConvNorm(channels // 2, name="up", **options)
            self.enlarge = BilinearUpsample(2, dtype=self.dtype_policy, name="enlarge")
            self.enlarge.build((*shape[:-1], channels // 2))
            parts.append(self.up)
        if "down" in self.kept:
            self.down = ConvNorm(channels * 2, name="down", **options)
            parts.append(self.down)
        for layer in parts:
            layer.build(shape)

    def call(self, features, active, branch_scale=None, training=False):
        inputs = sum(features[1:], start=features[0])
        received = active[0]
        if not training:
            received = ops.max(ops.concatenate(active, axis=1), axis=1, keepdims=True)
        gates = self._gates(inputs, received, training)
        # No gradient: whether an image closes a cell is a constant.
        closed = ops.sum(gates, axis=1, keepdims=True) < topology.OPEN_ABOVE
        closed = ops.cast(closed, self.compute_dtype)
        sends = received
        if not training:
            sends = 1.0 - closed
            gates = gates * sends

        def compute():
            transformed = self._transform(inputs, branch_scale, training)
            return self._routes(inputs, transformed, gates, closed, training)

        if self.conditional and not training:
            skipped = ops.all(closed > 0)
            outputs = ops.cond(skipped, lambda: self._unchanged(inputs), compute)
        else:
            outputs = compute()
        return {**outputs, "gates": gates, "active": received, "open": sends}

    def _gates(self, inputs, received, training):
        shape = (ops.shape(inputs)[0], len(self.routes))
        if not self.gated:
            gates = ops.ones(shape, dtype=self.compute_dtype)
        elif self.conditional and not training:
            gates = ops.cond(
                ops.any(received > 0),
                lambda: self.gate(inputs, training=False),
                lambda: ops.zeros(shape, dtype=self.compute_dtype),
            )
        else:
            gates = self.gate(inputs, training=training)
        if self.kept != self.routes:
            exists = [float(route in self.kept) for route in self.routes]
            gates = gates * ops.convert_to_tensor([exists], dtype=self.compute_dtype)
        return gates if training else gates * received

    def _transform(self, inputs, branch_scale, training):
        features = self.separable_1(inputs, training=training)
        features = self.separable_2(features, training=training)
        if branch_scale is not None:
            features = ops.reshape(branch_scale, (-1, 1, 1, 1)) * features
        return ops.relu(features + inputs)

    def _routes(self, inputs, features, gates, closed, training):
        gates = ops.reshape(gates, (-1, 1, 1, len(self.routes)))
        weights = ops.split(gates, len(self.routes), axis=-1)
        weight = dict(zip(self.routes, weights, strict=True))

        def keep():
            unchanged = ops.reshape(closed, (-1, 1, 1, 1)) * inputs
            return unchanged + weight["keep"] * features

        def up():
            # The gate before the enlargement: the same, on a quarter of the pixels.
            return self.enlarge(weight["up"] * self.up(features, training=training))

        def down():
            halved = subsample(features)
            return weight["down"] * self.down(halved, training=training)

        compute = {"keep": keep, "up": up, "down": down}
        outputs = {route: compute[route] for route in self.kept}
        if self.conditional and not training:
            for route in set(self.kept) - {"keep"}:
                outputs[route] = partial(
                    ops.cond,
                    ops.any(weight[route] > 0),
                    compute[route],
                    partial(self._nothing, route, inputs),
                )
        return {route: function() for route, function in outputs.items()}

    def _unchanged(self, inputs):
        return {
            route: inputs if route == "keep" else self._nothing(route, inputs)
            for route in self.kept
        }

    def _nothing(self, route, inputs):
        shape = _route_shape(route, ops.shape(inputs))
        return ops.zeros(shape, dtype=self.compute_dtype)

    def compute_output_spec(self, features, active, branch_scale=None, training=False):
        # Spelt out, since Keras would otherwise trace every small layer of
        # every cell to learn the shapes, which costs seconds at start-up.
        del active, branch_scale, training
        batch = features[0].shape[0]
        shapes = {route: _route_shape(route, features[0].shape) for route in self.kept}
        shapes |= {
            "gates": (batch, len(self.routes)),
            "active": (batch, 1),
            "open": (batch, 1),
        }
        return {
            name: keras.KerasTensor(shape, dtype=self.compute_dtype)
            for name, shape in shapes.items()
        }

    def get_config(self):
        return {
            **super().get_config(),
            "routes": self.routes,
            "kept": self.kept,
            "small_gate": self.small_gate,
            "gated": self.gated,
            "conditional": self.conditional,
            "synchronized": self.synchronized,
        }


def _route_shape(route, shape):
    batch, height, width, channels = shape
    if route == "up":
        return (batch, _times(height, 2), _times(width, 2), channels // 2)
    if route == "down":
        return (batch, _halved(height), _halved(width), channels * 2)
    return (batch, height, width, channels)


def _times(length, factor):
    return None if length is None else length * factor


def _halved(length):
    return None if length is None else (length + 1) // 2
