"""From the gates of many pictures to the one path that stays.

Searching is part of training: the gates learn with the weights. What is left to
do is to look at which routes the pictures open.
"""

import dataclasses

import numpy as np

from selene_tf import topology
from selene_tf.path import STRUCTURE_FACTS, Path
from selene_tf.search import cost


def discover(gates, structure, picture_size, threshold=0.5):
    """Keeps the routes that enough pictures open.

    A cell that too few pictures open, but that something flows into, passes its
    input on to the same level, as it does for the single picture. The route
    from the stem to the decoder with the largest product of gates always stays,
    so that the path is never cut; what cannot be reached from the stem or does
    not reach the decoder is dropped.

    Args:
        gates: (pictures, num_layers + 1, 4, 3), the network's output.
        structure: The network's `Structure`, for the costs.
        picture_size: Height and width in pixels, for the costs.
        threshold: Share of the pictures that must open a route.

    Returns:
        A `Path`.
    """
    is_open = gates > topology.OPEN_ABOVE
    open_share, mean_gate = is_open.mean(axis=0), gates.mean(axis=0)
    closed = cost.active_cells(gates) & (gates.sum(axis=-1) < topology.OPEN_ABOVE)
    passing = (closed.mean(axis=0) >= threshold) & (closed.mean(axis=0) > 0)
    kept = (open_share >= threshold) & (open_share > 0)
    kept |= strongest_route(mean_gate)
    passing &= ~kept.any(axis=-1)
    kept, passing = connected(kept, passing)
    arguments = dataclasses.asdict(structure)
    height, width = map(int, picture_size)
    macs = cost.macs(height=height, width=width, **arguments)
    parameters = cost.parameters(**arguments)
    facts = {
        **{name: arguments[name] for name in STRUCTURE_FACTS},
        "pictures": len(gates),
        "picture_size": [height, width],
        "threshold": threshold,
        "macs": int(macs.of(kept.any(axis=-1), kept)),
        "parameters": int(parameters.of(kept.any(axis=-1), kept)),
        "supernet_macs": macs.supernet,
        "supernet_parameters": parameters.supernet,
    }
    return Path(kept, passing, mean_gate, open_share, facts)


def strongest_route(mean_gate):
    """The route from stem to decoder with the largest product of mean gates.

    Args:
        mean_gate: (num_layers + 1, 4, 3).

    Returns:
        Bool of the same shape.
    """
    num_layers = len(mean_gate) - 1
    # In logarithms, and never -inf: a way along closed gates is still a way.
    scores = np.log(np.maximum(mean_gate, 1e-12))
    best = {(0, 0): (0.0, None)}
    for layer, level in topology.cells(num_layers)[1:]:
        best[layer, level] = max(
            (best[source[:2]][0] + scores[_place(source)], source)
            for source in topology.sources(layer, level, num_layers)
        )
    last = [(num_layers, level) for level in range(topology.NUM_LEVELS)]
    cell = max(last, key=lambda at: best[at][0] + scores[(*at, 0)])
    kept = np.zeros(mean_gate.shape, bool)
    kept[(*cell, 0)] = True
    while best[cell][1] is not None:
        source = best[cell][1]
        kept[_place(source)] = True
        cell = source[:2]
    return kept


def connected(kept, passing):
    """Drops what the stem does not reach or what does not reach the decoder.

    Args:
        kept: Bool (num_layers + 1, 4, 3), routes.
        passing: Bool (num_layers + 1, 4), cells that pass their input on.

    Returns:
        The two, with only connected routes and cells.
    """
    num_layers = len(kept) - 1
    flows = kept.copy()
    flows[..., 0] |= passing
    reached = np.zeros(passing.shape, bool)
    reached[0, 0] = True
    for layer, level in topology.cells(num_layers)[1:]:
        reached[layer, level] = any(
            reached[source[:2]] and flows[_place(source)]
            for source in topology.sources(layer, level, num_layers)
        )
    flows &= reached[..., None]
    needed = np.zeros(passing.shape, bool)
    needed[-1] = flows[-1, :, 0]
    for layer, level in reversed(topology.cells(num_layers)):
        for route in topology.routes(layer, level, num_layers):
            place = (layer, level, topology.ROUTES.index(route))
            if layer < num_layers:
                flows[place] &= needed[topology.target(layer, level, route)]
            needed[layer, level] |= flows[place]
    return kept & flows, passing & flows[..., 0]


def _place(source):
    layer, level, route = source
    return layer, level, topology.ROUTES.index(route)
