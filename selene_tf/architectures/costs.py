"""Multiply-accumulates (MACs) and parameters of a network of any kind."""

from selene_tf.architectures import (
    auxiliary_cells,
    cost_table,
    deeplab_v3_plus,
    routing,
    templates,
)
from selene_tf.architectures.auxiliary_cells import AuxiliaryCellsArchitecture
from selene_tf.architectures.counted_cost import Cost
from selene_tf.architectures.deeplab_v3_plus import DeepLabV3PlusArchitecture
from selene_tf.architectures.routing import RoutingArchitecture
from selene_tf.architectures.templates import TemplatesArchitecture


def cost(architecture, height, width):
    """Counts the MACs and parameters of a network.

    An architecture that is not among the kinds here tells its cost itself, with a
    method `cost(height, width)`; `layer_costs.count` counts a Keras model's layers.

    Args:
        architecture: A dataclass of `architectures`.
        height: Height of the image in pixels.
        width: Width of the image in pixels.

    Returns:
        A `Cost`.

    Example:
        >>> cost(RoutingArchitecture(num_classes=19), height=1024, width=2048)
        Cost(macs=117908855072, parameters=17784968)
    """
    match architecture:
        case RoutingArchitecture():
            return Cost(
                routing.macs_table(architecture, height, width).supernet,
                routing.parameters_table(architecture).supernet,
            )
        case AuxiliaryCellsArchitecture():
            return auxiliary_cells.count(architecture, height, width)
        case TemplatesArchitecture():
            return templates.count(architecture, height, width)
        case DeepLabV3PlusArchitecture():
            return Cost(*deeplab_v3_plus.count(architecture, height, width))
        case _:
            return architecture.cost(height, width)


def image_macs(architecture, height, width, gates=None):
    """Counts the MACs of images of one size, without the routes that each closed.

    Args:
        architecture: A dataclass of `architectures`.
        height: Height of the images in pixels.
        width: Width of the images in pixels.
        gates: (images, num_layers + 1, 4, 3), the network's output; None if it has
            none, and everything runs.

    Returns:
        Integers (images,), or one for all.
    """
    if gates is None:
        return cost(architecture, height, width).macs
    table = routing.macs_table(architecture, height, width)
    return cost_table.of_images(table, gates)
