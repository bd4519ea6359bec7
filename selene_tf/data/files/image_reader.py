"""Images and masks by number, wherever they lie."""

import collections.abc
import dataclasses


@dataclasses.dataclass(frozen=True)
class Reader:
    """The images of one part of a data set, in order.

    Args:
        size: Number of images, at least 1.
        decode: TensorFlow function of a number, an int64 tensor of 0 to `size - 1`:
            returns the image, uint8 (height, width, 3), and class ids, uint8
            (height, width), 255 for "no class" and all 0 without a mask. No Python
            runs in it. What cannot be used is an error of TensorFlow.
        read_checked: Python function of a number: returns the same two as NumPy arrays,
            the second None without a mask. Slower; it raises a `UserError` that says
            what is wrong with which file.
        name: Python function of a number: what the user calls the image.
        look: Python function of a number: returns the (height, width) that the
            image has where it lies, from its first bytes alone, and raises a
            `UserError` for what these show.
        image_size: (height, width) if all images are brought to it, or None.
    """

    size: int
    decode: collections.abc.Callable
    read_checked: collections.abc.Callable
    name: collections.abc.Callable
    look: collections.abc.Callable
    image_size: tuple[int, int] | None = None
