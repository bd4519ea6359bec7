"""Drawing a discovered path: layers from left to right, levels downwards."""

import os
import pathlib

from matplotlib.figure import Figure

from selene_tf.architectures import topology

_OPEN = "#c2410c"
_CLOSED = "#d4d4d8"
_BYPASSED = "#64748b"


def draw(path, file):
    """Draws a `RoutingPath` as PNG; open routes are as thick as their mean gate.

    Args:
        path: A `selene_tf.architectures.routing_path.RoutingPath`.
        file: Where the PNG goes, whole or not at all.
    """
    drawn = figure(path)
    file = pathlib.Path(file)
    temporary = file.with_name(f".{file.name}.part")
    try:
        drawn.savefig(temporary, dpi=120, format="png")
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)


def figure(path, scale=1.0):
    """Draws a `RoutingPath` as a matplotlib figure.

    Args:
        path: The `RoutingPath`.
        scale: Of the figure's size; its text and lines stay as large.
    """
    size = (2.5 + 0.75 * path.num_layers) * scale, 4.2 * scale
    drawn = Figure(figsize=size, layout="constrained")
    axes = drawn.subplots()
    for layer, level in topology.cells(path.num_layers):
        for route in topology.routes(layer, level, path.num_layers):
            _draw_route(axes, path, layer, level, route)
        _draw_cell(axes, path, layer, level)
    _label(axes, path)
    return drawn


def _draw_route(axes, path, layer, level, route):
    place = (layer, level, topology.ROUTES.index(route))
    to_layer, to_level = topology.target(layer, level, route)
    ends = [layer, to_layer], [level, to_level]
    if path.kept[place]:
        width = 0.8 + 3.2 * path.mean_gate[place]
        axes.plot(*ends, color=_OPEN, linewidth=width, zorder=2)
    elif route == "keep" and path.bypassed[layer, level]:
        axes.plot(*ends, color=_BYPASSED, linewidth=1.5, linestyle="--", zorder=2)
    else:
        axes.plot(*ends, color=_CLOSED, linewidth=0.8, linestyle=":", zorder=1)


def _draw_cell(axes, path, layer, level):
    computed = path.kept[layer, level].any()
    bypassed = path.bypassed[layer, level]
    colour = _OPEN if computed else _BYPASSED if bypassed else _CLOSED
    face = colour if computed else "white"
    axes.plot(
        layer, level, "o", markersize=10, color=colour, markerfacecolor=face, zorder=3
    )


def _label(axes, path):
    last = path.num_layers + 1
    axes.plot([last, last], [0, topology.NUM_LEVELS - 1], color="#0f766e", linewidth=6)
    axes.text(last + 0.2, 1.5, "decoder", rotation=90, va="center", color="#0f766e")
    axes.set_yticks(
        range(topology.NUM_LEVELS),
        [f"stride {topology.stride(level)}" for level in range(topology.NUM_LEVELS)],
    )
    axes.set_xticks(range(path.num_layers + 1))
    axes.set_xlabel("layer (0: behind the stem)")
    axes.set_xlim(-0.6, last + 0.7)
    axes.invert_yaxis()
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    height, width = path.metadata["image_size"]
    axes.set_title(
        f"{path.metadata['macs'] / 1e6:,.0f} of "
        f"{path.metadata['supernet_macs'] / 1e6:,.0f} "
        f"MMACs at {height}x{width}, {path.metadata['parameters']:,} of "
        f"{path.metadata['supernet_parameters']:,} parameters",
        fontsize=10,
    )
