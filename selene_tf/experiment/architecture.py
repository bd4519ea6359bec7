"""The architecture that a `Config` asks for."""

from selene_tf.architectures import RoutingArchitecture
from selene_tf.experiment.datasets import dataset_info


def architecture_of(config, path=None):
    """The architecture of a run's networks, from which they and their costs follow.

    The one place where flags become an architecture: with a second kind of network
    this is a `match` on the flag that names the kind.

    Args:
        config: The `Config`.
        path: The `RoutingPath` along which they are built; None for the supernet.
    """
    return RoutingArchitecture(
        num_classes=dataset_info(config).num_classes,
        channels=config.channels,
        num_layers=config.num_layers,
        small_gate=config.small_gate,
        gated=config.gated,
        pooling=config.pooling,
        path=path,
        drop_path=config.drop_path,
    )
