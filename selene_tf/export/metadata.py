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


def complete(facts, kind, size, scores="logits", quantization="none"):
    """The facts of a run's network with those of what it is exported as.

    Args:
        facts: Those of the network, a dict of JSON values.
        kind: "saved_model", "tflite" or "onnx".
        size: Height and width in pixels that it takes; None for any.
        scores: "logits" or "probabilities".
        quantization: "none", "float16", "dynamic" or "int8".
    """
    return {
        **facts,
        "format": kind,
        "size": None if size is None else [int(length) for length in size],
        "scores": scores,
        "quantization": quantization,
    }


def files(facts):
    """The texts that travel with an exported network, by their file names."""
    texts = {
        "classes.json": json.dumps(list(facts["class_names"])) + "\n",
        "labels.txt": "".join(f"{name}\n" for name in facts["class_names"]),
        "facts.json": json.dumps(facts, indent=2, allow_nan=False) + "\n",
        "MODEL_CARD.md": model_card.card(facts),
    }
    if facts["licence"]:
        texts["LICENSE.txt"] = facts["licence"].rstrip("\n") + "\n"
    return texts


def parse(text):
    """Reads facts.json.

    Raises:
        ValueError: if it is none.
    """
    facts = json.loads(text)
    if not isinstance(facts, dict):
        raise ValueError("facts.json holds no names and values")
    for name, is_right in _NEEDED.items():
        if name not in facts or not is_right(facts[name]):
            raise ValueError(f"{name} is missing in facts.json, or wrong")
    if len(facts["colours"]) != len(facts["class_names"]):
        raise ValueError("facts.json has other colours than classes")
    return facts


def model(name, facts, compute_labels, compute_logits):
    """The `SegmentationModel` of an exported network.

    Args:
        name: The folder or file, as the user wrote it.
        facts: What `complete` gave.
        compute_labels: As in `SegmentationModel`.
        compute_logits: Likewise.
    """
    size = facts["size"]
    return SegmentationModel(
        name=str(name),
        kind=facts["format"],
        class_names=tuple(facts["class_names"]),
        colours=tuple(tuple(colour) for colour in facts["colours"]),
        size=None if size is None else tuple(size),
        compute_labels=compute_labels,
        compute_logits=compute_logits,
        facts=facts,
    )
