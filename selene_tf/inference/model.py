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
        kind: "run", "saved_model", "tflite" or "onnx".
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
            pictures: uint8 (batch, height, width, 3), RGB. One pixel is enough if
                the network takes any size: it pads by itself.

        Raises:
            UserError: for another type, rank, number of colours or size.
        """
        pictures = self._as_array(pictures)
        if pictures.dtype != np.uint8:
            self._refuse(pictures, _how_to_convert(pictures))
        if pictures.ndim != 4 or pictures.shape[-1] != 3:
            self._refuse(pictures, _how_to_arrange(pictures.shape))
        if not pictures.size:
            self._refuse(pictures, ", one picture and one pixel or more")
        if self.size and pictures.shape[1:3] != tuple(self.size):
            self._refuse(
                pictures,
                "; resize the pictures, cut them into windows (selene_tf.predict does "
                "both), or export another size",
            )
        return pictures

    def _as_array(self, pictures):
        try:
            return np.asarray(pictures)
        except ValueError:  # A list of pictures of several sizes.
            raise UserError(
                f"'{self.name}': found pictures of several sizes, expected "
                f"{self._expected()}; give one after the other."
            ) from None

    def _expected(self):
        height, width = self.size or ("height", "width")
        return f"uint8 (batch, {height}, {width}, 3), RGB"

    def _refuse(self, pictures, how):
        raise UserError(
            f"'{self.name}': found pictures of {pictures.dtype} {pictures.shape}, "
            f"expected {self._expected()}{how}."
        )


def _how_to_convert(pictures):
    if np.issubdtype(pictures.dtype, np.floating):
        if not np.isfinite(pictures).all():
            return "; some of its values are not finite"
        if pictures.size and 0 <= pictures.min() and pictures.max() <= 1:
            return ", values 0 to 255; these lie in 0 to 1, so multiply them by 255"
    return ", values 0 to 255"


def _how_to_arrange(shape):
    """How pictures of a wrong shape may be meant."""
    if len(shape) == 3 and shape[-1] == 3:
        return "; for one picture write picture[None]"
    if len(shape) == 4 and shape[1] == 3:
        return "; the colours come last"
    if len(shape) == 4 and shape[-1] == 4:
        return "; leave the fourth channel out"
    if len(shape) == 4 and shape[-1] == 1:
        return "; repeat a grey picture for the three colours"
    return ""
