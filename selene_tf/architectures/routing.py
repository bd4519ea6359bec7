"""The routing network's architecture: sizes, options and path."""

import dataclasses

from selene_tf.architectures import cost_table
from selene_tf.architectures.routing_path import RoutingPath
from selene_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class RoutingArchitecture:
    """Architecture of the routing network: the supernet, or pruned to a path.

    Attributes:
        num_classes: Number of classes.
        channels: Channels at stride 4, an even number; they double with each level.
        num_layers: Layers of cells behind the first one, at least 3.
        small_gate: Whether gates look at a quarter of the resolution.
        gated: False leaves the gates out and every route open.
        pooling: "none", "psp" or "aspp": a head on the coarsest level.
        path: The `RoutingPath` that is built; None for the supernet.
        drop_path: Probability with which the last layer's cells leave out their
            convolutions at the end of the training; 0 for never.
        conditional: Whether inference leaves out what no image of the batch opened.

    Example:
        >>> architecture = RoutingArchitecture(num_classes=19)
        >>> macs_table(architecture, 1024, 2048).supernet
        117908855072
        >>> parameters_table(architecture).supernet
        17784968
    """

    num_classes: int
    channels: int = 64
    num_layers: int = 16
    small_gate: bool = False
    gated: bool = True
    pooling: str = "none"
    path: RoutingPath | None = None
    drop_path: float = 0.0
    conditional: bool = False

    @property
    def supernet(self):
        """The architecture without its path."""
        return dataclasses.replace(self, path=None)


def macs_table(architecture, height, width, convention="plain"):
    """Counts the MACs of one image, part by part, as a `CostTable`.

    Args:
        architecture: A `RoutingArchitecture`.
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        convention: As in `cost_table.macs`.
    """
    table = cost_table.macs(
        architecture.num_classes,
        architecture.channels,
        architecture.num_layers,
        height,
        width,
        architecture.small_gate,
        convention,
        gated=architecture.gated,
        pooling=architecture.pooling,
    )
    return _along(architecture.path, table)


def parameters_table(architecture):
    """Counts the trainable parameters, part by part, as a `CostTable`."""
    table = cost_table.parameters(
        architecture.num_classes,
        architecture.channels,
        architecture.num_layers,
        architecture.small_gate,
        architecture.gated,
        architecture.pooling,
    )
    return _along(architecture.path, table)


def _along(path, table):
    return table if path is None else cost_table.pruned(table, path)


def path_of(architecture):
    """The `RoutingPath` along which a network is built; None for all others."""
    return architecture.path if has_routes(architecture) else None


def has_routes(architecture):
    """Whether a network has routes that images and paths choose from."""
    return isinstance(architecture, RoutingArchitecture)


def check_has_routes(architecture, flag, value, expected):
    """Refuses a flag about routes for a network that has none.

    Args:
        architecture: An architecture of any kind.
        flag: The flag that asks for it, for the message.
        value: Its value, likewise.
        expected: What to give instead, likewise.

    Raises:
        UserError: the network has no routes.
    """
    if not has_routes(architecture):
        raise UserError(
            f"--{flag}: found {value}, but this network ("
            f"{type(architecture).__name__}) has no routes to choose from; expected "
            f"{expected}."
        )
