"""Which values the classes have in the files of label maps."""

import dataclasses

import numpy as np
from PIL import Image

from selene_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class LabelValues:
    """Says how class ids are written: as they are, or as a data set's masks have them.

    Attributes:
        values: Value of each class, 0 to 255; None for the class ids.
        palette: (red, green, blue) of each class, for palette images; None for grey.

    Example:
        >>> values = LabelValues((7, 11))
        >>> np.asarray(values.image(np.array([[0, 1]], np.uint8))).tolist()
        [[7, 11]]
    """

    values: tuple[int, ...] | None = None
    palette: tuple[tuple[int, int, int], ...] | None = None

    def image(self, labels):
        """Makes a Pillow image of class ids, uint8 (height, width)."""
        if self.values is None:
            return Image.fromarray(labels)
        table = np.zeros(256, np.uint8)
        table[: len(self.values)] = self.values
        image = Image.fromarray(table[labels])
        if self.palette is not None:
            colours = np.zeros((256, 3), np.uint8)
            colours[list(self.values)] = self.palette
            image.putpalette(colours.tobytes())
        return image


def of_dataset(model):
    """The `LabelValues` of the data set that a model was trained on.

    Args:
        model: A `SegmentationModel`.

    Raises:
        UserError: It does not say them, as one of an earlier version does not.
    """
    values = model.metadata.get("mask_values")
    if values is None:
        raise UserError(
            f"--ids=dataset: '{model.name}' does not say which values the masks of its "
            "data set have, since an earlier version exported it; export it again, or "
            "leave the flag out."
        )
    palette = model.metadata.get("mask_palette")
    return LabelValues(tuple(values), tuple(map(tuple, palette)) if palette else None)
