"""Checkpoints as torch.save writes them, byte by byte and without PyTorch."""

import dataclasses
import struct
import zipfile

import numpy as np

from selene_tf.pretrained import torch_checkpoint

WEIGHTS = {
    "first.weight": np.arange(24, dtype="float32").reshape(2, 3, 2, 2),
    "first.bias": np.array([1.5, -2.5], "float32"),
    "count": np.array(7, "int64"),
}
_STORAGES = {
    "float64": "DoubleStorage",
    "float32": "FloatStorage",
    "float16": "HalfStorage",
    "uint16": "BFloat16Storage",  # NumPy has no bfloat16: these are its bits.
    "int64": "LongStorage",
    "int32": "IntStorage",
    "int16": "ShortStorage",
    "int8": "CharStorage",
    "uint8": "ByteStorage",
    "bool": "BoolStorage",
}


@dataclasses.dataclass
class View:
    """A tensor that is not simply the whole of a storage of its own."""

    key: str
    storage: np.ndarray
    offset: object
    shape: tuple
    strides: tuple
    size: int = None  # Numbers that the pickle says are in the storage.


@dataclasses.dataclass(frozen=True)
class Raw:
    """Pickle instructions that stand where a value would."""

    instructions: bytes


@dataclasses.dataclass
class Ordered:
    """An OrderedDict with a state, as the state_dict of a module."""

    items: dict


class Writer:
    """Collects the storages while it writes the instructions."""

    def __init__(self):
        self.storages = {}

    def program(self, content):
        return b"\x80\x02" + self.value(content) + b"."

    def value(self, value):
        if isinstance(value, np.ndarray):
            return self._whole(value)
        return {
            Raw: lambda: value.instructions,
            View: lambda: self._view(value),
            Ordered: lambda: self._ordered(value),
            dict: lambda: b"}(" + self._items(value) + b"u",
            tuple: lambda: b"(" + b"".join(map(self.value, value)) + b"t",
            list: lambda: b"](" + b"".join(map(self.value, value)) + b"e",
            str: lambda: text(value),
            int: lambda: whole_number(value),
            float: lambda: b"G" + struct.pack(">d", value),
            bool: lambda: b"\x88" if value else b"\x89",
            type(None): lambda: b"N",
        }[type(value)]()

    def _items(self, items):
        return b"".join(self.value(k) + self.value(v) for k, v in items.items())

    def _ordered(self, ordered):
        made = constant("collections", "OrderedDict") + b")R"
        state = self.value({"_metadata": {"": {"version": 1}}})
        return made + b"(" + self._items(ordered.items) + b"u" + state + b"b"

    def _whole(self, array):
        key = str(len(self.storages))
        strides = tuple(stride // array.itemsize for stride in array.strides)
        return self._view(View(key, array.ravel(), 0, array.shape, strides))

    def _view(self, view):
        self.storages[view.key] = view.storage
        kind = constant("torch", _STORAGES[view.storage.dtype.name])
        size = view.storage.size if view.size is None else view.size
        storage = ("storage", Raw(kind), view.key, "cpu", size)
        arguments = (
            *(Raw(self.value(storage) + b"Q"), view.offset, view.shape, view.strides),
            *(False, Raw(constant("collections", "OrderedDict") + b")R")),
        )
        function = constant("torch._utils", "_rebuild_tensor_v2")
        return function + self.value(arguments) + b"R"


def text(value):
    content = value.encode()
    return b"X" + struct.pack("<I", len(content)) + content


def whole_number(value):
    if -(2**31) <= value < 2**31:
        return b"J" + struct.pack("<i", value)
    content = value.to_bytes(value.bit_length() // 8 + 1, "little", signed=True)
    return b"\x8a" + bytes([len(content)]) + content


def constant(module, name):
    """The instruction GLOBAL."""
    return f"c{module}\n{name}\n".encode()


def save(path, content, order="little"):
    """Writes content as torch.save does: arrays become tensors."""
    writer = Writer()
    entries = {"archive/data.pkl": writer.program(content)}
    if order:
        entries["archive/byteorder"] = order.encode()
    for key, array in writer.storages.items():
        swapped = array.astype(array.dtype.newbyteorder(order or "little"))
        entries[f"archive/data/{key}"] = swapped.tobytes()
    save_entries(path, entries)


def save_entries(path, entries, compression=zipfile.ZIP_STORED):
    with zipfile.ZipFile(path, "w", compression) as archive:
        for name, content in entries.items():
            archive.writestr(name, content)


def assert_same(arrays, expected):
    """Names in order, numbers, types and shapes."""
    assert list(arrays) == list(expected)
    for name, array in expected.items():
        np.testing.assert_array_equal(arrays[name], array)
        assert arrays[name].dtype == array.dtype
        assert arrays[name].shape == array.shape


def read_back(folder, content, order="little"):
    """What is read of a checkpoint of this content."""
    save(folder / "weights.pth", content, order)
    return torch_checkpoint.read(folder / "weights.pth")
