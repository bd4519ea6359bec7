"""Loading of the official DynamicRouting weights."""

import dataclasses
import pathlib
import re

import numpy as np

from selene_tf.errors import UserError
from selene_tf.layers.normalize import ColourNormalization
from selene_tf.pretrained import npz, torch_checkpoint
from selene_tf.pretrained.load_report import LoadReport, few
from selene_tf.pretrained.safe_unpickle import RefusalError
from selene_tf.pretrained.state_dict_names import (
    in_our_layout,
    official_names,
    official_shape,
)

# What the official network was trained with; red, green, blue, though its
# channels go in the other way round.
OFFICIAL_COLOURS = ColourNormalization(
    (123.675, 116.28, 103.53), (1.0, 1.0, 1.0), "bgr"
)

_HEAD = "sem_seg_head."
_PREDICTOR = "sem_seg_head.predictor."
_STEM = "backbone.stem."
_BACKBONE_PARTS = ("stem", "all_cell_list", "init_layer")
# Layers of ours that the official network does not have.
_OWN_LAYERS = ("pooling", "drop_path")
# Buffers that say nothing: PyTorch's counters, and the ones of a network without
# gates.
_IGNORED = ("num_batches_tracked", "gate_weights_beta")
# It tells the channels, and no file lacks it.
_FIRST_CELL = "backbone.init_layer.cell_ops._ops.0.op.0.weight"


@dataclasses.dataclass(frozen=True)
class _Place:
    """A variable of the network, and how the official array maps to it."""

    variable: object
    kind: str

    @property
    def shape(self):
        """The official array's."""
        return official_shape(tuple(self.variable.shape), self.kind)


def load_dynamic_routing(network, path, encoder_only=False, other_classes=False):
    """Loads official DynamicRouting weights into a network.

    The network then takes RGB images as before, and subtracts the official mean
    and turns the channels round itself. A function that was traced before keeps
    the old normalisation: load before the network is first run or trained.

    Variables of layers that the official network does not have, whose names start
    with "pooling" or "drop_path", are always left.

    Args:
        network: A supernet of any variant. It is unchanged if the file is refused.
        path: A `.pth` of the official code, or an `.npz` of arrays with the same
            names; if some of these start with "sd/", the others are ignored.
        encoder_only: Leaves the decoder and the predictor, and the stem if the
            file has none; names may lack "backbone.", and foreign ones, such as
            an ImageNet classifier's, are allowed.
        other_classes: Leaves the predictor if the file's has other classes.

    Returns:
        A `LoadReport`.

    Raises:
        UserError: if the file cannot be read, is of another network, or holds
            numbers that are not finite.
        ValueError: if the network is none of `dynamic_routing.build`.
    """
    places = _places(network)
    normalize = network.get_layer("normalize")
    entries = _read(pathlib.Path(path))
    if encoder_only:
        entries = _with_backbone(entries)
    try:
        _check_cells(places, entries)
        wanted = _wanted(places, entries, encoder_only, other_classes)
        _check_names(places, entries, wanted, encoder_only)
        _check_arrays(places, entries, wanted)
        values = {key: _value(key, entries[key], places[key]) for key in wanted}
    except RefusalError as error:
        raise UserError(f"{path}: {error}") from None
    for key, value in values.items():
        places[key].variable.assign(value)
    normalize.mean = OFFICIAL_COLOURS.mean
    normalize.standard_deviation = OFFICIAL_COLOURS.deviation
    normalize.colour_order = OFFICIAL_COLOURS.order
    return _report(network, path, places, entries, wanted)


def _places(network):
    """Official key -> place, for all that the official network has too."""
    paths = [variable.path for variable in network.weights]
    cells = [re.match(r"cell_(\d+)_s\d+/", path) for path in paths]
    layers = [int(cell[1]) for cell in cells if cell]
    names = official_names(max(layers, default=0))
    foreign = [p for p in paths if p not in names and not p.startswith(_OWN_LAYERS)]
    if foreign or not layers:
        raise ValueError(
            "expected a network of dynamic_routing.build, found one with the "
            f"variables {few(foreign)}."
        )
    variables = {v.path: v for v in network.weights if v.path in names}
    return {
        key: _Place(variables[path], kind)
        for path, (key, kind) in names.items()
        if path in variables
    }


def _num_layers(keys):
    """Layers of cells behind the first one."""
    matches = [re.match(r"backbone\.all_cell_list\.(\d{1,6})\.", key) for key in keys]
    return max((int(match[1]) + 1 for match in matches if match), default=0)


def _read(path):
    reader = npz if path.suffix == ".npz" else torch_checkpoint
    arrays = reader.read(path)
    return {name: a for name, a in arrays.items() if not name.endswith(_IGNORED)}


def _with_backbone(entries):
    if any(key.startswith("backbone.") for key in entries):
        return entries
    return {
        f"backbone.{key}" if key.split(".")[0] in _BACKBONE_PARTS else key: array
        for key, array in entries.items()
    }


def _check_cells(places, entries):
    expected, num_layers = _num_layers(places), _num_layers(entries)
    if not num_layers:
        raise RefusalError(
            f"found none of the official network's cells, but {few(entries)}; "
            "expected names like 'backbone.all_cell_list.0.0...' (encoder_only=True "
            "or --init_encoder_only takes them without 'backbone.')."
        )
    if num_layers != expected:
        raise RefusalError(
            f"found a network of {num_layers} layers, expected {expected}; build the "
            f"network with num_layers={num_layers} (--num_layers={num_layers})."
        )
    hint = " (--channels)"
    _check_size(places, entries, _FIRST_CELL, ("channels", "channels"), hint)


def _check_size(places, entries, key, names, hint):
    if key not in entries or key not in places:
        return
    (expected, *_), shape = places[key].shape, entries[key].shape
    if shape[:1] != (expected,):
        size, (noun, argument) = (shape or (1,))[0], names
        raise RefusalError(
            f"found a network of {size} {noun}, expected {expected}; build the "
            f"network with {argument}={size}{hint}."
        )


def _wanted(places, entries, encoder_only, other_classes):
    """Keys of the places that the file has to fill."""
    left = ()
    if encoder_only:
        has_stem = any(key.startswith(_STEM) for key in entries)
        left = (_HEAD,) if has_stem else (_HEAD, _STEM)
    elif other_classes and _classes_differ(places, entries):
        left = (_PREDICTOR,)
    else:
        hint = (
            ", or load all but the predictor with other_classes=True "
            "(--init_other_classes)"
        )
        names = ("classes", "num_classes")
        _check_size(places, entries, f"{_PREDICTOR}bias", names, hint)
    return [key for key in places if not key.startswith(left)]


def _classes_differ(places, entries):
    key = f"{_PREDICTOR}bias"
    return key in entries and entries[key].shape != places[key].shape


def _check_names(places, entries, wanted, encoder_only):
    missing = [key for key in wanted if key not in entries]
    if missing:
        raise RefusalError(
            f"found no {few(missing)}, expected all of the network's {len(wanted)} "
            f"arrays; give a whole checkpoint{_hint(missing, encoder_only)}."
        )
    # An encoder's file may hold another head, but nothing else of a backbone.
    unused = [
        key
        for key in entries
        if key not in places and not (encoder_only and not key.startswith("backbone."))
    ]
    if unused:
        raise RefusalError(
            f"found {few(unused)}, for which the network has no place, expected the "
            "official network's names; give its weights alone, to a network of the "
            "same kind (with gates if it has them)."
        )


def _hint(missing, encoder_only):
    is_encoder = all(key.startswith((_HEAD, _STEM)) for key in missing)
    if is_encoder and not encoder_only:
        return ", or load an encoder's with encoder_only=True (--init_encoder_only)"
    return ""


def _check_arrays(places, entries, wanted):
    for key in wanted:
        shape, expected = entries[key].shape, places[key].shape
        if shape != expected:
            raise RefusalError(
                f"found {key} of shape {shape}, expected {expected}; give the weights "
                "of a network like this one."
            )
        if entries[key].dtype.kind != "f":
            raise RefusalError(
                f"found {key} of type {entries[key].dtype}, expected floating point; "
                "give the weights as they were trained."
            )


def _value(key, entry, place):
    with np.errstate(over="ignore", invalid="ignore"):
        value = in_our_layout(entry, place.kind).astype("float32")
    if not np.isfinite(value).all():
        raise RefusalError(
            f"found {key} with numbers that are not finite, expected finite ones; "
            "give a checkpoint from before the training diverged."
        )
    return value


def _report(network, path, places, entries, wanted):
    loaded = [places[key].variable.path for key in wanted]
    reshaped = {
        key: (places[key].shape, tuple(places[key].variable.shape))
        for key in wanted
        if places[key].kind != "vector"
    }
    paths = [variable.path for variable in network.weights]
    return LoadReport(
        path=str(path),
        loaded=tuple(loaded),
        left=tuple(sorted(set(paths) - set(loaded), key=paths.index)),
        unused=tuple(key for key in entries if key not in set(wanted)),
        reshaped=reshaped,
    )
