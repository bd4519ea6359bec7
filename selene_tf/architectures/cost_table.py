"""Tables of the routing network's multiply-accumulates (MACs) and parameters.

Counted from the architecture, part by part, so that an image's own cost follows
from its gates. In the plain convention, which is the default and what we
report, a MAC is one multiplication and its addition; convolutions and dense
layers are counted, everything that runs included (stem, gates, decoder).
Normalisation, ReLU, resizing and additions are not. The convention of the
official DynamicRouting code counts some of these too, and leaves other parts out.

Reference: Li et al. 2020, https://arxiv.org/abs/2003.10401
"""

import dataclasses

import numpy as np

from selene_tf.architectures import cost_conventions, topology


@dataclasses.dataclass(frozen=True)
class CostTable:
    """Costs of the parts, in MACs for one image or in parameters.

    The cost of each cell and of each edge between cells is `cells[layer, level]`
    and `routes[layer, level, route]`, as exact integers; 0 where there is none.

    Attributes:
        stem: The three layers before the first cell.
        decoder: The decoder and the classifier.
        cells: (num_layers + 1, 4), the separable convolutions of each cell.
        gates: (num_layers + 1, 4), the gate of each cell.
        routes: (num_layers + 1, 4, 3), the edges (keep, up, down), at the cell
            that they leave.
        decoder_levels: (4,), of the decoder, what it computes at each level alone.
        exists: Bool (num_layers + 1, 4, 3), edges along which anything may flow;
            None where the whole search space is there.
    """

    stem: int
    decoder: int
    cells: np.ndarray
    gates: np.ndarray
    routes: np.ndarray
    decoder_levels: np.ndarray = dataclasses.field(
        default_factory=lambda: np.zeros(topology.NUM_LEVELS, np.int64)
    )
    exists: np.ndarray | None = None

    @property
    def supernet(self):
        """The total cost with every gate open."""
        parts = (self.cells, self.gates, self.routes)
        return self.stem + self.decoder + sum(int(part.sum()) for part in parts)

    @property
    def searched(self):
        """The cost of all cells and routes, of which a budget is a share."""
        return int(self.cells.sum() + self.routes.sum())

    def of(self, runs, routes, gated=None):
        """Sums the cost of the cells and routes that run.

        Args:
            runs: Bool (..., num_layers + 1, 4), cells that are computed.
            routes: Bool (..., num_layers + 1, 4, 3), routes that are computed.
            gated: Like `runs`, cells whose gate is computed; by default `runs`.

        Returns:
            Integers of shape (...).
        """
        gated = runs if gated is None else gated
        return (
            self.stem
            + self.decoder
            + (runs * self.cells).sum((-2, -1))
            + (gated * self.gates).sum((-2, -1))
            + (routes * self.routes).sum((-3, -2, -1))
        )


# What the network's sizes are, one argument each, as in `build`.
def macs(  # noqa: PLR0913
    num_classes,
    channels,
    num_layers,
    height,
    width,
    small_gate=False,
    convention="plain",
    corrections=(),
    *,
    gated=True,
    pooling="none",
):
    """Counts the MACs of one image, cell by cell and edge by edge.

    Sides are rounded up to multiples of 32, with small gates to 128 at least, as
    the network pads them.

    Args:
        num_classes: Number of classes.
        channels: Channels at stride 4; even.
        num_layers: Layers beside the cell behind the stem.
        height: Height of the image in pixels.
        width: Width of the image in pixels.
        small_gate: Whether a gate looks at its cell's map at a quarter of its
            sides, rounded down.
        convention: "plain", or "dynamic_routing" for the operations that the
            official code counts and its authors publish.
        corrections: What "dynamic_routing" shall count as it is and not as the
            official code does: "true_head_width" (not a decoder of square maps),
            "first_cell" (also the cell behind the stem and its gate).
        gated: Whether the cells have gates.
        pooling: "none", "psp" or "aspp": a head, counted with the decoder.

    Returns:
        A `CostTable`.

    Example:
        >>> table = macs(num_classes=19, channels=64, num_layers=16, height=1024,
        ...              width=2048)
        >>> round(table.supernet / 1e9, 1), round(table.decoder / 1e9, 1)
        (117.9, 2.8)
    """
    counts = cost_conventions.corrected(convention, corrections)
    height, width = _padded(height, small_gate), _padded(width, small_gate)
    tables = _tables(num_layers)
    for layer, level in topology.cells(num_layers):
        sides, wide = (height // 4 >> level, width // 4 >> level), channels << level
        pixels = sides[0] * sides[1]
        gate_pixels = (sides[0] // 4) * (sides[1] // 4) if small_gate else pixels
        routes = topology.routes(layer, level, num_layers)
        if layer > 0 or counts.first_cell:
            tables["cells"][layer, level] = counts.cell(pixels, wide)
            if gated:
                gate = counts.gate(gate_pixels, wide, len(routes))
                tables["gates"][layer, level] = gate
        # Nothing comes behind the last layer, where an edge could lead to.
        for route in routes if layer < num_layers else ():
            place = (layer, level, topology.ROUTES.index(route))
            tables["routes"][place] = counts.route(route, pixels, wide)
    finest = height // 4, width // 4, channels
    levels = counts.decoder_levels(*finest, pooling)
    return CostTable(
        stem=counts.stem(height, width, channels),
        decoder=counts.classifier(*finest, num_classes) + sum(levels),
        decoder_levels=np.array(levels),
        **tables,
    )


def parameters(
    num_classes, channels, num_layers, small_gate=False, gated=True, pooling="none"
):
    """Counts the trainable parameters, normalisation included, as a `CostTable`.

    The arguments are those of `macs`; small gates have as many as others.
    """
    del small_gate
    middle = topology.STEM_CHANNELS
    stem = 27 * middle + 2 * middle + 9 * middle + middle**2 + 2 * middle
    stem += 9 * middle + middle * channels + 2 * channels
    levels = [
        (wide + 2) * narrow
        for _, wide, narrow in cost_conventions.decoder_widths(channels)
    ]
    levels[-1] += sum(
        weights + 2 * narrow
        for _, weights, narrow in cost_conventions.pooling_convolutions(
            pooling, channels << 3
        )
    )
    decoder = (9 * channels + 1) * num_classes + sum(levels)
    tables = _tables(num_layers)
    for layer, level in topology.cells(num_layers):
        wide = channels << level
        routes = topology.routes(layer, level, num_layers)
        tables["cells"][layer, level] = 2 * (wide**2 + 11 * wide)
        gate = (wide + 2) * wide // 2 + len(routes) * (wide // 2 + 1)
        tables["gates"][layer, level] = gate if gated else 0
        cost = {"keep": 0, "up": (wide + 2) * wide // 2, "down": (wide + 2) * wide * 2}
        for route in routes:
            tables["routes"][layer, level, topology.ROUTES.index(route)] = cost[route]
    return CostTable(
        stem=stem, decoder=decoder, decoder_levels=np.array(levels), **tables
    )


def pruned(table, path):
    """Reduces a supernet's cost table to the network along a path.

    A cell that stays keeps its whole gate, whose projection is the supernet's, also
    the columns of routes that are gone. Of the decoder, levels coarser than any that
    the path leads to are not there.

    Args:
        table: A `CostTable` of the whole network, of MACs or of parameters.
        path: A `RoutingPath` of which every route leads from the stem to the decoder.

    Returns:
        A `CostTable`, 0 where nothing is computed; "every gate open" means its own.
    """
    computed = path.kept.any(axis=-1)
    exists = path.kept.copy()
    exists[..., 0] |= path.bypassed
    coarsest = np.flatnonzero(exists[-1, :, 0]).max()
    levels = np.where(np.arange(topology.NUM_LEVELS) <= coarsest, 1, 0)
    levels = levels * table.decoder_levels
    return CostTable(
        stem=table.stem,
        decoder=table.decoder - int((table.decoder_levels - levels).sum()),
        cells=computed * table.cells,
        gates=computed * table.gates,
        routes=path.kept * table.routes,
        decoder_levels=levels,
        exists=exists,
    )


def active_cells(gates, exists=None):
    """Finds the cells that receive an input, from the gates of some images.

    A cell that closed all its gates passes its input on along keep; up and
    down carry something if the cell left any gate open.

    Args:
        gates: (batch, num_layers + 1, 4, 3).
        exists: Of a pruned network: bool (num_layers + 1, 4, 3), its edges, those of
            cells that it passes by included.

    Returns:
        Bool (batch, num_layers + 1, 4).
    """
    num_layers = gates.shape[1] - 1
    is_open = gates.sum(axis=-1) >= topology.OPEN_ABOVE
    active = np.zeros(gates.shape[:3], bool)
    active[:, 0, 0] = True
    for layer, level in topology.cells(num_layers):
        for from_layer, from_level, route in topology.sources(layer, level, num_layers):
            edge = from_layer, from_level, topology.ROUTES.index(route)
            if exists is not None and not exists[edge]:
                continue
            carries = active if route == "keep" else active & is_open
            active[:, layer, level] |= carries[:, from_layer, from_level]
    return active


def of_images(table, gates):
    """Counts each image's cost without its closed cells and routes.

    Args:
        table: A `CostTable` of MACs; of a pruned network the `pruned` one.
        gates: (batch, num_layers + 1, 4, 3), the network's output.

    Returns:
        Integers (batch,).
    """
    active = active_cells(gates, table.exists)
    runs = active & (gates.sum(axis=-1) >= topology.OPEN_ABOVE)
    routes = runs[..., None] & (gates > topology.OPEN_ABOVE)
    return table.of(runs, routes, gated=active)


def official_real(table, gates):
    """Counts each image's "real FLOPs" as the official code does.

    Unlike in `of_images`, every cell's gate is paid, also where nothing flows
    in, and so are stem and decoder.

    Args:
        table: A `CostTable` in the convention "dynamic_routing".
        gates: (batch, num_layers + 1, 4, 3), the network's output.

    Returns:
        Integers (batch,).
    """
    runs = gates.sum(axis=-1) > topology.OPEN_ABOVE
    return table.of(runs, gates > topology.OPEN_ABOVE, gated=np.ones_like(runs))


def _padded(length, small_gate):
    # At stride 32 a small gate looks at blocks of 4 x 4.
    return max(length + -length % 32, 128 if small_gate else 32)


def _tables(num_layers):
    shape = (num_layers + 1, topology.NUM_LEVELS)
    return {
        "cells": np.zeros(shape, np.int64),
        "gates": np.zeros(shape, np.int64),
        "routes": np.zeros((*shape, len(topology.ROUTES)), np.int64),
    }
