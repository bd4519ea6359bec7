"""Reads one image and its mask from disk, and refuses what would train wrongly."""

import numpy as np
from PIL import Image

from selene_tf.data.files import image_files, label_map
from selene_tf.data.files.label_map import REFUSED
from selene_tf.errors import UserError

GREY, COLOUR, PALETTE = 0, 2, 3  # PNG colour types of masks.
COLOUR_AND_ALPHA = 6


def read_image(path, exif="refuse"):
    """Reads a PNG or JPEG image as uint8 (height, width, 3), RGB.

    Grey and palette images become RGB; a fully opaque alpha channel is dropped.

    Args:
        path: The file.
        exif: What is done about one that is stored turned, see `image_files.read`.

    Raises:
        UserError: The file is missing, damaged or of another format, or it is
            transparent, 16-bit, CMYK or rotated by its EXIF entry.
    """
    image, content = image_files.read(path, image_files.IMAGES, exif)
    image_files.check_image_kind(path, image, content)
    if image.has_transparency_data:
        image = _opaque(path, image)
    return np.asarray(image.convert("RGB"))


def read_mask(path, labels, exif="refuse"):
    """Reads a PNG mask as uint8 (height, width) of class ids, 255 for "no class".

    Grey masks hold values, palette masks indices (the colours of a palette have no
    meaning, unless `labels` says so), and colour masks colours, if `labels` has any.

    Args:
        path: The mask file.
        labels: The `LabelFormat` that says what they mean.
        exif: As of `read_image`.

    Raises:
        UserError: The file is missing, damaged or no such PNG of at most 8 bits, or
            it holds a value or colour without meaning.
    """
    image, content = image_files.read(path, image_files.MASKS, exif)
    kind = mask_kind(path, content, labels)
    if kind == COLOUR or (kind == PALETTE and labels.palettes_by_colour):
        if image.mode == "RGBA":
            image = _opaque(path, image)
        pixels = np.asarray(image.convert("RGB"))
        return _classes_of_colours(path, pixels, labels.colours)
    ids = labels.ids_of(path)
    values = _values(image, content)
    classes = label_map.table(ids)[values]
    _check_values(path, values, classes == REFUSED, ids)
    return classes


def mask_kind(path, content, labels):
    """The colour type of a mask file: 0 for grey, 2 for colour, 3 for palette.

    Args:
        path: The file, for the message.
        content: Its first 33 bytes or more.
        labels: A `LabelFormat`.

    Raises:
        UserError: It is of a kind that holds no classes.
    """
    depth, colour_type = image_files.png_header(content)
    if depth <= 8 and colour_type in (GREY, PALETTE):
        return colour_type
    is_colour = colour_type in (COLOUR, COLOUR_AND_ALPHA)
    if depth == 8 and is_colour and labels.colours:
        # Whether it is opaque only its pixels say.
        return COLOUR
    kind = {GREY: "grey", COLOUR: "colour", COLOUR_AND_ALPHA: "colour and alpha"}.get(
        colour_type, "grey and alpha"
    )
    hint = " Name the colours of the classes in a --dataset_file." * is_colour
    raise UserError(
        f"{path} is a {depth}-bit {kind} PNG; expected a mask of one class id a "
        f"pixel. Save it as 8-bit grey or as a palette PNG.{hint}"
    )


def read_example(example, labels, image_size=None, exif="refuse"):
    """Reads an image and its mask, and brings both to one size.

    Args:
        example: An `Example`.
        labels: The `LabelFormat` of its mask.
        image_size: (height, width) to resize to, or None to keep the size. The
            image is averaged when it shrinks, the mask takes the nearest id.
        exif: As of `read_image`; image and mask have to be stored alike.

    Returns:
        The image, uint8 (height, width, 3), and the mask, uint8 (height, width),
        or None for an example without a mask.

    Raises:
        UserError: See `read_image` and `read_mask`; or the sizes of the two differ.
    """
    image = read_image(example.image, exif)
    mask = None
    if example.mask is not None:
        _check_stored_alike(example, exif)
        mask = read_mask(example.mask, labels, exif)
        _check_sizes(example, image.shape[:2], mask.shape)
    if image_size is None or tuple(image_size) == image.shape[:2]:
        return image, mask
    # Pillow's bilinear filter widens when it shrinks, so nothing is skipped.
    image = _resize(image, image_size, Image.Resampling.BILINEAR)
    if mask is not None:
        mask = _resize(mask, image_size, Image.Resampling.NEAREST)
    return image, mask


def read_size(example, labels, exif="refuse"):
    """Reads the size of an image from the beginning of its file, and its mask's.

    Nothing is decoded.

    Finds what is missing, empty, of another format, or of the wrong kind or size;
    not what is damaged further on, nor wrong class ids.

    Args:
        example: An `Example`.
        labels: The `LabelFormat` of its mask.
        exif: As of `read_example`.

    Returns:
        (height, width) of the image, upright.

    Raises:
        UserError: See `read_example`.
    """
    image, header, size = image_files.read_header(
        example.image, image_files.IMAGES, exif
    )
    image_files.check_image_kind(example.image, image, header)
    if example.mask is not None:
        _check_stored_alike(example, exif)
        _, header, mask_size = image_files.read_header(
            example.mask, image_files.MASKS, exif
        )
        mask_kind(example.mask, header, labels)
        _check_sizes(example, size, mask_size)
    return size


def _check_stored_alike(example, exif):
    """Refuses a turned image whose mask is not, or the other way round.

    Which of the two ways the mask was drawn nobody can tell.
    """
    if exif != "apply":
        return
    paths = (example.image, example.mask)
    of_image, of_mask = (image_files.read_orientation(path) for path in paths)
    if of_image != of_mask:
        raise UserError(
            f"{example.image} has EXIF orientation {of_image} but its mask "
            f"{example.mask} has {of_mask}; save both upright and without that entry."
        )


def _opaque(path, image):
    image = image.convert("RGBA")
    alpha = np.asarray(image)[..., 3]
    if alpha.min() < 255:
        raise UserError(
            f"{path} has {np.count_nonzero(alpha < 255)} transparent pixels; expected "
            "an opaque image. Save it without an alpha channel."
        )
    return image


def _values(image, content):
    """The numbers in the file; Pillow stretches 1-, 2- and 4-bit grey to 0..255."""
    depth, colour_type = image_files.png_header(content)
    values = np.array(image.convert("L") if image.mode == "1" else image)
    return values // (255 // (2**depth - 1)) if colour_type == GREY else values


def _check_values(path, values, wrong, ids):
    if not wrong.any():
        return
    row, column = np.argwhere(wrong)[0]
    value = values[row, column]
    raise UserError(
        f"{path} holds class id {value} in {np.count_nonzero(values == value)} pixels, "
        f"first at (row, column) = ({row}, {column}); expected "
        f"{label_map.describe(ids)}. Mend the mask, or set the number of classes "
        "or the ignore label to fit it."
    )


def _classes_of_colours(path, pixels, colours):
    codes = pixels.astype(np.int32) @ np.array([65536, 256, 1], np.int32)
    known, places, counts = np.unique(codes, return_inverse=True, return_counts=True)
    red, green, blue = known >> 16, known >> 8 & 255, known & 255
    classes = np.array(
        [colours.get(key, REFUSED) for key in zip(red, green, blue, strict=True)]
    )
    classes = classes.astype(np.uint8)[places].reshape(codes.shape)
    wrong = np.argwhere(classes == REFUSED)
    if not len(wrong):
        return classes
    row, column = wrong[0]
    colour = tuple(pixels[row, column].tolist())
    count = counts[places.reshape(codes.shape)[row, column]]
    raise UserError(
        f"{path} holds the colour {colour} in {count} pixels, first at (row, column) "
        f"= ({row}, {column}); expected one of the {len(colours)} colours of the data "
        "set. Mend the mask, or name the colour's class."
    )


def _check_sizes(example, image_size, mask_size):
    if image_size == mask_size:
        return
    raise UserError(
        f"{example.image} is {image_size[1]} x {image_size[0]} pixels (width x "
        f"height) but its mask {example.mask} is {mask_size[1]} x {mask_size[0]}; make "
        "the mask of the same image in the same size."
    )


def _resize(array, image_size, resampling):
    height, width = image_size
    return np.array(Image.fromarray(array).resize((width, height), resampling))
