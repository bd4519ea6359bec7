"""What the routing network costs: multiply-accumulates (MACs) and parameters.

Counted from the structure, part by part, so that a picture's own cost follows
from its gates. A MAC is one multiplication and its addition; convolutions and
dense layers are counted, everything that runs included (stem, gates, decoder).
Normalisation, ReLU, resizing and additions are not.
"""

import dataclasses

import numpy as np

from selene_tf import topology


@dataclasses.dataclass(frozen=True)
class CostTable:
    """Costs of the parts, in MACs for one picture or in parameters.

    Attributes:
        stem: The three layers before the first cell.
        decoder: The decoder and the classifier.
        cells: (num_layers + 1, 4), the separable convolutions of each cell.
        gates: (num_layers + 1, 4), the gate of each cell.
        routes: (num_layers + 1, 4, 3), the convolution of each route
            (keep, up, down).
    """

    stem: int
    decoder: int
    cells: np.ndarray
    gates: np.ndarray
    routes: np.ndarray

    @property
    def supernet(self):
        """The cost with every gate open."""
        parts = (self.cells, self.gates, self.routes)
        return self.stem + self.decoder + sum(int(part.sum()) for part in parts)

    def of(self, runs, routes, gated=None):
        """The cost where only some cells and routes run.

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


def macs(num_classes, channels, num_layers, height, width):
    """MACs for one picture of `height` x `width` pixels, as a `CostTable`.

    Sides are rounded up to multiples of 32, as the network pads them.
    """
    height, width = height + -height % 32, width + -width % 32
    first = ((height - 3) // 2 + 1) * ((width - 3) // 2 + 1)
    finest = (height // 4) * (width // 4)
    middle = topology.STEM_CHANNELS
    stem = first * (27 * middle + 9 * middle + middle**2)
    stem += finest * (9 * middle + middle * channels)
    decoder = finest * 9 * channels * num_classes
    decoder += sum(
        (finest >> 2 * level) * wide * narrow
        for level, wide, narrow in _decoder_widths(channels)
    )
    tables = _tables(num_layers)
    for layer, level in topology.cells(num_layers):
        pixels, wide = finest >> 2 * level, channels << level
        routes = topology.routes(layer, level, num_layers)
        tables["cells"][layer, level] = pixels * (2 * wide**2 + 18 * wide)
        tables["gates"][layer, level] = (pixels * wide + len(routes)) * wide // 2
        cost = {"keep": 0, "up": pixels * wide**2 // 2, "down": pixels * wide**2 // 2}
        for route in routes:
            tables["routes"][layer, level, topology.ROUTES.index(route)] = cost[route]
    return CostTable(stem=stem, decoder=decoder, **tables)


def parameters(num_classes, channels, num_layers):
    """Trainable parameters, as a `CostTable`; normalisation included."""
    middle = topology.STEM_CHANNELS
    stem = 27 * middle + 2 * middle + 9 * middle + middle**2 + 2 * middle
    stem += 9 * middle + middle * channels + 2 * channels
    decoder = (9 * channels + 1) * num_classes
    decoder += sum((wide + 2) * narrow for _, wide, narrow in _decoder_widths(channels))
    tables = _tables(num_layers)
    for layer, level in topology.cells(num_layers):
        wide = channels << level
        routes = topology.routes(layer, level, num_layers)
        tables["cells"][layer, level] = 2 * (wide**2 + 11 * wide)
        gate = (wide + 2) * wide // 2 + len(routes) * (wide // 2 + 1)
        tables["gates"][layer, level] = gate
        cost = {"keep": 0, "up": (wide + 2) * wide // 2, "down": (wide + 2) * wide * 2}
        for route in routes:
            tables["routes"][layer, level, topology.ROUTES.index(route)] = cost[route]
    return CostTable(stem=stem, decoder=decoder, **tables)


def active_cells(gates):
    """Which cells anything flows into, given the gates of some pictures.

    A cell that closed all its gates passes its input on along keep; up and
    down carry something if the cell left any gate open.

    Args:
        gates: (batch, num_layers + 1, 4, 3).

    Returns:
        Bool (batch, num_layers + 1, 4).
    """
    num_layers = gates.shape[1] - 1
    is_open = gates.sum(axis=-1) >= topology.OPEN_ABOVE
    active = np.zeros(gates.shape[:3], bool)
    active[:, 0, 0] = True
    for layer, level in topology.cells(num_layers):
        for from_layer, from_level, route in topology.sources(layer, level, num_layers):
            carries = active if route == "keep" else active & is_open
            active[:, layer, level] |= carries[:, from_layer, from_level]
    return active


def of_pictures(table, gates):
    """What each picture costs when closed cells and routes are not computed.

    Args:
        table: A `CostTable` of MACs.
        gates: (batch, num_layers + 1, 4, 3), the network's output.

    Returns:
        Integers (batch,).
    """
    active = active_cells(gates)
    runs = active & (gates.sum(axis=-1) >= topology.OPEN_ABOVE)
    routes = runs[..., None] & (gates > topology.OPEN_ABOVE)
    return table.of(runs, routes, gated=active)


def _decoder_widths(channels):
    """(level, channels in, channels out) of the decoder's convolutions."""
    return [
        (level, channels << level, channels << max(level - 1, 0))
        for level in range(topology.NUM_LEVELS)
    ]


def _tables(num_layers):
    shape = (num_layers + 1, topology.NUM_LEVELS)
    return {
        "cells": np.zeros(shape, np.int64),
        "gates": np.zeros(shape, np.int64),
        "routes": np.zeros((*shape, len(topology.ROUTES)), np.int64),
    }
