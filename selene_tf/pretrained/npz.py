"""A reader of .npz files from untrusted sources."""

import pathlib
import struct
import zipfile
import zlib

import numpy as np

from selene_tf.errors import UserError

_MAX_BYTES = 2**32
# Where a file holds other arrays too, those of a state_dict begin like this.
_PREFIX = "sd/"
# What NumPy and zipfile raise of damaged files.
_DAMAGED = (
    *(OSError, EOFError, RuntimeError, ValueError, KeyError, IndexError, TypeError),
    *(MemoryError, OverflowError, SyntaxError, struct.error, zlib.error),
    zipfile.BadZipFile,
)


def read(path):
    """Reads an .npz file.

    Args:
        path: The file.

    Returns:
        Name -> array. If some names start with "sd/", those alone, without it.

    Raises:
        UserError: if it is missing, damaged, too large, or holds Python objects.
    """
    path = pathlib.Path(path)
    try:
        # Opening a pipe would wait for somebody who writes into it.
        if path.is_fifo():
            raise ValueError("a pipe")
        with path.open("rb") as file:
            return _arrays(np.load(file, allow_pickle=False))
    except _DAMAGED as error:
        reason = getattr(error, "strerror", None) or ascii(str(error)[:100])[1:-1]
        raise UserError(
            f"{path}: found no readable arrays ({reason}), expected an .npz of plain "
            "numbers; write it anew with np.savez."
        ) from None


def _arrays(arrays):
    if not isinstance(arrays, np.lib.npyio.NpzFile):
        raise ValueError("it holds a single array")
    total = sum(entry.file_size for entry in arrays.zip.infolist())
    if total > _MAX_BYTES:
        raise ValueError(f"they take {total} bytes, more than {_MAX_BYTES}")
    names = [name for name in arrays.files if name.startswith(_PREFIX)]
    entries = {
        name.removeprefix(_PREFIX): arrays[name] for name in names or arrays.files
    }
    if not all(isinstance(array, np.ndarray) for array in entries.values()):
        raise ValueError("it holds files that are no arrays")
    return entries
