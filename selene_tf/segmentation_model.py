"""A network as those see it who use it: pictures in, labels out."""

import dataclasses
from collections.abc import Callable

import numpy as np

from selene_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class SegmentationModel:
    """A run's network, a SavedModel or a TFLite file, all used alike.

    Attributes:
        name: What the user called it: a folder or a file.
        kind: "run", "saved_model" or "tflite".
        class_names: Names of the classes, in the order of their ids.
        colours: (red, green, blue) in 0..255 of each class.
        size: Height and width in pixels of the pictures that it takes; None for any.
        compute_labels: From uint8 (batch, height, width, 3), RGB, to int32
            (batch, height, width), NumPy both.
        compute_logits: From the same to float32 (batch, height, width, classes).
        facts: What an exported network says of itself; empty for a run.
    """

    name: str
    kind: str
    class_names: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]
    size: tuple[int, int] | None
    compute_labels: Callable[[np.ndarray], np.ndarray]
    compute_logits: Callable[[np.ndarray], np.ndarray]
    facts: dict

    def labels(self, pictures):
        """Class ids of pictures, int32 (batch, height, width).

        Raises:
            UserError: if they are not what `check` accepts.
        """
        return self.compute_labels(self.check(pictures))

    def logits(self, pictures):
        """Scores of pictures, float32 (batch, height, width, classes).

        Raises:
            UserError: if they are not what `check` accepts.
        """
        return self.compute_logits(self.check(pictures))

    def check(self, pictures):
        """Pictures as the network takes them, or one line that says why it does not.

        Args:
            pictures: uint8 (batch, height, width, 3), RGB.

        Raises:
            UserError: for another type, rank, number of colours or size.
        """
        pictures = np.asarray(pictures)
        found = f"{pictures.dtype} {pictures.shape}"
        height, width = self.size or ("height", "width")
        expected = f"uint8 (batch, {height}, {width}, 3), RGB"
        if pictures.dtype != np.uint8:
            self._refuse(found, expected, _how_to_convert(pictures))
        if pictures.ndim != 4 or pictures.shape[-1] != 3:
            self._refuse(found, expected, "")
        if not pictures.size:
            self._refuse(found, expected, ", a pixel or more")
        if self.size and pictures.shape[1:3] != tuple(self.size):
            self._refuse(found, expected, "; resize the pictures, or export another")
        return pictures

    def _refuse(self, found, expected, how):
        raise UserError(
            f"'{self.name}': found pictures of {found}, expected {expected}{how}."
        )


def _how_to_convert(pictures):
    is_float = np.issubdtype(pictures.dtype, np.floating)
    if is_float and not np.isfinite(pictures).all():
        return "; some of its values are not finite"
    return ", values 0 to 255"
