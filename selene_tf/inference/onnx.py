"""Reading and running an ONNX file that was exported."""

import pathlib

from selene_tf.errors import UserError
from selene_tf.inference.metadata import parse_metadata
from selene_tf.inference.model import ExportedModel
from selene_tf.training import run_folder


def load(file):
    """Loads an ONNX file that `export.onnx` wrote.

    Args:
        file: The file.

    Returns:
        An `ONNXModel`.

    Raises:
        UserError: if it is none of ours or damaged, or ONNX Runtime is missing.
    """
    import_onnxruntime()
    try:
        session = start_session(pathlib.Path(file).read_bytes())
        metadata = parse_metadata(session.get_modelmeta().custom_metadata_map)
    # What ONNX Runtime raises for a damaged one is not written down.
    except Exception as error:
        raise UserError(
            f"'{file}' is no readable ONNX file of ours ({type(error).__name__}: "
            f"{run_folder.reason(error)}); expected what export.onnx writes."
        ) from None
    return ONNXModel(file, metadata, session)


class ONNXModel(ExportedModel):
    """An ONNX file, run by ONNX Runtime.

    Args:
        name: str, the file.
        metadata: dict, as `parse_metadata` returns it.
        session: What `start_session` returns.
    """

    def __init__(self, name, metadata, session):
        super().__init__(name, metadata)
        self._session = session

    def compute_labels(self, images):
        return self._session.run(["labels"], {"image": images})[0]

    def compute_logits(self, images):
        return self._session.run(["logits"], {"image": images})[0]


def start_session(content):
    """Starts ONNX Runtime on a model, bytes; returns its InferenceSession."""
    return import_onnxruntime().InferenceSession(
        content, providers=["CPUExecutionProvider"]
    )


def import_onnxruntime():
    """Imports ONNX Runtime.

    Raises:
        UserError: if it is not installed.
    """
    try:
        import onnxruntime
    except ImportError as error:
        raise missing_library(error) from None
    return onnxruntime


def missing_library(error):
    """A `UserError` for a library of the extra "onnx" that cannot be imported."""
    return UserError(
        f"ONNX files need tf2onnx and onnxruntime, which cannot be imported ({error}); "
        "pip install 'selene_tf[onnx]'."
    )
