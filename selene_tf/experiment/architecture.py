"""The architecture that a `Config` asks for."""

from selene_tf.architectures import (
    DeepLabV3PlusArchitecture,
    RoutingArchitecture,
    architecture_file,
)
from selene_tf.architectures.templates import TemplatesArchitecture
from selene_tf.errors import UserError
from selene_tf.experiment.datasets import dataset_info


def architecture_of(config, path=None):
    """The architecture of a run's networks, from which they and their costs follow.

    The one place where flags become an architecture.

    Args:
        config: The `Config`.
        path: The `RoutingPath` along which they are built; None for the supernet.
    """
    num_classes = dataset_info(config).num_classes
    if config.architecture:
        options = {"auxiliary": config.auxiliary}
        if config.encoder_first_block != "file":
            options["first_block"] = config.encoder_first_block
        read = architecture_file.read(config.architecture, num_classes, **options)
        _check_has_cells(config, read)
        return read
    if config.network == "deeplab_v3_plus":
        return DeepLabV3PlusArchitecture(
            num_classes, config.backbone, int(config.output_stride)
        )
    return RoutingArchitecture(
        num_classes=num_classes,
        channels=config.channels,
        num_layers=config.num_layers,
        small_gate=config.small_gate,
        gated=config.gated and config.network == "routing",
        pooling=config.pooling,
        path=path,
        drop_path=config.drop_path,
    )


def _check_has_cells(config, architecture):
    if config.auxiliary == "cell" and isinstance(architecture, TemplatesArchitecture):
        raise UserError(
            f"--auxiliary: found cell, but the templates of {config.architecture} "
            "have no auxiliary cells; expected classifier or none."
        )


def encoder_of(config):
    """The application of Keras that a run's networks begin with; None of others."""
    if config.architecture:
        return "mobilenet_v2"
    return config.backbone if config.network == "deeplab_v3_plus" else None


def deployed(architecture):
    """The same without what only learns beside it, as it is scored and exported."""
    return getattr(architecture, "deployed", architecture)
