"""Loading whatever kind of model a name means."""

import pathlib

from selene_tf.errors import UserError
from selene_tf.inference import onnx, run, saved_model, tflite


def load(name, num_threads=None, trust=False):
    """Loads a run's folder, a SavedModel's, a .tflite or an .onnx file.

    Args:
        name: str, name of the file or folder.
        num_threads: int, threads that a .tflite file runs on; None for LiteRT's choice.
        trust: bool, whether a SavedModel may hold operations that no export of
            selene_tf has; they may do anything on this machine.

    Returns:
        A `SegmentationModel`.

    Raises:
        UserError: if there is nothing of that name, or none of these.

    Example:
        >>> load("runs/nowhere")  # doctest: +ELLIPSIS
        Traceback (most recent call last):
        selene_tf.errors.UserError: --model: found nothing at 'runs/nowhere', ...
    """
    path = pathlib.Path(name)
    if not name or not path.exists():
        raise UserError(
            f"--model: found nothing at '{name}', expected a run's folder, a "
            "SavedModel, or a .tflite or .onnx file."
        )
    if path.suffix == ".tflite":
        return tflite.load(name, num_threads)
    if path.suffix == ".onnx":
        return onnx.load(name)
    if not path.is_dir():
        raise UserError(
            f"--model: '{name}' is a file of another kind, expected a run's folder, a "
            "SavedModel, or a .tflite or .onnx file."
        )
    return run.load(name) if run.is_run(name) else saved_model.load(name, trust)
