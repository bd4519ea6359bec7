"""Paths for a target cost: the strongest ways through the network within it.

A network that was trained without a budget leaves nearly every gate open in nearly
every image, and shares of the images say little about what to leave out. Here the
gates only give the order in which the routes come, and the target says where to stop.
"""

import bisect
import math

import numpy as np

from selene_tf.architectures import routing, topology
from selene_tf.errors import UserError
from selene_tf.search import discover

# The fourth edge of a cell: what an image that closed the cell passes on.
_PASS = len(topology.ROUTES)
# Logarithms are multiples of this, so that sums are exact in any order: two edges of
# one way get the same score, to the last bit.
_GRID = 2.0**-36


def within(  # noqa: PLR0913
    gates, architecture, image_size, max_macs, rule=None, counts_gates=True
):
    """Discovers the path of the strongest ways that a target of MACs affords.

    An edge's score is the largest product of mean gates over all ways that use it.
    Edges enter in the order of their scores, equal ones together, until the next would
    cost too much. Why this and not the mean gate itself:

    - The edges with a score of t or more are, for every t, whole ways: an edge of a way
      scores at least what the way does. So nothing is cut off, no cell is computed for
      nothing, and nothing has to be repaired afterwards.
    - More budget only adds: the path of a smaller target is part of that of a larger
      one, and costs can only rise on the way.
    - Ways all have the same number of edges, so that their products compare.

    An image that closes all gates of a cell passes the cell's input on, which costs
    nothing. So beside each edge to the same level there is one of the strength of the
    share of the images that pass there. A cell that only this one leads through is
    not computed; one that is computed keeps its edge to the same level with it.

    Args:
        gates: (images, num_layers + 1, 4, 3), the network's output.
        architecture: The network's `RoutingArchitecture`; of a network that was
            built along a path the new one is a part.
        image_size: Height and width in pixels, for the costs.
        max_macs: MACs that the path may have with one image of this size.
        rule: How the path's metadata name the target; by default "macs<=" and the MACs.
        counts_gates: Whether gates are among the MACs; not if they will be folded.

    Returns:
        A `RoutingPath`.

    Raises:
        UserError: The strongest way alone, or those that are equally strong, cost more.

    Example:
        >>> from selene_tf.architectures import RoutingArchitecture
        >>> architecture = RoutingArchitecture(3, channels=4, num_layers=3)
        >>> gates = np.linspace(0.1, 0.9, 48).reshape(1, 4, 4, 3)
        >>> path = within(gates, architecture, (64, 96), max_macs=9_950_000)
        >>> path.metadata["macs"] <= 9_950_000 < path.metadata["supernet_macs"]
        True
    """
    scores = edge_scores(edge_strengths(gates, architecture.path))
    highest_first = np.unique(scores[np.isfinite(scores)])[::-1]
    # A way of cells that only pass on is no network.
    computes = [edges_from(scores, score)[0].any() for score in highest_first]
    highest_first = highest_first[computes]
    rule = rule or f"macs<={int(max_macs)}"

    def path_from(lowest):
        kept_passing = edges_from(scores, lowest)
        return discover.as_path(
            gates, *kept_passing, architecture, image_size, rule, counts_gates
        )

    number = bisect.bisect_right(
        highest_first, max_macs, key=lambda score: path_from(score).metadata["macs"]
    )
    if not number:
        raise _too_little(max_macs, path_from(highest_first[0]).metadata)
    return path_from(highest_first[number - 1])


def target_macs(architecture, image_size, keep=None, path_macs=None):
    """Computes the MACs that a path may have.

    Args:
        architecture: The network's `RoutingArchitecture`.
        image_size: Height and width in pixels.
        keep: A share, above 0 and up to 1, of the supernet's MACs: every gate open,
            everything that runs counted. 1 keeps every route.
        path_macs: Or the MACs themselves, for one image of this size; 1 or more.

    Returns:
        A whole number.

    Raises:
        UserError: There are both or none of the two, or the value is out of range.
    """
    if (keep is None) == (path_macs is None):
        targets = "none" if keep is None else "both"
        raise UserError(
            f"--keep, --path_macs: found {targets}, expected one of the two."
        )
    if keep is None:
        check_path_macs(path_macs)
        return int(path_macs)
    check_keep(keep)
    height, width = map(int, image_size)
    table = routing.macs_table(architecture.supernet, height, width)
    return int(keep * table.supernet)


def check_keep(keep):
    """Checks a share of the supernet's MACs.

    Raises:
        UserError: It is not above 0 and up to 1.
    """
    if not 0 < keep <= 1:
        raise UserError(
            f"--keep: found {keep:.12g}, expected a share of the supernet's MACs, "
            "above 0 and up to 1."
        )


def check_path_macs(path_macs):
    """Checks a number of MACs.

    Raises:
        UserError: It is below 1, or no number.
    """
    if not 1 <= path_macs < math.inf:
        raise UserError(
            f"--path_macs: found {path_macs:.12g}, expected the MACs of one image, "
            "1 or more, such as 3e9."
        )


def edge_strengths(gates, earlier=None):
    """Strength of each edge: its mean gate, or the share of images that bypass.

    Args:
        gates: (images, num_layers + 1, 4, 3), the network's output.
        earlier: The `RoutingPath` that the network was built along; None for all of it.

    Returns:
        (num_layers + 1, 4, 4) for keep, up, down and bypassed on; NaN where there is
        no such edge.
    """
    num_layers = gates.shape[1] - 1
    strengths = np.full((*gates.shape[1:3], _PASS + 1), np.nan)
    mean_gate = gates.mean(axis=0)
    for layer, level in topology.cells(num_layers):
        for route in topology.routes(layer, level, num_layers):
            place = layer, level, topology.ROUTES.index(route)
            if earlier is None or earlier.kept[place]:
                strengths[place] = mean_gate[place]
    passing_by = discover.bypassed_share(gates, earlier)
    # A cell that was taken out is passed by whether or not anything flows in.
    passes = passing_by > 0 if earlier is None else (passing_by > 0) | earlier.bypassed
    strengths[passes, _PASS] = passing_by[passes]
    return strengths


def edge_scores(strengths):
    """Scores each edge by the largest product of strengths over ways that use it.

    Args:
        strengths: As `edge_strengths` returns them.

    Returns:
        Natural logarithms (num_layers + 1, 4, 4); -inf where no way leads.
    """
    num_layers = len(strengths) - 1
    # Never -inf for an edge: a way along closed gates is still a way.
    logs = np.log(np.maximum(strengths, discover.FAINTEST))
    logs = np.rint(logs / _GRID) * _GRID
    edges = _edges(strengths)
    # To and from each cell; behind the last layer lies the decoder.
    before = np.full((num_layers + 2, topology.NUM_LEVELS), -np.inf)
    behind = before.copy()
    before[0, 0], behind[-1] = 0.0, 0.0
    for place, target in edges:
        before[target] = max(before[target], before[place[:2]] + logs[place])
    for place, target in reversed(edges):
        behind[place[:2]] = max(behind[place[:2]], logs[place] + behind[target])
    scores = np.full(logs.shape, -np.inf)
    for place, target in edges:
        scores[place] = before[place[:2]] + logs[place] + behind[target]
    return scores


def edges_from(scores, lowest):
    """Selects the routes and bypassed cells of edges from a score upwards.

    Args:
        scores: As `edge_scores` returns them.
        lowest: The lowest score that enters.

    Returns:
        Bool (num_layers + 1, 4, 3), routes that stay, and (num_layers + 1, 4), cells
        that pass their input on. They are connected if `lowest` is one of the scores.
    """
    enters = scores >= lowest
    kept, passes = enters[..., :_PASS].copy(), enters[..., _PASS]
    computed = kept.any(axis=-1)
    kept[..., topology.ROUTES.index("keep")] |= computed & passes
    return kept, passes & ~computed


def _edges(strengths):
    """((layer, level, number of the edge), target), in the order of the layers."""
    edges = []
    for layer, level, number in np.argwhere(~np.isnan(strengths)).tolist():
        route = "keep" if number == _PASS else topology.ROUTES[number]
        edges.append(((layer, level, number), topology.target(layer, level, route)))
    return edges


def _too_little(max_macs, smallest):
    # Rounded up, so that the advice can be followed.
    share = math.ceil(smallest["macs"] / smallest["supernet_macs"] * 1e4) / 1e4
    height, width = smallest["image_size"]
    return UserError(
        f"--path_macs, --keep: found a target of {int(max_macs):,} MACs at "
        f"{height}x{width}, but stem, decoder and the strongest way between them alone "
        f"have {smallest['macs']:,}; expected --path_macs={smallest['macs']} or "
        f"--keep={share:.4g}, or more."
    )
