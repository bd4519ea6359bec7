"""A network as those see it who use it: images in, labels out."""

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
        size: Height and width in pixels of the images that it takes; None for any.
        compute_labels: From uint8 (batch, height, width, 3), RGB, to int32
            (batch, height, width), NumPy both.
        compute_logits: From the same to float32 (batch, height, width, classes).
        metadata: What an exported network says of itself; empty for a run.
    """

    name: str
    kind: str
    class_names: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]
    size: tuple[int, int] | None
    compute_labels: Callable[[np.ndarray], np.ndarray]
    compute_logits: Callable[[np.ndarray], np.ndarray]
    metadata: dict

    def labels(self, images):
        """Class ids of images, int32 (batch, height, width).

        Raises:
            UserError: if they are not what `check` accepts.
        """
        return self.compute_labels(self.check(images))

    def logits(self, images):
        """Scores of images, float32 (batch, height, width, classes).

        Raises:
            UserError: if they are not what `check` accepts.
        """
        return self.compute_logits(self.check(images))

    def check(self, images):
        """Images as the network takes them, or one line that says why it does not.

        Args:
            images: uint8 (batch, height, width, 3), RGB. One pixel is enough if
                the network takes any size: it pads by itself.

        Raises:
            UserError: for another type, rank, number of colours or size.
        """
        images = self._as_array(images)
        if images.dtype != np.uint8:
            self._refuse(images, _how_to_convert(images))
        if images.ndim != 4 or images.shape[-1] != 3:
            self._refuse(images, _how_to_arrange(images.shape))
        if not images.size:
            self._refuse(images, ", one image and one pixel or more")
        if self.size and images.shape[1:3] != tuple(self.size):
            self._refuse(
                images,
                "; resize the images, cut them into windows (selene_tf.predict does "
                "both), or export another size",
            )
        return images

    def _as_array(self, images):
        try:
            return np.asarray(images)
        except ValueError:  # A list of images of several sizes.
            raise UserError(
                f"'{self.name}': found images of several sizes, expected "
                f"{self._expected()}; give one after the other."
            ) from None

    def _expected(self):
        height, width = self.size or ("height", "width")
        return f"uint8 (batch, {height}, {width}, 3), RGB"

    def _refuse(self, images, how):
        raise UserError(
            f"'{self.name}': found images of {images.dtype} {images.shape}, "
            f"expected {self._expected()}{how}."
        )


def _how_to_convert(images):
    if np.issubdtype(images.dtype, np.floating):
        if not np.isfinite(images).all():
            return "; some of its values are not finite"
        if images.size and 0 <= images.min() and images.max() <= 1:
            return ", values 0 to 255; these lie in 0 to 1, so multiply them by 255"
    return ", values 0 to 255"


def _how_to_arrange(shape):
    """How images of a wrong shape may be meant."""
    if len(shape) == 3 and shape[-1] == 3:
        return "; for one image write image[None]"
    if len(shape) == 4 and shape[1] == 3:
        return "; the colours come last"
    if len(shape) == 4 and shape[-1] == 4:
        return "; leave the fourth channel out"
    if len(shape) == 4 and shape[-1] == 1:
        return "; repeat a grey image for the three colours"
    return ""
