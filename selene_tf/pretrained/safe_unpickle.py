"""A safe reader of PyTorch pickles: finds their tensors without running them.

A pickle is a program. Python's `Unpickler` would run it, and a closed list of
globals does not tame it: its BUILD sets attributes of whatever is at hand, our own
functions' defaults among them, and its memo takes whatever memory a number asks
for. So `_Machine` walks the instructions itself and knows the few that tensors
need; a global is a name to it, and a call makes a dict or a description.
"""

import dataclasses
import pickletools

import numpy as np

# Storages and NumPy's names; bfloat16, which it lacks, is float32's upper half.
_STORAGES = {
    "torch.DoubleStorage": "f8",
    "torch.FloatStorage": "f4",
    "torch.HalfStorage": "f2",
    "torch.BFloat16Storage": "bfloat16",
    "torch.LongStorage": "i8",
    "torch.IntStorage": "i4",
    "torch.ShortStorage": "i2",
    "torch.CharStorage": "i1",
    "torch.ByteStorage": "u1",
    "torch.BoolStorage": "?",
}
# What optimizers and schedules leave beside the weights; it is not looked at.
_OPAQUE = {
    *("collections.Counter", "torch.Size", "torch.device", "_codecs.encode"),
    *("numpy.dtype", "numpy.core.multiarray.scalar", "numpy._core.multiarray.scalar"),
    *(f"torch.{name}" for name in ("float64", "float32", "float16", "bfloat16")),
    *(f"torch.{name}" for name in ("int64", "int32", "int16", "int8", "uint8", "bool")),
}
_NOTHING_RUN = (
    "nothing of it was run; if you trust the file, save the weights alone with "
    "torch.save(model.state_dict(), file)"
)
# NumPy has no more.
_MAX_SIDES = 32


class RefusalError(Exception):
    """What was found, what was expected and how to mend it, but not the file."""


@dataclasses.dataclass(frozen=True)
class Storage:
    """An entry of the archive, `size` numbers of one kind."""

    kind: str
    key: str
    size: int

    def dtype(self, order="little"):
        """NumPy's type; bfloat16's is that of its bits."""
        name = "u2" if self.kind == "bfloat16" else self.kind
        return np.dtype(name).newbyteorder(order)

    @property
    def num_bytes(self):
        return self.size * self.dtype().itemsize


@dataclasses.dataclass(frozen=True)
class Tensor:
    """A view of a storage, which lies inside it; strides count numbers."""

    storage: Storage
    offset: int
    shape: tuple
    strides: tuple


def describe(program):
    """What the pickle would make, as far as it is dicts with names and tensors.

    Args:
        program: Content of a data.pkl.

    Returns:
        A dict, `Tensor`, string or number; None stands for all else.

    Raises:
        RefusalError: if it is damaged or needs more than tensors do.
    """
    machine = _Machine()
    try:
        for opcode, argument, _ in pickletools.genops(program):
            machine.step(opcode.name, argument)
        return machine.pop(1)[0]
    except (ValueError, TypeError, KeyError, IndexError, OverflowError) as error:
        reason = shown(f"{type(error).__name__}: {error}")
        raise RefusalError(
            f"found a damaged pickle ({reason}), expected one of torch.save; download "
            "or copy it anew."
        ) from None


def shown(value):
    """A foreign text for one line of a message: short, without line ends."""
    text = repr(str(value)[:100])
    return text if len(text) < 150 else text[:150] + "..."


@dataclasses.dataclass(frozen=True)
class _Global:
    name: str


class _Machine:
    """The stack that a pickle's instructions work on.

    Lists, the states of objects and the results of most calls are of no use here
    and stay None, so nothing is nested but dicts and tuples, which nobody walks.
    """

    def __init__(self):
        self._values = []
        self._marks = []
        self._memo = {}

    def step(self, name, argument):
        """Takes one instruction."""
        if name not in _STEPS:
            text = name if argument is None else f"{name} {argument}"
            raise RefusalError(
                f"found the instruction {shown(text)} in its pickle, expected those "
                f"of tensors alone; {_NOTHING_RUN}."
            )
        _STEPS[name](self, argument)

    def push(self, value):
        self._values.append(value)

    def mark(self):
        self._marks.append(len(self._values))

    def pop(self, count):
        if count > len(self._values):
            raise IndexError("it takes more than there is")
        return self._cut(len(self._values) - count)

    def pop_to_mark(self):
        return self._cut(self._marks.pop())

    def remember(self, number=None):
        self._memo[len(self._memo) if number is None else number] = self._values[-1]

    def recall(self, number):
        self.push(self._memo[number])

    def set_items(self, items):
        target = self._values[-1]
        if not isinstance(target, dict):
            raise TypeError("it sets items of what is no dict")
        for key, value in zip(items[::2], items[1::2], strict=True):
            # Only names are looked up; hashing nested tuples could take for ever.
            if isinstance(key, str):
                target[key] = value

    def push_global(self, name):
        if name not in _STORAGES and name not in _CALLS:
            raise RefusalError(
                f"found the global {shown(name)} in its pickle, expected those of "
                f"tensors alone; {_NOTHING_RUN}."
            )
        self.push(_Global(name))

    def push_stack_global(self):
        self.push_global(".".join(self.pop(2)))

    def push_storage(self):
        word, kind, key, _, size = self.pop(1)[0]
        if word != "storage" or not isinstance(kind, _Global):
            raise TypeError("its persistent id is no storage")
        if not isinstance(key, str):
            raise TypeError("its storage has no name")
        self.push(Storage(_STORAGES[kind.name], key, *_counts((size,))))

    def call(self):
        function, arguments = self.pop(2)
        if not isinstance(function, _Global) or not isinstance(arguments, tuple):
            raise TypeError("it calls what is no global")
        self.push(_CALLS[function.name](*arguments))

    def _cut(self, start):
        values = self._values[start:]
        del self._values[start:]
        return values


def _rebuild_tensor(storage, offset, shape, strides, *_):
    if not isinstance(storage, Storage):
        raise TypeError("its tensor has no storage")
    (offset,), shape, strides = _counts((offset,)), _counts(shape), _counts(strides)
    if len(shape) != len(strides) or len(shape) > _MAX_SIDES:
        raise ValueError("the sides and strides of its tensor do not match")
    pairs = zip(shape, strides, strict=True)
    end = offset + sum((side - 1) * stride for side, stride in pairs) + 1
    if 0 not in shape and end > storage.size:
        raise RefusalError(
            f"found a tensor that ends at number {end} of a storage of "
            f"{storage.size} numbers, expected it inside; download or copy it anew."
        )
    return Tensor(storage, offset, shape, strides)


def _counts(values):
    """The values, which are whole numbers from 0 on."""
    if not all(type(value) is int and 0 <= value < 2**63 for value in values):
        raise ValueError("its sizes are no whole numbers from 0 on")
    return tuple(values)


_CALLS = {
    **dict.fromkeys(_OPAQUE, lambda *_: None),
    "collections.OrderedDict": lambda: {},
    "torch._utils._rebuild_tensor_v2": _rebuild_tensor,
    "torch._utils._rebuild_parameter": lambda data, *_: data,
}
_STEPS = {
    **dict.fromkeys(("PROTO", "FRAME", "STOP"), lambda *_: None),
    **dict.fromkeys(
        (
            *("BINUNICODE", "SHORT_BINUNICODE", "BINBYTES", "SHORT_BINBYTES"),
            *("BININT", "BININT1", "BININT2", "LONG1", "BINFLOAT"),
        ),
        _Machine.push,
    ),
    "NONE": _Machine.push,
    "NEWTRUE": lambda machine, _: machine.push(True),
    "NEWFALSE": lambda machine, _: machine.push(False),
    "EMPTY_DICT": lambda machine, _: machine.push({}),
    "EMPTY_LIST": lambda machine, _: machine.push(None),
    "EMPTY_TUPLE": lambda machine, _: machine.push(()),
    "MARK": lambda machine, _: machine.mark(),
    "TUPLE": lambda machine, _: machine.push(tuple(machine.pop_to_mark())),
    "TUPLE1": lambda machine, _: machine.push(tuple(machine.pop(1))),
    "TUPLE2": lambda machine, _: machine.push(tuple(machine.pop(2))),
    "TUPLE3": lambda machine, _: machine.push(tuple(machine.pop(3))),
    "SETITEM": lambda machine, _: machine.set_items(machine.pop(2)),
    "SETITEMS": lambda machine, _: machine.set_items(machine.pop_to_mark()),
    # A list's items and an object's state go nowhere.
    "APPEND": lambda machine, _: machine.pop(1),
    "APPENDS": lambda machine, _: machine.pop_to_mark(),
    "BUILD": lambda machine, _: machine.pop(1),
    **dict.fromkeys(("BINPUT", "LONG_BINPUT"), _Machine.remember),
    "MEMOIZE": lambda machine, _: machine.remember(),
    **dict.fromkeys(("BINGET", "LONG_BINGET"), _Machine.recall),
    "GLOBAL": lambda machine, name: machine.push_global(name.replace(" ", ".")),
    "STACK_GLOBAL": lambda machine, _: machine.push_stack_global(),
    "BINPERSID": lambda machine, _: machine.push_storage(),
    "REDUCE": lambda machine, _: machine.call(),
}
