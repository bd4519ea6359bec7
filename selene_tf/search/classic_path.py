"""Classic networks as `RoutingPath`s, to compare with what is found."""

import numpy as np

from selene_tf.architectures import classic_paths, topology
from selene_tf.errors import UserError
from selene_tf.search import discover


def make(name, architecture, image_size):
    """Makes the path of a classic network in the search space of an architecture.

    Args:
        name: One of `classic_paths.NAMES`.
        architecture: A `RoutingArchitecture`.
        image_size: Height and width in pixels, for the costs.

    Returns:
        A `RoutingPath`, whose gates are all 1.

    Raises:
        UserError: The architecture has too few layers for it.

    Example:
        >>> from selene_tf.architectures import RoutingArchitecture
        >>> path = make("unet", RoutingArchitecture(19), image_size=(1024, 2048))
        >>> path.metadata["macs"] < path.metadata["supernet_macs"]
        True
    """
    try:
        kept, bypassed = classic_paths.routes(name, architecture.num_layers)
    except ValueError as error:
        raise UserError(f"--path: {error}") from None
    kept, bypassed = topology.connected(kept, bypassed)
    gates = kept[None].astype(np.float64)
    return discover.as_path(
        gates, kept, bypassed, architecture, image_size, name, architecture.gated
    )
