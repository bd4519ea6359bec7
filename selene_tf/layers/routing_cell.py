"""One cell of the search space: a separable convolution with gated routes."""

import keras
from keras import ops

from selene_tf import topology
from selene_tf.layers.conv_norm import ConvNorm
from selene_tf.layers.resize import Enlarge
from selene_tf.layers.separable_conv import SeparableConvNorm
from selene_tf.layers.soft_gate import SoftGate


@keras.saving.register_keras_serializable("selene_tf")
class RoutingCell(keras.layers.Layer):
    """Sums what comes in, transforms it, and sends it on along gated routes.

    y = separable(separable(x)) + x, and for each route a gate g in [0, 1):

    - keep: g * relu(y), at the same resolution,
    - up: g * enlarge(conv_norm(relu(y))), twice the size, half the channels,
    - down: g * conv_norm(relu(y)), half the size, twice the channels.

    A picture that closes all gates of a cell (their sum is below 1e-4) passes
    its input x on along keep, unchanged, and nothing along the other two.

    The official code skips, at inference, a cell that nothing flows into. It
    decides so for the whole batch, and a picture's output then depends on its
    neighbours. Here the decision is the picture's own: `active` says whether
    anything flows in, and where nothing does, nothing flows out. In training
    every cell runs, as in the official code.

    Args:
        routes: Outgoing routes, of "keep", "up" and "down", in this order.
        synchronized: Whether replicas share their batch statistics.

    Call arguments:
        features: List of tensors (batch, height, width, channels), summed.
        active: List of (batch, 1): 1 where the tensor of the same place
            carries something for the picture, 0 where it does not.

    Returns:
        A dict: "keep", "up", "down" (the routes it has), "gates" (batch, 3) in
        the order keep, up, down, with 0 for a route it lacks; "active"
        (batch, 1), whether anything flowed in; "open" (batch, 1), whether the
        picture left any gate open.

    Reference: Li et al. 2020, https://arxiv.org/abs/2003.10401, section 3.
    """

    def __init__(self, routes, synchronized=False, **kwargs):
        super().__init__(**kwargs)
        self.routes = tuple(routes)
        self.synchronized = synchronized

    def build(self, features_shape, active_shape):
        del active_shape
        shape = tuple(features_shape[0])
        channels = shape[-1]
        options = {"synchronized": self.synchronized, "dtype": self.dtype_policy}
        self.separable_1 = SeparableConvNorm(channels, name="separable_1", **options)
        self.separable_2 = SeparableConvNorm(
            channels, activation=False, name="separable_2", **options
        )
        self.gate = SoftGate(len(self.routes), name="gate", **options)
        for layer in (self.separable_1, self.separable_2, self.gate):
            layer.build(shape)
        if "up" in self.routes:
            self.up = ConvNorm(channels // 2, name="up", **options)
            self.up.build(shape)
            self.enlarge = Enlarge(2, dtype=self.dtype_policy, name="enlarge")
            self.enlarge.build((*shape[:-1], channels // 2))
        if "down" in self.routes:
            self.down = ConvNorm(channels * 2, strides=2, name="down", **options)
            self.down.build(shape)

    def call(self, features, active, training=False):
        inputs = sum(features[1:], start=features[0])
        received = ops.max(ops.concatenate(active, axis=1), axis=1, keepdims=True)
        gates = self.gate(inputs, training=training)
        if not training:
            gates = gates * received
        closed = ops.sum(gates, axis=1, keepdims=True) < topology.OPEN_ABOVE
        closed = ops.cast(closed, self.compute_dtype)
        outputs = self._routes(inputs, gates, closed, training)
        return {
            **outputs,
            "gates": self._in_fixed_order(gates),
            "active": received,
            "open": 1.0 - closed,
        }

    def _routes(self, inputs, gates, closed, training):
        features = self.separable_1(inputs, training=training)
        features = self.separable_2(features, training=training)
        features = ops.relu(features + inputs)
        weight = {
            route: ops.reshape(gates[:, i], (-1, 1, 1, 1))
            for i, route in enumerate(self.routes)
        }
        unchanged = ops.reshape(closed, (-1, 1, 1, 1)) * inputs
        outputs = {"keep": unchanged + weight["keep"] * features}
        if "up" in self.routes:
            # The gate before the enlargement: the same, on a quarter of the pixels.
            outputs["up"] = self.enlarge(
                weight["up"] * self.up(features, training=training)
            )
        if "down" in self.routes:
            outputs["down"] = weight["down"] * self.down(features, training=training)
        return outputs

    def _in_fixed_order(self, gates):
        columns = {route: gates[:, i : i + 1] for i, route in enumerate(self.routes)}
        absent = ops.zeros_like(gates[:, :1])
        return ops.concatenate(
            [columns.get(route, absent) for route in topology.ROUTES], axis=1
        )

    def compute_output_spec(self, features, active, training=False):
        # Spelt out, since Keras would otherwise trace every small layer of
        # every cell to learn the shapes, which costs seconds at start-up.
        del training
        batch, height, width, channels = features[0].shape
        shapes = {
            "keep": (batch, height, width, channels),
            "up": (batch, _double(height), _double(width), channels // 2),
            "down": (batch, _half(height), _half(width), channels * 2),
        }
        shapes = {route: shapes[route] for route in self.routes}
        shapes |= {"gates": (batch, 3), "active": (batch, 1), "open": (batch, 1)}
        del active
        return {
            name: keras.KerasTensor(shape, dtype=self.compute_dtype)
            for name, shape in shapes.items()
        }

    def get_config(self):
        return {
            **super().get_config(),
            "routes": self.routes,
            "synchronized": self.synchronized,
        }


def _double(length):
    return None if length is None else length * 2


def _half(length):
    return None if length is None else -(-length // 2)
