"""One image of a data set, and its mask where it is labelled."""

import os
from pathlib import Path


class Example:
    """Names an image and, where it is labelled, its mask; both are resolved.

    The paths are kept as text: to parse a million of them takes ten seconds.

    Args:
        image: Path of the image.
        mask: Path of the mask, or None.

    Attributes:
        image_path: str.
        mask_path: str, or None.
        image: `pathlib.Path` of the image.
        mask: `pathlib.Path` of the mask, or None.
    """

    __slots__ = ("image_path", "mask_path")

    def __init__(self, image, mask):
        self.image_path = os.fspath(image)
        self.mask_path = None if mask is None else os.fspath(mask)

    @property
    def image(self):
        return Path(self.image_path)

    @property
    def mask(self):
        return None if self.mask_path is None else Path(self.mask_path)

    def with_mask(self, mask):
        """The same image with another mask, or None."""
        return Example(self.image_path, mask)

    def __eq__(self, other):
        if not isinstance(other, Example):
            return NotImplemented
        return self._key() == other._key()

    def __hash__(self):
        return hash(self._key())

    def __repr__(self):
        return f"Example({self.image_path!r}, {self.mask_path!r})"

    def _key(self):
        return self.image_path, self.mask_path
