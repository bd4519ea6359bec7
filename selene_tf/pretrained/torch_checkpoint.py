"""A reader of PyTorch checkpoints that needs no PyTorch and runs no pickle.

Since release 1.6 `torch.save` writes a zip archive: `data.pkl` describes the
tensors, `data/<key>` holds the bytes of each storage that they are views of.
"""

import math
import pathlib
import struct
import zipfile

import numpy as np

from selene_tf.errors import UserError
from selene_tf.pretrained import safe_unpickle
from selene_tf.pretrained.safe_unpickle import RefusalError, shown

_MAX_BYTES = 2**32
# Ten times what the largest official network and its optimizer take.
_MAX_PICKLE_BYTES = 2**24
# How torch.save began a file before it wrote zip archives: a pickled number.
_LEGACY_START = b"\x80\x02\x8a\nl\xfc\x9cF\xf9 j\xa8P\x19."
_MEND = "download or copy it anew"
# What zipfile and NumPy raise of damaged archives; RuntimeError of encrypted ones.
_DAMAGED = (
    *(OSError, EOFError, RuntimeError, ValueError, KeyError, IndexError),
    *(OverflowError, MemoryError, struct.error, zipfile.BadZipFile),
)


def read(path):
    """Reads the tensors of a checkpoint.

    Args:
        path: A file of `torch.save`: a state_dict, or a dict that has it under
            "model" or "state_dict".

    Returns:
        Name -> NumPy array, in the file's order. bfloat16 becomes float32. The
        prefix `module.` of distributed training is removed if all names have it.

    Raises:
        UserError: if it is missing, damaged, too large, of another format, or its
            pickle holds more than tensors need. Nothing of the pickle is run.
    """
    path = pathlib.Path(path)
    try:
        _check_start(path)
        with zipfile.ZipFile(path) as archive:
            return _without_module(_read_archive(archive))
    except RefusalError as error:
        raise UserError(f"{path}: {error}") from None
    except _DAMAGED as error:
        raise UserError(
            f"{path}: found a zip archive that is damaged or cut off "
            f"({shown(error)}), expected a whole one; {_MEND}."
        ) from None


def _check_start(path):
    try:
        if not path.is_file():
            problem = "something that is no file" if path.exists() else "no such file"
            raise RefusalError(
                f"found {problem}, expected a PyTorch checkpoint; check the path."
            )
        with open(path, "rb") as file:
            start = file.read(len(_LEGACY_START))
    except OSError as error:
        raise RefusalError(
            f"cannot be read ({error.strerror}), expected a PyTorch checkpoint."
        ) from None
    if not start.startswith(b"PK"):
        raise RefusalError(_other_format(start))


def _other_format(start):
    if start == _LEGACY_START:
        return (
            "found PyTorch's format from before release 1.6, expected its zip format; "
            "with PyTorch, torch.save(torch.load(file, weights_only=True), new_file) "
            "converts it."
        )
    if start[:1] == b"\x80":
        return (
            "found a plain pickle, expected PyTorch's zip format; with PyTorch, "
            "torch.save(torch.load(file, weights_only=True), new_file) converts one "
            "of its own, and where you trust another, pickle.load and np.savez do."
        )
    return (
        f"found no zip archive (it begins with {start[:8]!r}), expected a file that "
        f"torch.save wrote; {_MEND}."
    )


def _read_archive(archive):
    names = archive.namelist()
    pickles = [name for name in names if name.split("/")[-1] == "data.pkl"]
    if len(pickles) != 1:
        raise RefusalError(
            f"found {len(pickles)} entries data.pkl in the zip archive, expected one, "
            "as torch.save writes it; is it a PyTorch checkpoint?"
        )
    folder = pickles[0].removesuffix("data.pkl")
    program = _entry(archive, pickles[0], at_most=_MAX_PICKLE_BYTES)
    tensors = _tensors(safe_unpickle.describe(program))
    order = _byte_order(archive, f"{folder}byteorder")
    _check_total(tensors)
    storages = {tensor.storage for tensor in tensors.values()}
    flat = {
        storage: _flat(archive, f"{folder}data/", storage, order)
        for storage in storages
    }
    return {
        name: _array(flat[tensor.storage], tensor) for name, tensor in tensors.items()
    }


def _entry(archive, name, at_most):
    """Bytes of an entry; torch.save compresses none."""
    try:
        info = archive.getinfo(name)
    except KeyError:
        raise RefusalError(
            f"found no entry {shown(name)} in the zip archive, though its data.pkl "
            f"names it; {_MEND}."
        ) from None
    if info.compress_type != zipfile.ZIP_STORED or info.flag_bits & 1:
        raise RefusalError(
            f"found the entry {shown(name)} compressed or encrypted, expected it as "
            "torch.save writes it; save it anew with PyTorch."
        )
    if info.file_size > at_most:
        raise RefusalError(
            f"found {info.file_size} bytes in the entry {shown(name)}, expected at "
            f"most {at_most}; {_MEND}."
        )
    return archive.read(info)


def _tensors(content):
    """The state_dict's tensors, by name."""
    if isinstance(content, dict):
        inner = (content.get(name) for name in ("model", "state_dict"))
        content = next((value for value in inner if isinstance(value, dict)), content)
        tensors = {
            name: value
            for name, value in content.items()
            if isinstance(value, safe_unpickle.Tensor)
        }
        if tensors:
            return tensors
    raise RefusalError(
        "found no tensors by name, expected a state_dict, alone or under 'model' or "
        "'state_dict'; save one with torch.save(model.state_dict(), file)."
    )


def _byte_order(archive, name):
    # Files of older releases do not say: all were written on little machines.
    if name not in archive.namelist():
        return "little"
    order = _entry(archive, name, at_most=16).decode("latin-1")
    if order not in ("little", "big"):
        raise RefusalError(
            f"found the byte order {order!r}, expected little or big; {_MEND}."
        )
    return order


def _check_total(tensors):
    # Counted by tensor too: with a stride of 0 it is larger than its storage.
    storages = {tensor.storage for tensor in tensors.values()}
    total = sum(storage.num_bytes for storage in storages)
    for tensor in tensors.values():
        total += math.prod(tensor.shape) * max(4, tensor.storage.dtype().itemsize)
    if total > _MAX_BYTES:
        raise RefusalError(
            f"found tensors that take more than {_MAX_BYTES} bytes of memory to read, "
            "expected less; save the model's state_dict alone."
        )


def _flat(archive, folder, storage, order):
    name = folder + storage.key
    content = _entry(archive, name, at_most=storage.num_bytes)
    if len(content) != storage.num_bytes:
        raise RefusalError(
            f"found {len(content)} bytes in the entry {shown(name)}, expected "
            f"{storage.num_bytes}, as its data.pkl says; {_MEND}."
        )
    return np.frombuffer(content, storage.dtype(order))


def _array(flat, tensor):
    """A copy of the view, of which `torch_pickle` checked that it lies inside."""
    # The stride of a side of 1 may be any number, and need not fit in 64 bits.
    strides = [min(stride, flat.size) * flat.itemsize for stride in tensor.strides]
    view = np.lib.stride_tricks.as_strided(
        flat[tensor.offset :], tensor.shape, strides, writeable=False
    )
    array = view.astype(view.dtype.newbyteorder("="), order="C")
    if tensor.storage.kind == "bfloat16":
        return np.asarray(array.astype("uint32") << np.uint32(16)).view("float32")
    return array


def _without_module(arrays):
    if all(name.startswith("module.") for name in arrays):
        return {name.removeprefix("module."): a for name, a in arrays.items()}
    return arrays
