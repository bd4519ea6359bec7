"""Drawing a searched decoder: its blocks, their operations, and what they read."""

import os
import pathlib

from matplotlib.figure import Figure

from selene_tf.architectures import auxiliary_cells, templates
from selene_tf.architectures.auxiliary_cells import AuxiliaryCellsArchitecture
from selene_tf.architectures.compact_operations import CELL_OPERATIONS

_ENCODER, _BLOCK, _HEAD = "#64748b", "#c2410c", "#0f766e"


def draw(architecture, file):
    """Draws an architecture as PNG: strides downwards, blocks from left to right.

    Args:
        architecture: An `AuxiliaryCellsArchitecture` or a `TemplatesArchitecture`.
        file: Where the PNG goes, whole or not at all.
    """
    file = pathlib.Path(file)
    temporary = file.with_name(f".{file.name}.part")
    try:
        figure(architecture).savefig(temporary, dpi=110, format="png")
        os.replace(temporary, file)
    finally:
        temporary.unlink(missing_ok=True)


def figure(architecture):
    """The same as a matplotlib figure."""
    if isinstance(architecture, AuxiliaryCellsArchitecture):
        parts = _of_cells(architecture)
    else:
        parts = _of_templates(architecture)
    strides, texts, edges, collected, title = parts
    levels = sorted({*strides, 4})
    drawn = Figure(
        figsize=(2 + 1.5 * len(strides), 1.6 + 1.1 * len(levels)), layout="constrained"
    )
    axes = drawn.subplots()
    places = [(n, levels.index(stride)) for n, stride in enumerate(strides)]
    output = levels.index(min(strides[number] for number in collected))
    head = len(strides) + 0.3, output
    for source, target in edges:
        _arrow(axes, places[source], places[target])
    for number in collected:
        _arrow(axes, places[number], head)
    for place, (text, is_encoder) in zip(places, texts, strict=True):
        _box(axes, place, text, _ENCODER if is_encoder else _BLOCK)
    _box(axes, head, "head", _HEAD)
    axes.set_yticks(range(len(levels)), [f"stride {stride}" for stride in levels])
    axes.set_xticks([])
    axes.set_xlim(-0.7, head[0] + 0.7)
    axes.set_ylim(len(levels) - 0.4, -0.7)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    axes.set_title(title, fontsize=9)
    return drawn


def _of_cells(architecture):
    pool = auxiliary_cells.pool(architecture)
    texts = [(f"encoder\n{tap.stride}", True) for tap in pool[:4]]
    texts += [(f"block {n}\n2 cells", False) for n in range(len(pool) - 4)]
    edges = [
        (source, 4 + block)
        for block, pair in enumerate(architecture.connections)
        for source in dict.fromkeys(pair)
    ]
    first, *layers = architecture.cell
    described = [f"1: {CELL_OPERATIONS[first]}"]
    for number, (one, other, left, right) in enumerate(layers):
        described.append(
            f"{4 + 3 * number}: {CELL_OPERATIONS[left]}({one}) + "
            f"{CELL_OPERATIONS[right]}({other})"
        )
    loose = " + ".join(map(str, auxiliary_cells.loose_nodes(architecture.cell)))
    title = f"cell: {'; '.join(described)}; gives {loose}"
    collected = auxiliary_cells.collected_blocks(architecture.connections)
    return [own.stride for own in pool], texts, edges, collected, title


def _of_templates(architecture):
    applied, pool = templates.applications(architecture)
    texts = [(f"encoder\n{tap.stride}", True) for tap in pool[: templates.NUM_TAPS]]
    edges = []
    for block, row in enumerate(architecture.structure):
        own = [one for one in applied if one.block == block]
        names = "\n".join(own[0].operations)
        texts.append((f"{names}\n{own[0].aggregation} x{len(own)}", False))
        edges += [
            (source, templates.NUM_TAPS + block) for source in dict.fromkeys(row[:2])
        ]
    collected = templates.collected_blocks(architecture.structure)
    title = "each block: two operations, what joins them, how often it is applied"
    return [own.stride for own in pool], texts, edges, collected, title


def _arrow(axes, source, target):
    axes.annotate(
        "",
        target,
        source,
        arrowprops={
            "arrowstyle": "->",
            "color": "#9ca3af",
            "shrinkA": 22,
            "shrinkB": 26,
            "connectionstyle": "arc3,rad=-0.15",
        },
        zorder=1,
    )


def _box(axes, place, text, colour):
    axes.text(
        *place,
        text,
        ha="center",
        va="center",
        fontsize=7,
        color="white",
        bbox={"boxstyle": "round", "facecolor": colour, "edgecolor": "none"},
        zorder=3,
    )
