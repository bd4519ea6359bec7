"""Reading what an exported file says of itself, without running it."""

import pathlib

from selene_tf.errors import UserError
from selene_tf.inference import onnx, saved_model_folder, tflite
from selene_tf.inference.metadata import parse_metadata
from selene_tf.training import run_folder


def read(name):
    """Reads the texts that travel with an exported network.

    Args:
        name: Name of a SavedModel's folder, a .tflite or an .onnx file.

    Returns:
        dict of "MODEL_CARD.md" and "metadata.json" to their texts; characters that
        would change a terminal are replaced.

    Raises:
        UserError: there is nothing of that name, or it is none of ours.
    """
    path = pathlib.Path(name)
    if not path.exists():
        raise UserError(
            f"--model: found nothing at '{name}', expected a SavedModel's folder, a "
            ".tflite or an .onnx file."
        )
    try:
        texts = _texts(path)
        parse_metadata(texts)
        # Version 0.1 called it facts.json.
        name = "metadata.json" if "metadata.json" in texts else "facts.json"
        card, metadata = texts["MODEL_CARD.md"], texts[name]
        return {
            "MODEL_CARD.md": _printable(card),
            "metadata.json": _printable(metadata),
        }
    except UserError:
        raise
    # Files of other programs raise almost anything.
    except Exception as error:
        raise UserError(
            f"--model: '{name}' says nothing of itself ({type(error).__name__}: "
            f"{run_folder.reason(error)}); expected what the commands of export/ write."
        ) from None


def _texts(path):
    if path.suffix == ".tflite":
        return tflite.read_files(path)
    if path.suffix == ".onnx":
        session = onnx.start_session(path.read_bytes())
        return session.get_modelmeta().custom_metadata_map
    return saved_model_folder.read_texts(saved_model_folder.find_version(path))


def _printable(text):
    return "".join(c if c.isprintable() or c == "\n" else "?" for c in text)
