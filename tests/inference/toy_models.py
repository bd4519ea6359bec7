"""Networks whose labels can be worked out by hand."""

import numpy as np

from selene_tf.inference.model import SegmentationModel

NAMES = ("red", "green", "blue")
COLOURS = ((200, 0, 0), (0, 200, 0), (0, 0, 200))
# Each class is one primary colour; blue's handicap makes grey no tie.
WEIGHTS = np.array([[3, 0, 0], [0, 2, 0], [0, 0, 1]], np.float32)


class Pixelwise(SegmentationModel):
    """Logits are a linear function of a pixel's colour; takes one size or any.

    Attributes:
        shapes: Of the images that it was asked for.
    """

    def __init__(self, size=None, name="toy", metadata=None):
        super().__init__(name, "run", NAMES, COLOURS, size, metadata)
        self.shapes = []

    def compute_logits(self, images):
        self.shapes.append(images.shape)
        return images.astype(np.float32) @ WEIGHTS / 64

    def compute_labels(self, images):
        return self.compute_logits(images).argmax(-1).astype(np.int32)


def expected_labels(image):
    """What it says of uint8 (height, width, 3)."""
    return (image * np.array([3, 2, 1])).argmax(-1)
