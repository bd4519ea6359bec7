"""Reading a SavedModel that was exported."""

import pathlib

import numpy as np
import tensorflow as tf

from selene_tf.errors import UserError
from selene_tf.inference import saved_model_check, saved_model_folder
from selene_tf.inference.metadata import parse_metadata
from selene_tf.inference.model import ExportedModel
from selene_tf.training import run_folder
from selene_tf.training.plain_path import plain_path


def load(folder, trust=False):
    """Loads a SavedModel that `export.saved_model` wrote.

    Args:
        folder: The folder of all versions, of which the highest is taken, or that of
            one version.
        trust: Whether it may hold operations that none of ours has, such as those that
            read and write files. See `saved_model_check`.

    Returns:
        A `SavedModel`.

    Raises:
        UserError: if it holds none of ours, or a damaged one.
    """
    try:
        version = saved_model_folder.find_version(pathlib.Path(folder))
        metadata = parse_metadata(saved_model_folder.read_texts(version))
        if not trust:
            saved_model_check.check(version)
        signature = read_signature(version)
        inputs = set(signature.structured_input_signature[1])
        outputs = set(signature.structured_outputs)
    except UserError:
        raise
    # A damaged one makes TensorFlow raise almost anything.
    except Exception as error:
        raise UserError(
            f"'{folder}' holds no readable SavedModel of ours ({type(error).__name__}: "
            f"{run_folder.reason(error)}); expected what export.saved_model writes."
        ) from None
    expected = metadata.get("outputs", ["labels", metadata["scores"]])
    if inputs != {"image"} or outputs != set(expected):
        raise UserError(
            f"'{folder}' takes {sorted(inputs)} and gives {sorted(outputs)}; expected "
            f"what export.saved_model writes: image to {' and '.join(expected)}."
        )
    _check_sizes(folder, signature, metadata)
    return SavedModel(folder, metadata, signature)


def _check_sizes(folder, signature, metadata):
    """Refuses metadata that do not belong to the graph."""
    image = signature.structured_input_signature[1]["image"].shape.as_list()
    size = metadata["size"] or [None, None]
    num_classes = len(metadata["class_names"])
    scores = [None, num_classes]
    # Of labels alone nothing tells the number of classes.
    if metadata["scores"]:
        scores = signature.structured_outputs[metadata["scores"]].shape.as_list()
    if image != [None, *size, 3] or scores[-1:] != [num_classes]:
        raise UserError(
            f"'{folder}' takes images of {image} and gives scores of {scores}, but its "
            f"metadata.json speaks of {num_classes} classes and images of "
            f"{metadata['size'] or 'any size'}; expected what export.saved_model "
            "writes, unchanged."
        )


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

    def signature(self, name):
        """Another function of it, by its name."""
        return self._signature.model.signatures[name]

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
    with plain_path(folder) as readable:
        model = tf.saved_model.load(str(readable))
    signature = model.signatures["serving_default"]
    # The signature lives only as long as the model that it came from.
    signature.model = model
    return signature
