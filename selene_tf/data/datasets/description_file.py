"""Reads the file that describes a user's own data set: classes, colours, masks.

It is TOML or JSON with these keys; only the first must be there:

    class_names = ["road", "building"]
    # One for each class, for images of labels.
    colours = [[128, 64, 128], [70, 70, 70]]
    # The value in the mask files that means "no class".
    ignore_label = 255
    # What the values of grey and palette masks mean: the name or the id of a class,
    # or "ignore". Without it they are the class ids.
    label_map = { 7 = "road", 11 = 1, 0 = "ignore" }
    # What the colours of colour masks mean. Without it they are `colours`, and black
    # is no class unless it is the colour of one; without both, masks have no colours.
    mask_colours = { "128,64,128" = "road", "70,70,70" = 1, "0,0,0" = "ignore" }

    # Whether palette masks are read by their indices, or by the colours of these.
    masks = "ids"

A table is complete: other values and colours are refused, and every class has one.
"""

import contextlib
import difflib
import os
import re
from pathlib import Path

from selene_tf.data.datasets import dataset_info
from selene_tf.data.datasets.description_text import LONGEST_SHOWN, parse, shown
from selene_tf.data.files import label_map
from selene_tf.data.files.label_map import IGNORE_LABEL, LabelFormat
from selene_tf.errors import UserError

_KEYS = (
    *("class_names", "colours", "ignore_label", "label_map", "mask_colours"),
    "masks",
)
_KEYS_OF = {
    "label_map": "values of the masks from 0 to 255",
    "mask_colours": 'colours "red,green,blue" of 0 to 255',
}
_IGNORE = "ignore"


def find(data_dir, dataset_file):
    """Finds the file that describes a data set.

    Args:
        data_dir: Folder of the data.
        dataset_file: Path from the working folder or from `data_dir`; empty to look
            for dataset.toml or dataset.json in `data_dir`.

    Returns:
        Its path, or None if none is named and there is none.

    Raises:
        UserError: The named file does not exist, or the folder holds both.
    """
    if dataset_file:
        return _named_file(data_dir, dataset_file)
    paths = [Path(data_dir) / name for name in ("dataset.toml", "dataset.json")]
    # A link to nowhere counts: to pass it over in silence would train otherwise.
    files = [path for path in paths if os.path.lexists(path)]
    if len(files) > 1:
        raise UserError(
            f"{files[0]} and {files[1]} both describe the data set; expected one of "
            "them. Remove one, or name one with --dataset_file."
        )
    return files[0] if files else None


def read(path):
    """Reads the description of a user's own data set from a TOML or JSON file.

    Args:
        path: The file; its name ends in .toml or .json.

    Returns:
        A `dataset_info.DatasetInfo` with the name "folder".

    Raises:
        UserError: The file is missing, or it holds what would train wrongly.

    Example:
        >>> _ = Path("dataset.toml").write_text('class_names = ["road", "sky"]')
        >>> read("dataset.toml").labels.ids
        {0: 0, 1: 1, 255: 255}
    """
    content = parse(Path(path))
    with _naming(path):
        return _info(content)


def _named_file(data_dir, dataset_file):
    for path in (Path(dataset_file), Path(data_dir) / dataset_file):
        if os.path.isfile(path):
            return path
    raise UserError(
        f"--dataset_file: found no file '{dataset_file}', neither from the working "
        f"folder nor in '{data_dir}'; expected a .toml or .json file. Check the path."
    )


@contextlib.contextmanager
def _naming(place):
    """Says in front of a mistake where it is."""
    try:
        yield
    except UserError as error:
        raise UserError(f"{place}: {error}") from None


def _info(content):
    _check_keys(content)
    names = _class_names(content["class_names"])
    colours = dataset_info.own_colours(len(names))
    if "colours" in content:
        colours = _colours(content["colours"], names)
    ids = _ids(content, names)
    mask_colours = _mask_colours(content, names, colours)
    by_colour = _by_colour(content, mask_colours)
    labels = LabelFormat(ids, mask_colours, palettes_by_colour=by_colour)
    return dataset_info.DatasetInfo("folder", names, colours, labels)


def _by_colour(content, mask_colours):
    kind = content.get("masks", "ids")
    if kind not in ("ids", "colours"):
        raise _refusal("masks", kind, "'ids' or 'colours'")
    if kind == "colours" and not mask_colours:
        raise UserError(
            "masks: found 'colours' without colours or mask_colours, which say what "
            "they mean; add one of them."
        )
    return kind == "colours"


def _check_keys(content):
    if not isinstance(content, dict):
        raise _refusal("top level", content, "an object of keys and values")
    for key in content:
        if key not in _KEYS:
            unknown = f"found the unknown key {shown(key)}{_hint(key, _KEYS)}"
            raise UserError(f"{unknown}; expected {', '.join(_KEYS)}.")
    if "class_names" not in content:
        raise UserError("found no class_names, expected two or more; add the key.")


def _class_names(names):
    if not isinstance(names, list) or len(names) < 2:
        raise _refusal("class_names", names, "a list of two or more names")
    for position, name in enumerate(names):
        # A line break would tear tables and messages.
        if not isinstance(name, str) or not name.isprintable():
            raise _refusal(f"class_names[{position}]", name, "a name in one line")
    with _naming("class_names"):
        dataset_info.check_names(names)
    return tuple(names)


def _colours(colours, names):
    if not isinstance(colours, list) or len(colours) != len(names):
        expected = f"a list of {len(names)} colours, one for each class"
        raise _refusal("colours", colours, expected)
    valid = []
    for position, colour in enumerate(colours):
        place = f"colours[{position}]"
        values = colour if isinstance(colour, list) else []
        if len(values) != 3 or not all(_is_byte(value) for value in values):
            raise _refusal(place, colour, "[red, green, blue] of 0 to 255")
        if tuple(colour) in valid:
            other = f"another colour than class {valid.index(tuple(colour))} has"
            raise _refusal(place, colour, other)
        valid.append(tuple(colour))
    return tuple(valid)


def _ids(content, names):
    ignore_label = content.get("ignore_label", IGNORE_LABEL)
    if not _is_byte(ignore_label):
        raise _refusal("ignore_label", ignore_label, "a whole number from 0 to 255")
    if "label_map" not in content:
        with _naming("ignore_label"):
            return label_map.index(len(names), ignore_label).ids
    ids = _meanings("label_map", content["label_map"], names, _byte, "value")
    if "ignore_label" not in content and ignore_label in ids:
        return ids
    if ids.get(ignore_label, IGNORE_LABEL) != IGNORE_LABEL:
        raise UserError(
            f"label_map: found a class for {ignore_label}, which is the ignore_label; "
            "expected 'ignore', or set ignore_label to a value that is no class."
        )
    return ids | {ignore_label: IGNORE_LABEL}


def _mask_colours(content, names, colours):
    if "mask_colours" in content:
        entries = content["mask_colours"]
        return _meanings("mask_colours", entries, names, _colour, "colour")
    if "colours" not in content:
        return {}
    classes = {colour: class_id for class_id, colour in enumerate(colours)}
    return {(0, 0, 0): IGNORE_LABEL} | classes


def _meanings(key, entries, names, from_text, what):
    if not isinstance(entries, dict):
        raise _refusal(key, entries, f"a table from each {what} to its class")
    if _IGNORE in names:
        raise UserError(
            f"class_names: found '{_IGNORE}', which in {key} means no class; expected "
            "another name."
        )
    meanings = {}
    for text, meaning in entries.items():
        value = from_text(text)
        if value is None or value in meanings:
            raise _refusal(key, text, f"as keys {_KEYS_OF[key]}, each of them once")
        meanings[value] = _class_id(f"{key}: {shown(text)}", meaning, names)
    for number, name in enumerate(names):
        if number not in meanings.values():
            raise UserError(
                f"{key}: found no {what} of class {number}, '{name}', which could "
                "never be learnt; expected one or more. Add it, or remove the class."
            )
    return meanings


def _class_id(place, meaning, names):
    if meaning == _IGNORE:
        return IGNORE_LABEL
    if isinstance(meaning, str) and meaning in names:
        return names.index(meaning)
    if _is_byte(meaning) and meaning < len(names):
        return meaning
    expected = f"a name of class_names, an id from 0 to {len(names) - 1} or '{_IGNORE}'"
    raise _refusal(place, meaning, expected, _hint(meaning, (*names, _IGNORE)))


def _is_byte(value):
    """`True` is an int in Python, but no number in a file."""
    return type(value) is int and 0 <= value <= 255


def _byte(text):
    text = text.strip()
    if re.fullmatch("[0-9]{1,3}", text) and int(text) <= 255:
        return int(text)
    return None


def _colour(text):
    colour = tuple(_byte(part) for part in text.split(","))
    return colour if len(colour) == 3 and None not in colour else None


def _refusal(place, value, expected, hint=""):
    kind = type(value).__name__
    return UserError(
        f"{place}: found {shown(value)} of type {kind}{hint}; expected {expected}."
    )


def _hint(name, known):
    # Only short names: the search takes seconds for a text of a million letters.
    if isinstance(name, str) and len(name) <= LONGEST_SHOWN:
        matches = difflib.get_close_matches(name, known, n=1)
        return f" (did you mean '{matches[0]}'?)" if matches else ""
    return ""
