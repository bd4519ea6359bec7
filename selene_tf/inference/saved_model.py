"""Reading a SavedModel that was exported."""

import pathlib

import numpy as np
import tensorflow as tf

from selene_tf.errors import UserError
from selene_tf.inference.metadata import parse_metadata
from selene_tf.inference.model import ExportedModel
from selene_tf.training import run_folder

# Where TensorFlow leaves room for files of ours.
EXTRA_FILES = "assets.extra"


def load(folder):
    """Loads a SavedModel that `export.saved_model` wrote.

    Args:
        folder: The folder of all versions, of which the highest is taken, or that of
            one version.

    Returns:
        A `SavedModel`.

    Raises:
        UserError: if it holds none of ours, or a damaged one.
    """
    try:
        version = _find(pathlib.Path(folder))
        texts = (version / EXTRA_FILES).glob("*.json")
        metadata = parse_metadata(
            {file.name: file.read_text("utf-8") for file in texts}
        )
        signature = read_signature(version)
        inputs = set(signature.structured_input_signature[1])
        outputs = set(signature.structured_outputs)
    # A damaged one makes TensorFlow raise almost anything.
    except Exception as error:
        raise UserError(
            f"'{folder}' holds no readable SavedModel of ours ({type(error).__name__}: "
            f"{run_folder.reason(error)}); expected what export.saved_model writes."
        ) from None
    if inputs != {"image"} or outputs != {"labels", metadata["scores"]}:
        raise UserError(
            f"'{folder}' takes {sorted(inputs)} and gives {sorted(outputs)}; expected "
            f"what export.saved_model writes: image to labels and {metadata['scores']}."
        )
    return SavedModel(folder, metadata, signature)


class SavedModel(ExportedModel):
    """A SavedModel, run by TensorFlow.

    Args:
        name: str, its folder.
        metadata: dict, as `parse_metadata` returns it.
        signature: What `read_signature` returns.
    """

    def __init__(self, name, metadata, signature):
        super().__init__(name, metadata)
        self._signature = signature

    def compute_labels(self, images):
        return self._run(images)["labels"].numpy()

    def compute_logits(self, images):
        scores = self._run(images)[self.metadata["scores"]].numpy()
        if self.metadata["scores"] == "logits":
            return scores
        # But for a number that each pixel adds to all classes.
        return np.log(np.maximum(scores, np.finfo(np.float32).tiny))

    def _run(self, images):
        return self._signature(image=tf.constant(images))


def read_signature(folder):
    """Loads the function of a bare SavedModel.

    Args:
        folder: The folder of one version.

    Returns:
        TensorFlow's function of image=, to a dict of tensors.
    """
    model = tf.saved_model.load(str(folder))
    signature = model.signatures["serving_default"]
    # The signature lives only as long as the model that it came from.
    signature.model = model
    return signature


def versions(folder):
    """Numbers of the versions in a SavedModel's folder, a list."""
    names = [path.name for path in folder.iterdir() if path.is_dir()]
    return [int(name) for name in names if name.isascii() and name.isdecimal()]


def _find(folder):
    """The folder of the highest version, or the folder itself."""
    if (folder / "saved_model.pb").exists() or not folder.is_dir():
        return folder
    numbers = versions(folder)
    return folder / str(max(numbers)) if numbers else folder
