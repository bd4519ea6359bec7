"""Paths through the search space: the routes that a pruned network keeps."""

import dataclasses
import json
import pathlib

import numpy as np

from selene_tf.architectures import path_json, topology
from selene_tf.errors import UserError

VERSION = 4
# What version 3 called them.
_NAMES_OF_VERSION_3 = {
    "pictures": "images",
    "picture_size": "image_size",
    "passes_input": "bypassed",
}
# Of the network's `RoutingArchitecture`, which also has the number of layers.
ARCHITECTURE_FIELDS = ("num_classes", "channels", "small_gate", "gated", "pooling")
METADATA = {
    *ARCHITECTURE_FIELDS,
    *("images", "image_size", "rule", "counts_gates"),
    *("macs", "parameters", "supernet_macs", "supernet_parameters"),
}
_COMMAND = "python -m selene_tf.discover_path --run_dir=..."
_MAX_BYTES = 50_000_000
_CELL = {"name", "layer", "level", "stride", "computed", "bypassed"}
_ROUTE = {"open", "mean_gate", "open_share"}


# Arrays have no single truth value, so that two paths are equal if they are one.
@dataclasses.dataclass(frozen=True, eq=False)
class RoutingPath:
    """A path through the search space: the routes that a pruned network keeps.

    Attributes:
        kept: Bool (num_layers + 1, 4, 3), routes (keep, up, down) that stay.
        bypassed: Bool (num_layers + 1, 4), cells that are not computed and pass
            their input on to the same level.
        mean_gate: Float (num_layers + 1, 4, 3), mean gate over the images.
        open_share: Likewise, share of the images that open the route.
        metadata: Plain values that travel along, by the names in `METADATA`: the
            network's architecture; "images", how many were looked at; "image_size",
            height and width in pixels that "macs" and "supernet_macs" hold for;
            "rule", by which routes were chosen, such as "threshold=0.5" or
            "keep<=0.5"; costs, of which "counts_gates" says whether the path's gates
            are among them.

    Example:
        >>> kept = topology.all_routes(num_layers=3)
        >>> bypassed = np.zeros(kept.shape[:2], bool)
        >>> path = RoutingPath(kept, bypassed, 0.5 * kept, 1.0 * kept, metadata={})
        >>> path.num_layers, int(path.kept.sum())
        (3, 19)
    """

    kept: np.ndarray
    bypassed: np.ndarray
    mean_gate: np.ndarray
    open_share: np.ndarray
    metadata: dict

    @property
    def num_layers(self):
        return len(self.kept) - 1

    def is_within(self, other):
        """Whether this path is a part of another one."""
        flows = other.kept.copy()
        flows[..., 0] |= other.bypassed
        beyond = (self.kept & ~other.kept).any()
        return not (beyond or (self.bypassed & ~flows[..., 0]).any())

    def has_same_routes(self, other):
        """Whether both paths make the same network."""
        return self.num_layers == other.num_layers and bool(
            (self.kept == other.kept).all() and (self.bypassed == other.bypassed).all()
        )


def check_fits(path, architecture, file):
    """Checks that a path belongs to a network's architecture.

    Args:
        path: A `RoutingPath`.
        architecture: The network's `RoutingArchitecture`.
        file: Where the path comes from, for the message.

    Raises:
        UserError: They differ; it names the first fact that does.
    """
    values = {"num_layers": path.num_layers, **path.metadata}
    for name in ("num_layers", *ARCHITECTURE_FIELDS):
        wanted = getattr(architecture, name)
        if values[name] != wanted:
            raise UserError(
                f"{file}: found a path of a network with {name}={values[name]}, but "
                f"this network has {name}={wanted}; expected a path of the same "
                f"network, as {_COMMAND} finds it."
            )


def to_json(path):
    """Converts a path to the content of path.json."""
    return {
        "version": VERSION,
        "num_layers": path.num_layers,
        **path.metadata,
        "cells": [
            _cell_to_json(path, layer, level)
            for layer, level in topology.cells(path.num_layers)
        ],
    }


def read(file):
    """Reads path.json and validates all of it.

    Args:
        file: The file.

    Returns:
        A `RoutingPath`, which is connected.

    Raises:
        UserError: It is missing, damaged, of another version, or no path that a
            network could be built from.
    """
    try:
        content = _parse(pathlib.Path(file))
        version = content.get("version") if isinstance(content, dict) else None
        if version == 3:
            version, content = VERSION, _from_version_3(content)
        if version is not None and version != VERSION:
            raise UserError(
                f"{file}: found version {path_json.short(version)}, expected "
                f"{VERSION}; another release of selene_tf wrote it, make a new one: "
                f"{_COMMAND}"
            )
        return _from_json(content)
    except UserError:
        raise
    except RecursionError:
        problem = "brackets within brackets"
    except OSError as error:
        problem = error.strerror
    except UnicodeError:
        problem = "bytes that are no text"
    except ValueError as error:
        problem = error
    raise UserError(
        f"{file}: found no readable path ({problem}); expected a path.json as train.py "
        f"writes it, or {_COMMAND}"
    )


def _from_version_3(content):
    """The same with today's names; what is not as it should be stays so."""
    content = _renamed(content) | {"version": VERSION}
    if isinstance(content.get("cells"), list):
        content["cells"] = [_renamed(cell) for cell in content["cells"]]
    return content


def _renamed(content):
    if not isinstance(content, dict):
        return content
    return {_NAMES_OF_VERSION_3.get(key, key): content[key] for key in content}


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
        "bypassed": bool(path.bypassed[layer, level]),
        "routes": routes,
    }


def _parse(file):
    if not file.is_file():
        raise ValueError("a folder" if file.is_dir() else "no such file")
    if file.stat().st_size > _MAX_BYTES:
        raise ValueError(f"more than {_MAX_BYTES:,} bytes")
    return json.loads(
        file.read_text(encoding="utf-8"),
        object_pairs_hook=_without_duplicates,
        parse_constant=_refuse_constant,
    )


def _without_duplicates(pairs):
    content = {}
    for name, value in pairs:
        if name in content:
            raise ValueError(f"{path_json.short(name)} is there twice")
        content[name] = value
    return content


def _refuse_constant(name):
    raise ValueError(f"{name} is no number")


def _from_json(content):
    path_json.check(content, {"version", "num_layers", "cells", *METADATA}, "the file")
    metadata = {name: value for name, value in content.items() if name in METADATA}
    for name in ("macs", "parameters"):
        if metadata[name] > metadata[f"supernet_{name}"]:
            raise ValueError(f"{name} is more than supernet_{name}")
    num_layers = content["num_layers"]
    places, cells = topology.cells(num_layers), content["cells"]
    if len(cells) != len(places):
        raise ValueError(f"{len(cells)} cells are not those of {num_layers} layers")
    shape = (num_layers + 1, topology.NUM_LEVELS)
    path = RoutingPath(
        kept=np.zeros((*shape, 3), bool),
        bypassed=np.zeros(shape, bool),
        mean_gate=np.zeros((*shape, 3)),
        open_share=np.zeros((*shape, 3)),
        metadata=metadata,
    )
    for place, cell in zip(places, cells, strict=True):
        _fill_cell(path, place, cell)
    _check_connected(path)
    return path


def _fill_cell(path, place, cell):
    name, routes = topology.cell_name(*place), topology.routes(*place, path.num_layers)
    path_json.check(cell, {*_CELL, "routes"}, name)
    if cell["routes"].keys() != set(routes):
        raise ValueError(f"{name}: the routes are not {', '.join(routes)}")
    for route in routes:
        values, at = cell["routes"][route], (*place, topology.ROUTES.index(route))
        path_json.check(values, _ROUTE, f"{name}, {route}")
        path.kept[at] = values["open"]
        path.mean_gate[at] = values["mean_gate"]
        path.open_share[at] = values["open_share"]
    path.bypassed[place] = cell["bypassed"]
    if path.bypassed[place] and path.kept[place].any():
        raise ValueError(f"{name} has open routes and passes its input on")
    # The rest follows from the place and the routes.
    for key, value in _cell_to_json(path, *place).items():
        if key != "routes" and cell[key] != value:
            raise ValueError(
                f"{name}: {key} is {path_json.short(cell[key])}, not {value}"
            )


def _check_connected(path):
    kept, bypassed = topology.connected(path.kept, path.bypassed)
    lost = (kept != path.kept).any(axis=-1) | (bypassed != path.bypassed)
    if lost.any():
        name = topology.cell_name(*np.argwhere(lost)[0].tolist())
        raise ValueError(f"{name} has routes on no way from the stem to the decoder")
    if not kept.any():
        raise ValueError("no route is open")
