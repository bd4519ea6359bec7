"""What a benchmark measures, and at which size; checked before TensorFlow starts."""

import dataclasses
import importlib.util

from selene_tf.architectures import (
    RoutingArchitecture,
    architecture_file,
)
from selene_tf.architectures.auxiliary_cells import AuxiliaryCellsArchitecture
from selene_tf.architectures.templates import TemplatesArchitecture
from selene_tf.errors import UserError

# Measured only if asked for; each has a table of its own.
SEPARATE_KINDS = ("conditional", "learning", "export", "input")
KINDS = ("all", "train", "inference", "cell", *SEPARATE_KINDS)
# One image, since only a batch of one leaves out all that it closed, and since a
# device sees one at a time.
_OF_ONE_IMAGE = ("conditional", "export")
# What can be timed of a network without routes.
_OF_ANY_NETWORK = ("all", "train", "inference", "learning", "export")


@dataclasses.dataclass(frozen=True)
class BenchmarkOptions:
    """What a benchmark measures, and at which size.

    Attributes:
        what: One of `KINDS`.
        architecture: The network's: routing, or read from a file.
        size: Height and width of an image, in pixels.
        crop_size: Those of a training crop, for "input".
        batch_size: Images in a batch.
        threads: Threads; 0 for as many as TensorFlow and PyTorch take.
        repeats: Timed calls, after one that warms up.
        with_torch: Whether to time a cell in PyTorch too.
    """

    what: str
    architecture: (
        RoutingArchitecture | AuxiliaryCellsArchitecture | TemplatesArchitecture
    )
    size: tuple[int, int]
    crop_size: tuple[int, int]
    batch_size: int
    threads: int
    repeats: int
    with_torch: bool

    def settings(self):
        """The settings as a dict for JSON."""
        return {
            **dataclasses.asdict(self.architecture),
            "height": self.size[0],
            "width": self.size[1],
            "batch_size": 1 if self.what in _OF_ONE_IMAGE else self.batch_size,
            "threads": self.threads,
            "repeats": self.repeats,
        }


def from_flags(values):
    """The `BenchmarkOptions` of the command's flags.

    Args:
        values: The flags' values, as attributes by the flags' names.

    Raises:
        UserError: A value is out of range, or contradicts another one.
    """
    return BenchmarkOptions(
        what=values.what,
        architecture=_architecture(values),
        size=_size("size", values.size, values.small_gate),
        crop_size=_crop_size(values),
        batch_size=values.batch_size,
        threads=values.threads,
        repeats=values.repeats,
        with_torch=_with_torch(values.torch, values.what, values.architecture),
    )


def _architecture(values):
    if values.architecture:
        return _from_file(values)
    if values.channels % 2:
        raise UserError(
            f"--channels: found {values.channels}, expected an even number, since the "
            "gates halve them."
        )
    return RoutingArchitecture(
        values.num_classes, values.channels, values.num_layers, values.small_gate
    )


def _from_file(values):
    if values.what not in _OF_ANY_NETWORK or values.small_gate:
        found = "--small_gate" if values.small_gate else f"--what={values.what}"
        raise UserError(
            f"--architecture: found with {found}, which is of the routing network; "
            f"expected --what of {', '.join(_OF_ANY_NETWORK)}."
        )
    architecture = architecture_file.read(values.architecture, values.num_classes)
    learns = values.what in ("all", "train", "learning")
    return architecture if learns else architecture.deployed


def _crop_size(values):
    """Of the input; nothing else is cropped."""
    if values.crop_size and values.what != "input":
        raise UserError(
            f"--crop_size: found '{values.crop_size}' with --what={values.what}, "
            "expected nothing: networks are timed on whole images of --size."
        )
    return _size("crop_size", values.crop_size or values.size, small_gate=False)


def _size(name, text, small_gate):
    """Height and width from "128,256"."""
    lowest = 128 if small_gate else 32
    parts = [part.strip() for part in text.split(",")]
    sides = [int(part) for part in parts if part.isascii() and part.isdigit()]
    if len(sides) == len(parts) == 2 and min(sides) >= lowest:
        return tuple(sides)
    raise UserError(
        f"--{name}: found '{text}', expected height,width as two whole numbers, each "
        f"{lowest} or more{' with --small_gate' if small_gate else ''}."
    )


def _with_torch(choice, what, architecture):
    """Whether a cell in PyTorch is timed."""
    has_cell = what in ("all", "cell") and not architecture
    installed = importlib.util.find_spec("torch") is not None
    if choice == "yes" and not has_cell:
        raise UserError(
            f"--torch: found 'yes' with --what={what}, expected --what=cell or all of "
            "the routing network, since only its cell is timed in PyTorch."
        )
    if choice == "yes" and not installed:
        raise UserError(
            "--torch: found 'yes', but PyTorch is not installed; install it with "
            "pip install -e '.[compare]'."
        )
    return has_cell and installed and choice != "no"
