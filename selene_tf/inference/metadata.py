"""Reading the metadata of an exported network."""

import json


def _is_list(value, lengths, of):
    return isinstance(value, list) and len(value) in lengths and all(map(of, value))


def _is_colour(value):
    return _is_list(value, (3,), lambda part: type(part) is int and 0 <= part <= 255)


def _is_name(value):
    """A class name that can be shown: no control characters, and not without end."""
    return isinstance(value, str) and value.isprintable() and len(value) <= _MAX_NAME


def _is_size(value):
    return _is_list(value, (2,), lambda side: type(side) is int and 0 < side <= 2**16)


_MAX_NAME = 1000
# Without these a network cannot be used.
_NEEDED = {
    "class_names": lambda value: _is_list(value, range(2, 256), _is_name),
    "colours": lambda value: _is_list(value, range(2, 256), _is_colour),
    "size": lambda value: value is None or _is_size(value),
    "scores": lambda value: value in ("logits", "probabilities", None),
    "format": lambda value: value in ("saved_model", "tflite", "onnx"),
    "quantization": lambda value: isinstance(value, str),
}


_OUTPUTS = ("labels", "logits", "probabilities")
# What exports of earlier versions lack.
_OPTIONAL = {
    "outputs": lambda value: (
        _is_list(value, range(1, 4), _OUTPUTS.__contains__) and value[0] == "labels"
    ),
    "mask_values": lambda value: _is_list(
        value, range(2, 256), lambda part: type(part) is int and 0 <= part <= 255
    ),
    "mask_palette": lambda value: (
        value is None or _is_list(value, range(2, 256), _is_colour)
    ),
    "image_size": lambda value: value is None or _is_size(value),
    "structure": lambda value: (
        isinstance(value, dict)
        and type(value.get("channels", 1)) is int
        and 0 < value.get("channels", 1) <= 2**16
    ),
}


def _check_scores(metadata):
    """What is said of scores, twice, has to be one and the same."""
    outputs = metadata.get("outputs", ["labels", metadata["scores"]])
    of_outputs = [name for name in ("logits", "probabilities") if name in outputs]
    if metadata["scores"] != (of_outputs[0] if of_outputs else None) or (
        metadata["scores"] is None and "outputs" not in metadata
    ):
        raise ValueError("metadata.json gives other scores than outputs")


def parse_metadata(files):
    """Parses metadata.json among the files that travel with an exported network.

    Args:
        files: dict of file name to text. Networks of version 0.1 call it facts.json.

    Returns:
        Its content, a dict, with all that is needed to use the network.

    Raises:
        KeyError: if it is not there.
        ValueError: if it is damaged, or lacks something.
    """
    text = files["metadata.json" if "metadata.json" in files else "facts.json"]
    metadata = json.loads(text)
    if not isinstance(metadata, dict):
        raise ValueError("metadata.json holds no names and values")
    for name, is_right in _NEEDED.items():
        if name not in metadata or not is_right(metadata[name]):
            raise ValueError(f"{name} is missing in metadata.json, or wrong")
    for name, is_right in _OPTIONAL.items():
        if name in metadata and not is_right(metadata[name]):
            raise ValueError(f"{name} is wrong in metadata.json")
    _check_scores(metadata)
    for name in ("colours", "mask_values", "mask_palette"):
        if len(metadata.get(name) or metadata["class_names"]) != len(
            metadata["class_names"]
        ):
            raise ValueError(f"metadata.json has other {name} than classes")
    return metadata
