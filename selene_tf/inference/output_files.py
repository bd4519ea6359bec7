"""Writing predictions: PNG files, and classes.json at the end."""

import dataclasses
import json
import os
import pathlib
import time

import numpy as np
from PIL import Image

from selene_tf.errors import UserError
from selene_tf.inference.label_values import LabelValues
from selene_tf.reports import overlay
from selene_tf.training import atomic_write, run_folder

# Level 6 needs several times as long for files that are a little smaller.
_PNG_LEVEL = 1
_CLASSES_SHOWN = 5


@dataclasses.dataclass(frozen=True)
class Output:
    """What is written, and where. Each file appears whole or not at all.

    Attributes:
        folder: A new or empty folder.
        labels: Whether to write label maps.
        overlays: Whether to write images with the classes' colours over them.
        opacity: Share of the colours in these, in [0, 1].
        values: The `LabelValues` of label maps.
    """

    folder: pathlib.Path
    labels: bool = True
    overlays: bool = True
    opacity: float = 0.5
    values: LabelValues = LabelValues()

    def check(self, inputs=""):
        """Refuses what cannot be written, before any work; makes nothing.

        Args:
            inputs: What is predicted.

        Raises:
            UserError: `opacity` is no share; or the folder holds something, is a file,
                lies where nothing can be written, or in the folder of the images.
        """
        if not 0 <= self.opacity <= 1:
            raise UserError(
                f"--opacity: found {self.opacity:g}, expected 0 (the image alone) to "
                "1 (the colours alone)."
            )
        with atomic_write.named_errors(self.folder):
            _check_new(self.folder)
        if os.path.isdir(inputs) and _is_below(self.folder, inputs):
            raise UserError(
                f"--output: '{self.folder}' lies in the folder of the images, whose "
                "next prediction would take it for images too; name one outside."
            )

    def make(self):
        """Makes the folder."""
        with atomic_write.named_errors(self.folder):
            self.folder.mkdir(parents=True, exist_ok=True)

    def write_labels(self, name, labels):
        """Writes a label map, uint8 (height, width), if they are wanted."""
        if self.labels:
            _save(self.folder / "labels" / f"{name}.png", self.values.image(labels))

    def write_overlay(self, name, image, labels, colours):
        """Writes an image under the colours of its classes, if they are wanted."""
        if self.overlays:
            painted = overlay.overlay(image, labels, colours, self.opacity)
            _save(self.folder / "overlay" / f"{name}.png", Image.fromarray(painted))

    def write_json(self, content, indent=2):
        """Writes classes.json."""
        with atomic_write.named_errors(self.folder):
            text = json.dumps(content, indent=indent, allow_nan=False)
            run_folder.write_text(self.folder / "classes.json", text + "\n")


class Clock:
    """How long all took, and the network of it."""

    def __init__(self):
        self._started, self._network = time.perf_counter(), 0.0

    def network(self, function, *arguments):
        """Calls a function, whose time counts as the network's."""
        started = time.perf_counter()
        result = function(*arguments)
        self._network += time.perf_counter() - started
        return result

    def rates(self, count):
        """Images a second, for classes.json."""
        seconds = time.perf_counter() - self._started
        return {
            "images_per_second": round(count / seconds, 3),
            "network_images_per_second": round(count / self._network, 3),
        }


def metadata(model, mode, values):
    """What classes.json says of the network and its use, and of label maps' values."""
    return {
        "model": model.name,
        "class_names": list(model.class_names),
        "colours": [list(map(int, colour)) for colour in model.colours],
        "label_values": list(values.values or range(len(model.class_names))),
        **fit(mode),
    }


def fit(mode):
    """How images were shown to the network."""
    size = list(mode.tile_size) if mode.tile_size else None
    return {"fit": mode.mode, "tile_size": size}


def shares(labels, num_classes):
    """Computes each class's share of a label map.

    Args:
        labels: uint8 (height, width).
        num_classes: int.

    Returns:
        A list of numbers in [0, 1], of each class.

    Example:
        >>> shares(np.array([[0, 0], [2, 0]], np.uint8), num_classes=3)
        [0.75, 0.0, 0.25]
    """
    counts = Image.fromarray(labels).histogram()[:num_classes]
    return [round(count / labels.size, 6) for count in counts]


def summary(content, folder):
    """What was done, in two lines for the terminal.

    Args:
        content: classes.json.
        folder: Where it lies.
    """
    names = content["class_names"]
    if "video" in content:
        class_shares, kind = content["video"]["shares"], "frame"
    else:
        images = content["images"].values()
        class_shares = [list(image["shares"].values()) for image in images]
        kind = "image"
    means = np.mean(class_shares, axis=0)
    largest = np.argsort(-means, kind="stable")[:_CLASSES_SHOWN]
    count, left_out = len(class_shares), len(content.get("left_out", ()))
    return (
        f"{count} {kind}{'s' * (count > 1)} of {content['model']} to {folder}"
        f"{f', {left_out} left out' if left_out else ''}: "
        f"{content['images_per_second']:.1f} {kind}s/s (decoding and writing "
        f"included; network alone {content['network_images_per_second']:.1f})\n"
        + ", ".join(f"{names[place]} {means[place]:.1%}" for place in largest)
    )


def size_of(model):
    """Bytes of a file, or of all files of a folder."""
    path = pathlib.Path(model)
    files = [path] if path.is_file() else [f for f in path.rglob("*") if f.is_file()]
    return sum(file.stat().st_size for file in files)


def _check_new(folder):
    if os.path.lexists(folder) and any(folder.iterdir()):
        raise UserError(
            f"--output: '{folder}' holds files already; expected a new or empty folder."
        )
    atomic_write.check_place(folder)


def _is_below(folder, inputs):
    return pathlib.Path(os.path.realpath(folder)).is_relative_to(
        os.path.realpath(inputs)
    )


def _save(path, image):
    temporary = path.with_name(f".{path.name}.part")
    with atomic_write.named_errors(path):
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            image.save(temporary, "PNG", compress_level=_PNG_LEVEL)
            os.replace(temporary, path)
        finally:
            temporary.unlink(missing_ok=True)
