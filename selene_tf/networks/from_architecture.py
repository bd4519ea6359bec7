"""The builder of networks of any kind, from their architecture."""

from selene_tf.architectures.auxiliary_cells import AuxiliaryCellsArchitecture
from selene_tf.architectures.deeplab_v3_plus import DeepLabV3PlusArchitecture
from selene_tf.architectures.routing import RoutingArchitecture
from selene_tf.architectures.templates import TemplatesArchitecture
from selene_tf.layers.normalize import IMAGENET_COLOURS
from selene_tf.networks import (
    auxiliary_cells,
    deeplab_v3_plus,
    dynamic_routing,
    templates,
)


def build(
    architecture, *, name="network", synchronized=False, colours=IMAGENET_COLOURS
):
    """Builds the network that an architecture describes, with its first weights.

    An architecture that is not among the kinds here builds its network itself, with a
    method `build` of the same keyword arguments.

    Args:
        architecture: A dataclass of `architectures`.
        name: Name of the Keras model.
        synchronized: Whether replicas share their batch statistics.
        colours: How images are normalised, a `ColourNormalization`.

    Returns:
        A Keras model from RGB images (batch, height, width, 3) in 0..255, uint8 or
        float, of any size, to a dict:

        - "logits", float32 (batch, height, width, num_classes);
        - "features", a list of (batch, height', width', channels), the finest first,
          each of half the height and width, rounded up, of the one before: what a
          pretext task looks at;
        - "gates", (batch, num_layers + 1, 4, 3), if it has routes;
        - "auxiliary", a list of further logits like the first, if it has any, which
          learn beside them and are not used otherwise.

    Example:
        >>> from selene_tf.architectures import RoutingArchitecture
        >>> architecture = RoutingArchitecture(3, channels=4, num_layers=3)
        >>> sorted(build(architecture).output)
        ['features', 'gates', 'logits']
    """
    match architecture:
        case RoutingArchitecture():
            return _routing(architecture, name, synchronized, colours)
        case DeepLabV3PlusArchitecture():
            make = deeplab_v3_plus.build
        case AuxiliaryCellsArchitecture():
            make = auxiliary_cells.build
        case TemplatesArchitecture():
            make = templates.build
        case _:
            return architecture.build(
                name=name, synchronized=synchronized, colours=colours
            )
    return make(architecture, name=name, synchronized=synchronized, colours=colours)


def _routing(architecture, name, synchronized, colours):
    return dynamic_routing.build(
        num_classes=architecture.num_classes,
        channels=architecture.channels,
        num_layers=architecture.num_layers,
        small_gate=architecture.small_gate,
        path=architecture.path,
        gated=architecture.gated,
        pooling=architecture.pooling,
        drop_path=architecture.drop_path,
        conditional=architecture.conditional,
        mean_colour=colours.mean,
        colour_deviation=colours.deviation,
        colour_order=colours.order,
        synchronized=synchronized,
        name=name,
    )
