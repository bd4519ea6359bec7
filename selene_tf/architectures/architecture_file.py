"""Reads and writes a searched architecture as a JSON file."""

import dataclasses
import json
import pathlib

from selene_tf.architectures import auxiliary_cells, mobilenet_v2, templates
from selene_tf.architectures.auxiliary_cells import AuxiliaryCellsArchitecture
from selene_tf.architectures.compact_operations import (
    AGGREGATIONS,
    CELL_OPERATIONS,
    TEMPLATE_OPERATIONS,
)
from selene_tf.architectures.path_json import short
from selene_tf.architectures.templates import TemplatesArchitecture
from selene_tf.errors import UserError

VERSION = 1
_MAX_BYTES = 100_000
_MAX_CHANNELS, _MAX_REPEATS = 1024, 8
_COMMON = {"version", "kind", "operations", "channels", "repeats"}
_OPTIONAL = {"first_block"}
_KINDS = ("auxiliary_cells", "templates")


def read(file, num_classes, **options):
    """Reads an architecture and checks all of it.

    Args:
        file: The JSON file, such as those of configs/architectures.
        num_classes: Number of classes.
        **options: Further fields of the architecture's dataclass.

    Returns:
        An `AuxiliaryCellsArchitecture` or a `TemplatesArchitecture`.

    Raises:
        UserError: it is missing, damaged, of another version, or no network could be
            built from it.
    """
    try:
        content = _parse(pathlib.Path(file))
        kind = _check_common(content)
        make = _auxiliary_cells if kind == "auxiliary_cells" else _templates
        architecture = make(content, num_classes)
    except OSError as error:
        problem = error.strerror
    except (ValueError, RecursionError) as error:
        problem = error
    else:
        known = {field.name for field in dataclasses.fields(architecture)}
        return dataclasses.replace(
            architecture, **{k: v for k, v in options.items() if k in known}
        )
    raise UserError(
        f"{file}: found no readable architecture ({problem}); expected a file such as "
        "configs/architectures/templates_arch0.json."
    )


def to_json(architecture):
    """Converts an architecture to what `read` takes."""
    shared = {
        "channels": architecture.channels,
        "repeats": architecture.repeats,
        "first_block": architecture.first_block,
    }
    if isinstance(architecture, AuxiliaryCellsArchitecture):
        return {
            "version": VERSION,
            "kind": "auxiliary_cells",
            "operations": list(CELL_OPERATIONS),
            "cell": [architecture.cell[0], *map(list, architecture.cell[1:])],
            "connections": list(map(list, architecture.connections)),
            **shared,
        }
    return {
        "version": VERSION,
        "kind": "templates",
        "operations": list(TEMPLATE_OPERATIONS),
        "aggregations": list(AGGREGATIONS),
        "templates": list(map(list, architecture.templates)),
        "structure": list(map(list, architecture.structure)),
        **shared,
    }


def _parse(path):
    if not path.is_file():
        raise ValueError("a folder" if path.is_dir() else "no such file")
    if path.stat().st_size > _MAX_BYTES:
        raise ValueError(f"more than {_MAX_BYTES:,} bytes")
    content = json.loads(path.read_text(encoding="utf-8"))
    if not isinstance(content, dict):
        raise ValueError(f"{short(content)} is no list of names and values")
    return content


def _check_common(content):
    """Checks what both kinds have; returns the kind."""
    if content.get("version") != VERSION:
        raise ValueError(f"version {short(content.get('version'))}, not {VERSION}")
    kind = content.get("kind")
    if kind not in _KINDS:
        raise ValueError(f"kind is {short(kind)}, not {' or '.join(_KINDS)}")
    own = {"cell", "connections"}
    if kind == "templates":
        own = {"aggregations", "templates", "structure"}
    for name in sorted((_COMMON | own) ^ content.keys()):
        if name not in _OPTIONAL:
            problem = "is missing" if name not in content else "is unknown"
            raise ValueError(f"{short(name)} {problem}")
    known = CELL_OPERATIONS if kind == "auxiliary_cells" else TEMPLATE_OPERATIONS
    if content["operations"] != list(known):
        raise ValueError("operations are not those that the numbers stand for")
    _check_number("channels", content["channels"], 1, _MAX_CHANNELS)
    _check_number("repeats", content["repeats"], 1, _MAX_REPEATS)
    first_block = content.get("first_block", "keras")
    if first_block not in mobilenet_v2.FIRST_BLOCKS:
        raise ValueError(f"first_block is {short(first_block)}")
    return kind


def _auxiliary_cells(content, num_classes):
    cell, layers = content["cell"], auxiliary_cells.NUM_LAYERS
    if not isinstance(cell, list) or len(cell) != 1 + layers:
        raise ValueError(f"cell is not an operation and {layers} layers")
    highest = len(CELL_OPERATIONS) - 1
    _check_number("the cell's first operation", cell[0], 0, highest)
    for number, layer in enumerate(cell[1:]):
        # Nodes so far: the input, the first operation, three of each layer.
        nodes = 1 + 3 * number
        _check_row(f"layer {number + 1}", layer, (nodes, nodes, highest, highest))
    connections, blocks = content["connections"], auxiliary_cells.NUM_BLOCKS
    _check_rows("connections", connections, blocks)
    for number, pair in enumerate(connections):
        _check_row(f"connection {number + 1}", pair, (3 + number, 3 + number))
    return AuxiliaryCellsArchitecture(
        num_classes,
        (cell[0], *map(tuple, cell[1:])),
        tuple(map(tuple, connections)),
        **_sizes(content),
    )


def _templates(content, num_classes):
    if content["aggregations"] != list(AGGREGATIONS):
        raise ValueError("aggregations are not those that the numbers stand for")
    _check_rows("templates", content["templates"], templates.NUM_TEMPLATES)
    highest = len(TEMPLATE_OPERATIONS) - 1
    for number, row in enumerate(content["templates"]):
        limits = (highest, highest, len(AGGREGATIONS) - 1)
        _check_row(f"template {number + 1}", row, limits)
    _check_rows("structure", content["structure"], templates.NUM_BLOCKS)
    for number, row in enumerate(content["structure"]):
        latest = templates.NUM_TAPS - 1 + number
        strided = 1 if number < templates.NUM_STRIDED else 0
        limits = (
            *(latest, latest, templates.NUM_TEMPLATES - 1),
            *(templates.MAX_REPEATS - 1, strided),
        )
        _check_row(f"block {number + 1}", row, limits)
    return TemplatesArchitecture(
        num_classes,
        tuple(map(tuple, content["templates"])),
        tuple(map(tuple, content["structure"])),
        **_sizes(content),
    )


def _sizes(content):
    return {
        "channels": content["channels"],
        "repeats": content["repeats"],
        "first_block": content.get("first_block", "keras"),
    }


def _check_rows(name, rows, count):
    if not isinstance(rows, list) or len(rows) != count:
        raise ValueError(f"{name} is not a list of {count}")


def _check_row(name, row, limits):
    if not isinstance(row, list) or len(row) != len(limits):
        raise ValueError(f"{name} is {short(row)}, not {len(limits)} numbers")
    for value, highest in zip(row, limits, strict=True):
        _check_number(name, value, 0, highest)


def _check_number(name, value, lowest, highest):
    if type(value) is not int or not lowest <= value <= highest:
        raise ValueError(f"{name} has {short(value)}, not {lowest} to {highest}")
