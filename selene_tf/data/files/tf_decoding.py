"""Decodes images and masks inside TensorFlow's graph, where no Python runs.

The same pixels as `records` reads with Pillow, to the bit, as long as nothing is
resized. What cannot be used is an error of TensorFlow; `records` then says why.
"""

import struct
import zlib

import tensorflow as tf

from selene_tf.data.files.image_files import HEADER_BYTES
from selene_tf.data.files.label_map import REFUSED

DEPTH, COLOUR_TYPE = 24, 25  # Their places in the file.


def decode_image(content):
    """Decodes a PNG or JPEG file.

    Args:
        content: The file's bytes, a string tensor.

    Returns:
        uint8 (height, width, 3). Grey and palette images become RGB. Damaged,
        transparent and 16-bit files are errors.
    """
    image = tf.cond(
        tf.io.is_jpeg(content),
        # By default TensorFlow decodes faster than the standard, and less exactly.
        lambda: tf.io.decode_jpeg(content, 3, dct_method="INTEGER_ACCURATE"),
        lambda: _decode_png(content),
    )
    return tf.ensure_shape(image, (None, None, 3))


def _decode_png(content):
    depth = tf.io.decode_raw(tf.strings.substr(content, DEPTH, 1), tf.uint8)
    # TensorFlow would shift 16 bits down to 8 and say nothing.
    with tf.control_dependencies(
        [tf.debugging.assert_less(depth, tf.constant(9, "uint8"))]
    ):
        pixels = tf.io.decode_png(content, channels=0)
    channels = tf.shape(pixels)[-1]
    return tf.case(
        [
            (channels == 3, lambda: pixels),
            (channels == 1, lambda: tf.image.grayscale_to_rgb(pixels[..., :1])),
        ],
        default=lambda: _without_alpha(pixels, channels),
    )


def _without_alpha(pixels, channels):
    opaque = tf.debugging.assert_equal(
        pixels[..., channels - 1], tf.constant(255, "uint8")
    )
    with tf.control_dependencies([opaque]):
        colours = pixels[..., : channels - 1]
    grey = lambda: tf.image.grayscale_to_rgb(colours[..., :1])  # noqa: E731
    return tf.cond(channels == 2, grey, lambda: colours)


def turn_upright(pixels, orientation):
    """Turns an image upright that is stored turned, as Pillow's exif_transpose does.

    Args:
        pixels: (height, width, channels).
        orientation: int32 scalar, its EXIF orientation, 1 to 8.

    Returns:
        (height, width, channels), or (width, height, channels) for 5 to 8.
    """
    turned = tf.cond(
        orientation > 4, lambda: tf.transpose(pixels, (1, 0, 2)), lambda: pixels
    )
    is_mirrored = tf.reduce_any(orientation == tf.constant([2, 3, 6, 7]))
    is_upside_down = tf.reduce_any(orientation == tf.constant([3, 4, 7, 8]))
    turned = tf.cond(is_mirrored, lambda: turned[:, ::-1], lambda: turned)
    turned = tf.cond(is_upside_down, lambda: turned[::-1], lambda: turned)
    return tf.ensure_shape(turned, (None, None, pixels.shape[-1]))


def as_grey_header(header):
    """The first bytes of a palette PNG, changed so that its indices read as grey.

    TensorFlow decodes a palette PNG into its colours, of which grey levels would be
    taken for class ids. Called grey, the file gives its indices; only the colour
    type and the check sum of these bytes change.

    Args:
        header: The file's first 33 bytes.
    """
    changed = bytearray(header)
    changed[COLOUR_TYPE] = 0
    changed[-4:] = struct.pack(">I", zlib.crc32(bytes(changed[12:-4])))
    return bytes(changed)


def decode_index_mask(content, header, table):
    """Decodes a grey or palette mask.

    Args:
        content: The file's bytes, a string tensor.
        header: What takes the place of the first 33; see `as_grey_header`.
        table: uint8 (256,), as `label_map.table` makes it.

    Returns:
        Class ids, uint8 (height, width). Values without meaning are an error.
    """
    depth = tf.io.decode_raw(tf.strings.substr(header, DEPTH, 1), tf.uint8)[0]
    content = tf.strings.join([header, tf.strings.substr(content, HEADER_BYTES, -1)])
    values = tf.cast(tf.io.decode_png(content, channels=1)[..., 0], tf.int32)
    # libpng stretches 1, 2 and 4 bits to the range of 8.
    values //= 255 // (tf.bitwise.left_shift(1, tf.cast(depth, tf.int32)) - 1)
    return to_classes(values, table)


def decode_colour_mask(content, table):
    """Decodes a mask that shows classes as colours.

    Args:
        content: The file's bytes, a string tensor.
        table: uint8 (2**24,), as `label_map.colour_table` makes it.

    Returns:
        Class ids, uint8 (height, width). Colours without meaning are an error.
    """
    pixels = tf.io.decode_png(content, channels=0)
    channels = tf.shape(pixels)[-1]
    # With a fourth channel, as some tools write it, all of it has to be opaque.
    pixels = tf.cond(
        channels == 4, lambda: _without_alpha(pixels, channels), lambda: pixels
    )
    pixels = tf.cast(tf.ensure_shape(pixels, (None, None, 3)), tf.int32)
    red, green, blue = tf.unstack(pixels, axis=-1)
    return to_classes(red * 65536 + green * 256 + blue, table)


def to_classes(values, table):
    """Looks values up; one that is `REFUSED` is an error.

    Args:
        values: int32 (height, width), each a place in the table.
        table: uint8 (size,).

    Returns:
        Class ids, uint8 (height, width).
    """
    classes = tf.gather(table, values)
    known = tf.debugging.assert_none_equal(classes, tf.constant(REFUSED, tf.uint8))
    with tf.control_dependencies([known]):
        return tf.identity(classes)


def finish(image, label, image_size):
    """Checks that image and mask fit together, and brings both to one size.

    Args:
        image: uint8 (height, width, 3).
        label: uint8 (height, width).
        image_size: (height, width) to resize to, or None. The image is averaged
            where it shrinks, the mask takes the nearest id.

    Returns:
        The two, of the same types.
    """
    fit = tf.debugging.assert_equal(tf.shape(image)[:2], tf.shape(label))
    with tf.control_dependencies([fit]):
        image = tf.identity(image)
    if image_size is None:
        return image, label
    resized = tf.image.resize(image, image_size, "bilinear", antialias=True)
    label = tf.image.resize(label[..., tf.newaxis], image_size, "nearest")[..., 0]
    return tf.cast(tf.round(resized), tf.uint8), label
