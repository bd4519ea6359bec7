"""What an exported network says of itself, and the files that say it."""

import json

from selene_tf.export import model_card
from selene_tf.inference.model import SegmentationModel


def _is_list(value, lengths, of):
    return isinstance(value, list) and len(value) in lengths and all(map(of, value))


def _is_colour(value):
    return _is_list(value, (3,), lambda part: type(part) is int and 0 <= part <= 255)


# Without these a network cannot be used.
_NEEDED = {
    "class_names": lambda value: _is_list(
        value, range(2, 256), lambda name: isinstance(name, str)
    ),
    "colours": lambda value: _is_list(value, range(2, 256), _is_colour),
    "size": lambda value: (
        value is None
        or _is_list(value, (2,), lambda side: type(side) is int and side > 0)
    ),
    "scores": lambda value: value in ("logits", "probabilities"),
    "format": lambda value: value in ("saved_model", "tflite", "onnx"),
    "quantization": lambda value: isinstance(value, str),
}


def complete_metadata(metadata, kind, size, scores="logits", quantization="none"):
    """The metadata of a run's network with those of what it is exported as.

    Args:
        metadata: Those of the network, a dict of JSON values.
        kind: "saved_model", "tflite" or "onnx".
        size: Height and width in pixels that it takes; None for any.
        scores: "logits" or "probabilities".
        quantization: "none", "float16", "dynamic" or "int8".
    """
    return {
        **metadata,
        "format": kind,
        "size": None if size is None else [int(length) for length in size],
        "scores": scores,
        "quantization": quantization,
    }


def metadata_files(metadata):
    """The texts that travel with an exported network, by their file names."""
    texts = {
        "classes.json": json.dumps(list(metadata["class_names"])) + "\n",
        "labels.txt": "".join(f"{name}\n" for name in metadata["class_names"]),
        "metadata.json": json.dumps(metadata, indent=2, allow_nan=False) + "\n",
        "MODEL_CARD.md": model_card.card(metadata),
    }
    if metadata["licence"]:
        texts["LICENSE.txt"] = metadata["licence"].rstrip("\n") + "\n"
    return texts


def metadata_text(texts):
    """The text of metadata.json among those of an export.

    Args:
        texts: File name to text; files of version 0.1 call it facts.json.

    Raises:
        KeyError: if it is not there.
    """
    return texts["metadata.json" if "metadata.json" in texts else "facts.json"]


def parse_metadata(text):
    """Reads metadata.json.

    Raises:
        ValueError: if it is none.
    """
    metadata = json.loads(text)
    if not isinstance(metadata, dict):
        raise ValueError("metadata.json holds no names and values")
    for name, is_right in _NEEDED.items():
        if name not in metadata or not is_right(metadata[name]):
            raise ValueError(f"{name} is missing in metadata.json, or wrong")
    if len(metadata["colours"]) != len(metadata["class_names"]):
        raise ValueError("metadata.json has other colours than classes")
    return metadata


def model_from_metadata(name, metadata, compute_labels, compute_logits):
    """The `SegmentationModel` of an exported network.

    Args:
        name: The folder or file, as the user wrote it.
        metadata: What `complete` gave.
        compute_labels: As in `SegmentationModel`.
        compute_logits: Likewise.
    """
    size = metadata["size"]
    return SegmentationModel(
        name=str(name),
        kind=metadata["format"],
        class_names=tuple(metadata["class_names"]),
        colours=tuple(tuple(colour) for colour in metadata["colours"]),
        size=None if size is None else tuple(size),
        compute_labels=compute_labels,
        compute_logits=compute_logits,
        metadata=metadata,
    )
