"""Reads one picture and its mask from disk, and refuses what would train wrongly."""

import io
import struct
from pathlib import Path

import numpy as np
from PIL import Image

from selene_tf.data.catalog import IGNORE_LABEL
from selene_tf.errors import UserError

# What Pillow raises on damaged files, beside its own kinds of OSError.
_DAMAGE = (OSError, SyntaxError, ValueError, struct.error, EOFError, IndexError)
_ORIENTATION_TAG = 274
_GREY, _PALETTE = 0, 3  # PNG colour types that hold one number per pixel.


def read_image(path):
    """Reads a PNG or JPEG picture as uint8 (height, width, 3), RGB.

    Grey and palette pictures become RGB; a fully opaque alpha channel is dropped.

    Raises:
        UserError: The file is missing, damaged or of another format, or it is
            transparent, 16-bit, CMYK or rotated by its EXIF entry.
    """
    image, content = _open(path, ("PNG", "JPEG"))
    if image.format == "PNG" and _png_header(content)[0] == 16:
        raise UserError(f"{path} is a 16-bit picture; save it with 8 bits a channel.")
    if image.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA"):
        raise UserError(
            f"{path} is a picture of mode {image.mode}; expected RGB, grey or palette. "
            "Save it as RGB with 8 bits a channel."
        )
    if image.has_transparency_data:
        image = _opaque(path, image)
    return np.asarray(image.convert("RGB"))


def read_mask(path, num_classes, ignore_label):
    """Reads a PNG mask as uint8 (height, width) of class ids, 255 for "no class".

    Grey masks hold the ids as values, palette masks as indices; the colours of a
    palette have no meaning.

    Args:
        path: The mask file.
        num_classes: Ids from 0 to `num_classes - 1` are valid.
        ignore_label: The value for "no class" in the file.

    Raises:
        UserError: The file is missing, damaged or not a grey or palette PNG of at
            most 8 bits, or it holds another id.
    """
    image, content = _open(path, ("PNG",))
    depth, colour_type = _png_header(content)
    # Pillow stretches 1-, 2- and 4-bit grey to 0..255, which changes the ids.
    if colour_type != _PALETTE and (depth, colour_type) != (8, _GREY):
        kind = "grey" if colour_type == _GREY else "colour or transparent"
        raise UserError(
            f"{path} is a {depth}-bit {kind} PNG; expected a mask of one class id a "
            "pixel. Save it as 8-bit grey or as a palette PNG."
        )
    ids = np.array(image)
    _check_ids(path, ids, num_classes, ignore_label)
    ids[ids == ignore_label] = IGNORE_LABEL
    return ids


def read_example(example, num_classes, ignore_label, image_size=None):
    """Reads a picture and its mask, and brings both to one size.

    Args:
        example: An `Example`.
        num_classes: See `read_mask`; so is `ignore_label`.
        image_size: (height, width) to resize to, or None to keep the size. The
            picture is averaged when it shrinks, the mask takes the nearest id.

    Returns:
        The picture, uint8 (height, width, 3), and the mask, uint8 (height, width),
        or None for an example without a mask.

    Raises:
        UserError: See `read_image` and `read_mask`; or the sizes of the two differ.
    """
    image = read_image(example.image)
    mask = None
    if example.mask is not None:
        mask = read_mask(example.mask, num_classes, ignore_label)
        _check_sizes(example, image, mask)
    if image_size is None or tuple(image_size) == image.shape[:2]:
        return image, mask
    # Pillow's bilinear filter widens when it shrinks, so nothing is skipped.
    image = _resize(image, image_size, Image.Resampling.BILINEAR)
    if mask is not None:
        mask = _resize(mask, image_size, Image.Resampling.NEAREST)
    return image, mask


def _open(path, formats):
    """Returns the decoded Pillow image and the bytes of the file."""
    try:
        content = Path(path).read_bytes()
    except OSError as error:
        raise UserError(
            f"Cannot read {path} ({error.strerror}); check the path."
        ) from None
    try:
        with Image.open(io.BytesIO(content), formats=formats) as image:
            # Pillow compares the check sums of a PNG here and nowhere else.
            image.verify()
        image = Image.open(io.BytesIO(content), formats=formats)
        image.load()
        orientation = image.getexif().get(_ORIENTATION_TAG, 1)
    except Image.UnidentifiedImageError:
        raise UserError(_wrong_format(path, content, formats)) from None
    except (*_DAMAGE, Image.DecompressionBombError) as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{path} is damaged ({reason}); copy or download it again."
        ) from None
    if 0 in image.size:
        raise UserError(f"{path} has a size of zero; remove it or make it again.")
    if orientation != 1:
        raise UserError(
            f"{path} is stored turned (EXIF orientation {orientation}); save it "
            "upright and without that entry, so that picture and mask agree."
        )
    return image, content


def _wrong_format(path, content, formats):
    if not content:
        return f"{path} is an empty file; copy or download it again."
    return (
        f"{path} is no readable {' or '.join(formats)} file (it starts with "
        f"{content[:16]!r}); convert it, or copy or download it again."
    )


def _png_header(content):
    """Returns the bits a channel and the colour type of a PNG."""
    return content[24], content[25]


def _opaque(path, image):
    image = image.convert("RGBA")
    alpha = np.asarray(image)[..., 3]
    if alpha.min() < 255:
        raise UserError(
            f"{path} has {np.count_nonzero(alpha < 255)} transparent pixels; expected "
            "an opaque picture. Save it without an alpha channel."
        )
    return image


def _check_ids(path, ids, num_classes, ignore_label):
    wrong = (ids >= num_classes) & (ids != ignore_label)
    if not wrong.any():
        return
    row, column = np.argwhere(wrong)[0]
    value = ids[row, column]
    raise UserError(
        f"{path} holds class id {value} in {np.count_nonzero(ids == value)} pixels, "
        f"first at (row, column) = ({row}, {column}); expected 0 to {num_classes - 1}, "
        f"or {ignore_label} for no class. Mend the mask, or set the number of classes "
        "or the ignore label to fit it."
    )


def _check_sizes(example, image, mask):
    if image.shape[:2] == mask.shape:
        return
    height, width = mask.shape
    raise UserError(
        f"{example.image} is {image.shape[1]} x {image.shape[0]} pixels (width x "
        f"height) but its mask {example.mask} is {width} x {height}; make the mask of "
        "the same picture in the same size."
    )


def _resize(array, image_size, resampling):
    height, width = image_size
    return np.array(Image.fromarray(array).resize((width, height), resampling))
