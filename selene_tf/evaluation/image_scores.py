"""The scores of single images in a file, to compare runs on and to draw from."""

import dataclasses
import io
import pathlib
import struct
import zipfile
import zlib

import numpy as np

from selene_tf.training import run_folder

_VERSION = 1
_MAX_BYTES = 2**31
# What NumPy and its archive raise over bytes that are none of theirs.
_DAMAGED = (
    *(OSError, ValueError, KeyError, EOFError, NotImplementedError, RuntimeError),
    *(zipfile.BadZipFile, zlib.error, MemoryError, TypeError, struct.error),
)
_NAMES = {"version", "confusions", "sizes", "gates", "block"}


@dataclasses.dataclass(frozen=True)
class ImageScores:
    """What is kept of an `Evaluation`, image by image.

    Attributes:
        confusions: int (images, classes, classes).
        sizes: int (images, 2), height and width in pixels.
        gates: float (images, num_layers + 1, 4, 3), or None.
        block: Neighbouring images that are drawn together, see `bootstrap.interval`.
    """

    confusions: np.ndarray
    sizes: np.ndarray
    gates: np.ndarray | None
    block: int


def write(path, result, block):
    """Writes the scores of each image of an `Evaluation`, whole or not at all.

    Args:
        path: The .npz file.
        result: The `Evaluation`.
        block: See `ImageScores`.
    """
    gates = np.zeros(0) if result.gates is None else result.gates
    content = io.BytesIO()
    np.savez_compressed(
        content,
        version=_VERSION,
        confusions=result.confusions.astype(np.int32),
        sizes=result.sizes.astype(np.int32),
        # Closed gates are exactly 0 in half precision too.
        gates=gates.astype(np.float16),
        block=block,
    )
    run_folder.write_bytes(path, content.getvalue())


def read(path):
    """Reads what `write` wrote; nothing in the file is run.

    Returns:
        An `ImageScores`.

    Raises:
        UserError: it is missing or damaged.
    """
    path = pathlib.Path(path)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError("too large")
        with np.load(path, allow_pickle=False) as arrays:
            if set(arrays.files) != _NAMES or arrays["version"] != _VERSION:
                raise ValueError("of another version")
            scores = ImageScores(
                arrays["confusions"],
                arrays["sizes"],
                arrays["gates"].astype(np.float32) if arrays["gates"].size else None,
                int(arrays["block"]),
            )
    except _DAMAGED as error:
        raise run_folder.foreign(
            path, f"scores of images, found none ({run_folder.reason(error)})"
        ) from None
    _check(path, scores)
    return scores


def _check(path, scores):
    confusions = scores.confusions
    number = len(scores.sizes)
    is_square = confusions.ndim == 3 and confusions.shape[1] == confusions.shape[2]
    fits = is_square and len(confusions) == number > 0 and scores.block > 0
    if fits and scores.gates is not None:
        fits = scores.gates.ndim == 4 and len(scores.gates) == number
    if not fits:
        raise run_folder.foreign(path, "a confusion matrix for each image")
