"""Path discovery: from the gates of many images to one path.

Searching is part of training: the gates learn with the weights. What is left to
do is to look at which routes the images open.
"""

import dataclasses

import numpy as np

from selene_tf.architectures import cost_table, routing, topology
from selene_tf.architectures.routing_path import ARCHITECTURE_FIELDS, RoutingPath

# A closed gate's strength; not 0, which has no logarithm.
FAINTEST = 1e-12


def discover(gates, architecture, image_size, threshold=0.5, counts_gates=True):
    """Discovers the path of the routes that enough images open.

    A cell that too few images open, but that something flows into, passes its
    input on to the same level, as it does for the single image. The route
    from the stem to the decoder with the largest product of gates always stays,
    so that the path is never cut; what cannot be reached from the stem or does
    not reach the decoder is dropped. For a given cost see `path_for_cost.within`.

    Args:
        gates: (images, num_layers + 1, 4, 3), the network's output.
        architecture: The network's `RoutingArchitecture`; of a network that was
            built along a path the new one is a part.
        image_size: Height and width in pixels, for the costs.
        threshold: Share of the images that must open a route.
        counts_gates: Whether the path's gates are among its costs.

    Returns:
        A `RoutingPath`.

    Example:
        >>> from selene_tf.architectures import RoutingArchitecture
        >>> architecture = RoutingArchitecture(3, channels=4, num_layers=3)
        >>> gates = 0.9 * topology.all_routes(num_layers=3)[None]
        >>> gates[0, 1, 1] = 0  # One image; it closes the cell (1, 1).
        >>> path = discover(gates, architecture, image_size=(64, 96))
        >>> np.argwhere(path.bypassed).tolist()
        [[1, 1]]
    """
    earlier = architecture.path
    mean_gate = gates.mean(axis=0)
    open_share = (gates > topology.OPEN_ABOVE).mean(axis=0)
    kept = (open_share >= threshold) & (open_share > 0)
    passing_by = bypassed_share(gates, earlier)
    bypassed = (passing_by >= threshold) & (passing_by > 0)
    strongest = strongest_route(mean_gate, edges_of(earlier))
    if earlier is not None:
        bypassed |= strongest[..., 0] & earlier.bypassed
        strongest &= earlier.kept
    kept |= strongest
    bypassed &= ~kept.any(axis=-1)
    kept, bypassed = topology.connected(kept, bypassed)
    rule = f"threshold={threshold:.12g}"
    return as_path(gates, kept, bypassed, architecture, image_size, rule, counts_gates)


def as_path(  # noqa: PLR0913
    gates, kept, bypassed, architecture, image_size, rule, counts_gates=True
):
    """Makes a `RoutingPath` of some routes, with its costs.

    Args:
        gates: (images, num_layers + 1, 4, 3), what the routes were chosen from.
        kept: Bool (num_layers + 1, 4, 3), routes that stay.
        bypassed: Bool (num_layers + 1, 4), cells that pass their input on.
        architecture: The network's `RoutingArchitecture`, for the costs.
        image_size: Height and width in pixels, for the costs.
        rule: How the routes were chosen, in a word.
        counts_gates: Whether the gates of cells that stay are among the costs; they
            are not there if they are folded. The supernet's always count.
    """
    height, width = map(int, image_size)
    open_share = (gates > topology.OPEN_ABOVE).mean(axis=0)
    path = RoutingPath(kept, bypassed, gates.mean(axis=0), open_share, {})
    metadata = {
        **{name: getattr(architecture, name) for name in ARCHITECTURE_FIELDS},
        "images": len(gates),
        "image_size": [height, width],
        "rule": rule,
        "counts_gates": counts_gates,
    }
    supernet = architecture.supernet
    tables = {
        "macs": routing.macs_table(supernet, height, width),
        "parameters": routing.parameters_table(supernet),
    }
    for name, table in tables.items():
        metadata[f"supernet_{name}"] = table.supernet
        if not counts_gates:
            table = dataclasses.replace(table, gates=np.zeros_like(table.gates))
        metadata[name] = cost_table.pruned(table, path).supernet
    return dataclasses.replace(path, metadata=metadata)


def bypassed_share(gates, earlier=None):
    """Share of the images that close a cell that receives an input.

    Args:
        gates: (images, num_layers + 1, 4, 3), the network's output.
        earlier: The `RoutingPath` that the network was built along; None for all of it.

    Returns:
        (num_layers + 1, 4); these images pass the cell's input on to the same level,
        if there is such an edge.
    """
    edges = edges_of(earlier)
    closed = gates.sum(axis=-1) < topology.OPEN_ABOVE
    share = (cost_table.active_cells(gates, edges) & closed).mean(axis=0)
    return share if edges is None else share * edges[..., 0]


def edges_of(path):
    """Bool (num_layers + 1, 4, 3), a path's edges with those past its bypassed cells.

    None, which stands for the whole network, remains None.
    """
    if path is None:
        return None
    edges = path.kept.copy()
    edges[..., 0] |= path.bypassed
    return edges


def strongest_route(mean_gate, edges=None):
    """The route from stem to decoder with the largest product of mean gates.

    Args:
        mean_gate: (num_layers + 1, 4, 3).
        edges: Bool of the same shape, those that there are; None for all.

    Returns:
        Bool of the same shape.
    """
    num_layers = len(mean_gate) - 1
    # In logarithms, and never -inf: a way along closed gates is still a way.
    scores = np.log(np.maximum(mean_gate, FAINTEST))
    if edges is not None:
        scores = np.where(edges, scores, -np.inf)
    best = {(0, 0): (0.0, None)}
    for layer, level in topology.cells(num_layers)[1:]:
        best[layer, level] = max(
            (best[source[:2]][0] + scores[topology.place(*source)], source)
            for source in topology.sources(layer, level, num_layers)
        )
    last = [(num_layers, level) for level in range(topology.NUM_LEVELS)]
    cell = max(last, key=lambda at: best[at][0] + scores[(*at, 0)])
    kept = np.zeros(mean_gate.shape, bool)
    kept[(*cell, 0)] = True
    while best[cell][1] is not None:
        source = best[cell][1]
        kept[topology.place(*source)] = True
        cell = source[:2]
    return kept
