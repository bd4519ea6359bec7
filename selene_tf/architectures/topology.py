"""The topology of the search space: its cells and the routes between them.

Layer 0 is the one cell behind the stem. Layer n > 0 is the official code's
layer n - 1. Level 0 is the finest, at stride 4; level 3 is at stride 32. A cell
sends its output along up to three routes to the next layer: keep (same level),
up (one level finer) and down (one level coarser).

Reference: Li et al. 2020, https://arxiv.org/abs/2003.10401, and SELENE, fig. 4.
"""

import numpy as np

ROUTES = ("keep", "up", "down")
NUM_LEVELS = 4
# Fewer layers do not reach the coarsest level.
MIN_LAYERS = NUM_LEVELS - 1

# The official stem is this wide whatever the width of the cells.
STEM_CHANNELS = 64
# A gate above it is open; so is a cell whose gates sum up to it (official code).
OPEN_ABOVE = 1e-4

# Heads that look at all of the coarsest level before it is decoded.
POOLINGS = ("none", "psp", "aspp")
# Parts in each direction of the grids of "psp".
PYRAMID_BINS = (1, 2, 3, 6)
# Dilations of "aspp". DeepLabv3 has 6, 12, 18 at stride 16; at stride 32 these reach
# as far in the image.
ATROUS_RATES = (3, 6, 9)

_LEVEL_STEP = {"keep": 0, "up": -1, "down": 1}


def stride(level):
    """The stride of a level, in pixels of the image."""
    return 4 << level


def cell_name(layer, level):
    """The Keras layer's name, for example cell_03_s8."""
    return f"cell_{layer:02d}_s{stride(level)}"


def num_levels(layer):
    """The number of levels of a layer: the pyramid opens by one level a layer."""
    return min(layer + 1, NUM_LEVELS)


def cells(num_layers):
    """All (layer, level) pairs, in the order in which they are computed."""
    return [
        (layer, level)
        for layer in range(num_layers + 1)
        for level in range(num_levels(layer))
    ]


def routes(layer, level, num_layers):
    """The routes that leave a cell; the last layer only keeps."""
    if layer == num_layers:
        return ("keep",)
    allowed = {"keep": True, "up": level > 0, "down": level < NUM_LEVELS - 1}
    return tuple(route for route in ROUTES if allowed[route])


def all_routes(num_layers):
    """Bool (num_layers + 1, 4, 3), every route that there is."""
    kept = np.zeros((num_layers + 1, NUM_LEVELS, len(ROUTES)), bool)
    for layer, level in cells(num_layers):
        for route in routes(layer, level, num_layers):
            kept[layer, level, ROUTES.index(route)] = True
    return kept


def target(layer, level, route):
    """The (layer, level) that a route leads to."""
    return layer + 1, level + _LEVEL_STEP[route]


def sources(layer, level, num_layers):
    """The (layer, level, route) that lead to a cell, finest level first."""
    if layer == 0:
        return []
    return [
        (layer - 1, source, route)
        for source in range(num_levels(layer - 1))
        for route in routes(layer - 1, source, num_layers)
        if target(layer - 1, source, route) == (layer, level)
    ]


def connected(kept, bypassed):
    """Removes routes and cells on no way from the stem to the decoder.

    Args:
        kept: Bool (num_layers + 1, 4, 3), routes.
        bypassed: Bool (num_layers + 1, 4), cells that pass their input on.

    Returns:
        The two, with only connected routes and cells.
    """
    num_layers = len(kept) - 1
    flows = kept.copy()
    flows[..., 0] |= bypassed
    reached = np.zeros(bypassed.shape, bool)
    reached[0, 0] = True
    for layer, level in cells(num_layers)[1:]:
        reached[layer, level] = any(
            reached[source[:2]] and flows[place(*source)]
            for source in sources(layer, level, num_layers)
        )
    flows &= reached[..., None]
    needed = np.zeros(bypassed.shape, bool)
    needed[-1] = flows[-1, :, 0]
    for layer, level in reversed(cells(num_layers)):
        for route in routes(layer, level, num_layers):
            at = place(layer, level, route)
            if layer < num_layers:
                flows[at] &= needed[target(layer, level, route)]
            needed[layer, level] |= flows[at]
    return kept & flows, bypassed & flows[..., 0]


def place(layer, level, route):
    """The index of a route in arrays (num_layers + 1, 4, 3)."""
    return layer, level, ROUTES.index(route)
