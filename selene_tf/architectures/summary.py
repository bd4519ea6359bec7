"""What an architecture costs and consists of, in numbers."""

import collections

from selene_tf.architectures import auxiliary_cells, templates
from selene_tf.architectures.auxiliary_cells import AuxiliaryCellsArchitecture
from selene_tf.architectures.compact_operations import CELL_OPERATIONS
from selene_tf.architectures.costs import cost
from selene_tf.architectures.routing import RoutingArchitecture
from selene_tf.architectures.templates import TemplatesArchitecture
from selene_tf.architectures.topology import all_routes


def summarize(architecture, height, width):
    """Summarizes an architecture.

    Args:
        architecture: A dataclass of `architectures`.
        height: Height of the image in pixels.
        width: Width of the image in pixels.

    Returns:
        A dict for JSON: "kind", "parameters" of the deployed network,
        "parameters_with_auxiliary" with what only learns beside it, "macs" of the
        deployed network, "size", "output_size" of the logits before they are resized to
        the image, and "operations", how many there are of each kind.

    Example:
        >>> summary = summarize(RoutingArchitecture(19), 1024, 2048)
        >>> summary["parameters"], summary["output_size"]
        (17784968, [256, 512])
    """
    deployed = getattr(architecture, "deployed", architecture)
    stride = _output_stride(architecture)
    return {
        "kind": type(architecture).__name__.removesuffix("Architecture"),
        "parameters": cost(deployed, height, width).parameters,
        "parameters_with_auxiliary": cost(architecture, height, width).parameters,
        "macs": cost(deployed, height, width).macs,
        "size": [height, width],
        "output_size": [-(-height // stride), -(-width // stride)],
        "operations": _operations(architecture),
    }


def _output_stride(architecture):
    match architecture:
        case AuxiliaryCellsArchitecture():
            return auxiliary_cells.output_stride(architecture)
        case TemplatesArchitecture():
            return templates.output_stride(architecture)
        case _:
            return 4


def _operations(architecture):
    """{kind: number} of the operations that a search chooses."""
    match architecture:
        case AuxiliaryCellsArchitecture():
            first, *layers = architecture.cell
            numbers = [first, *(op for layer in layers for op in layer[2:])]
            # Each block has two copies of the cell.
            cells = 2 * len(architecture.connections)
            names = [CELL_OPERATIONS[number] for number in numbers] * cells
        case TemplatesArchitecture():
            applied, _ = templates.applications(architecture)
            names = [name for one in applied for name in one.operations]
            names += [one.aggregation for one in applied]
        case RoutingArchitecture():
            kept = all_routes(architecture.num_layers)
            if architecture.path is not None:
                kept = architecture.path.kept
            return {"cells": int(kept.any(-1).sum()), "routes": int(kept.sum())}
        case _:
            return {}
    return dict(collections.Counter(names).most_common())
