"""A discovered path as data: which routes of the search space stay open."""

import dataclasses
import json
import pathlib

import numpy as np

from selene_tf import topology
from selene_tf.errors import UserError

VERSION = 2
# The network's `Structure`, but for the number of layers.
STRUCTURE_FACTS = ("num_classes", "channels", "small_gate", "gated", "pooling")
FACTS = {
    *STRUCTURE_FACTS,
    *("pictures", "picture_size", "threshold"),
    *("macs", "parameters", "supernet_macs", "supernet_parameters"),
}
# More than any network has; a damaged number must not fill the memory.
_MAX_LAYERS = 1000


@dataclasses.dataclass(frozen=True)
class Path:
    """Routes that stay open, and what they were found from.

    Attributes:
        kept: Bool (num_layers + 1, 4, 3), routes (keep, up, down) that stay.
        passing: Bool (num_layers + 1, 4), cells that are not computed and pass
            their input on to the same level.
        mean_gate: Float (num_layers + 1, 4, 3), mean gate over the pictures.
        open_share: Likewise, share of the pictures that open the route.
        facts: Plain numbers that travel along, by the names in `FACTS`.
    """

    kept: np.ndarray
    passing: np.ndarray
    mean_gate: np.ndarray
    open_share: np.ndarray
    facts: dict

    @property
    def num_layers(self):
        return len(self.kept) - 1


def to_json(path):
    """The content of path.json: facts, then cell by cell what stays."""
    return {
        "version": VERSION,
        "num_layers": path.num_layers,
        **path.facts,
        "cells": [
            _cell_to_json(path, layer, level)
            for layer, level in topology.cells(path.num_layers)
        ],
    }


def read(file):
    """Reads path.json.

    Raises:
        UserError: if it is missing, damaged, or of another version.
    """
    try:
        content = json.loads(pathlib.Path(file).read_text(encoding="utf-8"))
        if content["version"] != VERSION:
            raise UserError(
                f"{file}: found version {content['version']}, expected {VERSION}; "
                "it was written by another release of selene_tf."
            )
        return _from_json(content)
    except UserError:
        raise
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise UserError(
            f"{file}: found no readable path ({type(error).__name__}: {error}); "
            "expected the path.json of a run."
        ) from None


def _cell_to_json(path, layer, level):
    routes = {}
    for route in topology.routes(layer, level, path.num_layers):
        place = (layer, level, topology.ROUTES.index(route))
        routes[route] = {
            "open": bool(path.kept[place]),
            "mean_gate": round(float(path.mean_gate[place]), 6),
            "open_share": round(float(path.open_share[place]), 6),
        }
    return {
        "name": topology.cell_name(layer, level),
        "layer": layer,
        "level": level,
        "stride": topology.stride(level),
        "computed": bool(path.kept[layer, level].any()),
        "passes_input": bool(path.passing[layer, level]),
        "routes": routes,
    }


def _from_json(content):
    num_layers = content["num_layers"]
    if not topology.MIN_LAYERS <= num_layers <= _MAX_LAYERS:
        raise ValueError(f"num_layers is {num_layers}")
    places = [(cell["layer"], cell["level"]) for cell in content["cells"]]
    if places != topology.cells(num_layers):
        raise ValueError(f"the cells are not those of {num_layers} layers")
    own = ("version", "num_layers", "cells")
    facts = {name: value for name, value in content.items() if name not in own}
    if facts.keys() != FACTS:
        raise ValueError(f"the facts differ by {sorted(facts.keys() ^ FACTS)}")
    shape = (num_layers + 1, topology.NUM_LEVELS)
    path = Path(
        kept=np.zeros((*shape, 3), bool),
        passing=np.zeros(shape, bool),
        mean_gate=np.zeros((*shape, 3)),
        open_share=np.zeros((*shape, 3)),
        facts=facts,
    )
    for cell in content["cells"]:
        _fill_cell(path, cell)
    return path


def _fill_cell(path, cell):
    place = cell["layer"], cell["level"]
    if set(cell["routes"]) != set(topology.routes(*place, path.num_layers)):
        raise ValueError(f"the routes of {topology.cell_name(*place)} are others")
    path.passing[place] = _checked(cell["passes_input"], bool)
    for route, values in cell["routes"].items():
        at = (*place, topology.ROUTES.index(route))
        path.kept[at] = _checked(values["open"], bool)
        path.mean_gate[at] = _checked(values["mean_gate"], float)
        path.open_share[at] = _checked(values["open_share"], float)


def _checked(value, kind):
    is_share = kind is bool or (isinstance(value, float) and 0 <= value <= 1)
    if not isinstance(value, kind) or not is_share:
        raise ValueError(f"found {value!r} for a {kind.__name__}")
    return value
