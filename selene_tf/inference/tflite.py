"""Reading and running a TFLite file that was exported."""

import zipfile

import numpy as np

from selene_tf.cli import native_output
from selene_tf.errors import UserError
from selene_tf.inference.metadata import parse_metadata
from selene_tf.inference.model import ExportedModel
from selene_tf.training import run_folder

# A hundred times what the files in ours take.
_MAX_BYTES = 10_000_000


def load(file, num_threads=None):
    """Loads a TFLite file that `export.tflite` wrote.

    Args:
        file: The file.
        num_threads: int, threads of the interpreter; None for its own choice.

    Returns:
        A `TFLiteModel`.

    Raises:
        UserError: if it is none of ours or damaged, or the interpreter is missing.
    """
    interpreter_class()
    try:
        metadata = parse_metadata(read_files(file))
        runner = Runner(model_path=str(file), num_threads=num_threads)
    except zipfile.BadZipFile:
        _refuse(file, "nothing about its classes lies in it")
    # What the interpreter raises for a damaged one is not written down.
    except Exception as error:
        _refuse(file, f"{type(error).__name__}: {run_folder.reason(error)}")
    return TFLiteModel(file, metadata, runner)


class TFLiteModel(ExportedModel):
    """A TFLite file, run by LiteRT; the images of a batch go one after the other.

    Args:
        name: str, the file.
        metadata: dict, as `parse_metadata` returns it.
        runner: A `Runner`.
    """

    def __init__(self, name, metadata, runner):
        super().__init__(name, metadata)
        self._runner = runner

    def compute_labels(self, images):
        return np.concatenate([self._runner(image, "labels") for image in images])

    def compute_logits(self, images):
        return np.concatenate([self._runner(image, "logits") for image in images])


class Runner:
    """Runs a bare TFLite model on one image.

    Args:
        model_path: str, its file; or
        model_content: bytes, the model itself.
        num_threads: int, threads of the interpreter; None for its own choice.

    Raises:
        ValueError: if it is not a model from an image to labels and logits.
        UserError: if the interpreter is missing.
    """

    def __init__(self, model_path=None, model_content=None, num_threads=None):
        with native_output.suppressed():
            # The signature lives only as long as its interpreter.
            self._interpreter = interpreter_class()(
                model_path=model_path,
                model_content=model_content,
                num_threads=num_threads,
            )
            self._interpreter.allocate_tensors()
            self._signature = self._interpreter.get_signature_runner("serving_default")
        inputs = set(self._signature.get_input_details())
        outputs = set(self._signature.get_output_details())
        if (inputs, outputs) != ({"image"}, {"labels", "logits"}):
            raise ValueError(f"it takes {sorted(inputs)} and gives {sorted(outputs)}")

    def __call__(self, image, output):
        """Computes "labels" or "logits" of an image, uint8 (height, width, 3).

        Returns:
            That output, of a batch of one.
        """
        return self._signature(image=image[None])[output]

    def input_quantization(self):
        """(dtype, scale, zero point) of "image"; scale 0 where it is not quantized."""
        details = self._signature.get_input_details()["image"]
        return details["dtype"], *details["quantization"]


def interpreter_class():
    """Imports LiteRT's Interpreter.

    Raises:
        UserError: if it is not installed.
    """
    try:
        from ai_edge_litert.interpreter import Interpreter
    except ImportError as error:
        raise UserError(
            f"TFLite files need ai-edge-litert, which cannot be imported ({error}); "
            "pip install 'selene_tf[litert]'."
        ) from None
    return Interpreter


def read_files(path):
    """Reads the files inside a TFLite file, {name: text}.

    Raises:
        zipfile.BadZipFile: if there are none.
        ValueError: if they would fill the memory.
        OSError: if it cannot be read.
    """
    with zipfile.ZipFile(path) as archive:
        # A few kilobytes of zeros can unpack to gigabytes.
        size = sum(entry.file_size for entry in archive.infolist())
        if size > _MAX_BYTES:
            raise ValueError(f"its files unpack to {size:,} bytes")
        return {name: archive.read(name).decode() for name in archive.namelist()}


def _refuse(file, why):
    raise UserError(
        f"'{file}' is no readable TFLite file of ours ({why}); expected what "
        "export.tflite writes."
    ) from None
