"""What an exported network says of itself, and the files that say it."""

import json

from selene_tf.export import model_card


def complete_metadata(
    metadata, kind, size, outputs=("labels", "logits"), quantization="none"
):
    """Adds to a network's metadata those of the form that it is exported in.

    Args:
        metadata: Those of the network, a dict of JSON values.
        kind: "saved_model", "tflite" or "onnx".
        size: Height and width in pixels that it takes; None for any.
        outputs: "labels", and "logits" or "probabilities" or both or none.
        quantization: "none", "float16", "dynamic" or "int8".

    Returns:
        A new dict.
    """
    scores = [name for name in ("logits", "probabilities") if name in outputs]
    return {
        **metadata,
        "format": kind,
        "size": None if size is None else [int(length) for length in size],
        "outputs": list(outputs),
        # Of both the logits are read; none where there are labels alone.
        "scores": scores[0] if scores else None,
        "quantization": quantization,
    }


def metadata_files(metadata):
    """Writes the texts that travel with an exported network.

    Args:
        metadata: What `complete_metadata` returned.

    Returns:
        dict of file name to text; `inference.metadata.parse_metadata` reads them.
    """
    texts = {
        "classes.json": json.dumps(list(metadata["class_names"])) + "\n",
        "labels.txt": "".join(f"{name}\n" for name in metadata["class_names"]),
        "metadata.json": json.dumps(metadata, indent=2, allow_nan=False) + "\n",
        "MODEL_CARD.md": model_card.card(metadata),
    }
    if metadata["licence"]:
        texts["LICENSE.txt"] = metadata["licence"].rstrip("\n") + "\n"
    return texts
