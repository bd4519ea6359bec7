"""Decoding JPEG and PNG files inside of an exported graph."""

import tensorflow as tf

# Files of some kilobytes may declare more pixels than a server has memory for.
MAX_MEGAPIXELS = 179
_PNG = b"\x89PNG\r\n\x1a\n"
# Where a PNG file has its width and height, four bytes each, the highest first.
_PNG_SIZE, _PNG_SIZE_BYTES = 16, 8


def decode(content):
    """Decodes the content of a JPEG or PNG file, in the graph.

    Grey becomes RGB and an alpha channel is dropped. The entry of a photo that says how
    it is turned is not looked at.

    Args:
        content: A string scalar.

    Returns:
        uint8 (height, width, 3).

    Raises:
        tf.errors.InvalidArgumentError: it is of another kind or damaged, or declares
            more than 179 million pixels; of these none is decoded.

    Example:
        >>> decode(tf.io.encode_png(tf.zeros((2, 3, 1), tf.uint8))).shape
        TensorShape([2, 3, 3])
    """
    pixels = _declared_pixels(content)
    is_small = tf.debugging.Assert(
        (pixels > 0) & (pixels <= MAX_MEGAPIXELS * 10**6),
        [f"expected a JPEG or PNG file of at most {MAX_MEGAPIXELS} megapixels"],
    )
    # Eagerly there is nothing to wait for.
    with tf.control_dependencies([] if is_small is None else [is_small]):
        content = tf.identity(content)
    image = tf.io.decode_image(content, channels=3, expand_animations=False)
    return tf.ensure_shape(image, (None, None, 3))


def _declared_pixels(content):
    """Pixels that a file's header declares; 0 for another kind of file."""
    is_png = tf.equal(tf.strings.substr(content, 0, len(_PNG)), _PNG)
    return tf.cond(
        is_png,
        lambda: _pixels_of_png(content),
        lambda: tf.cond(
            tf.io.is_jpeg(content),
            lambda: _pixels_of_jpeg(content),
            lambda: tf.constant(0, tf.int64),
        ),
    )


def _pixels_of_png(content):
    # A file that is cut off before its size has zeros in its place.
    padded = content + tf.constant(bytes(_PNG_SIZE + _PNG_SIZE_BYTES))
    header = tf.strings.substr(padded, _PNG_SIZE, _PNG_SIZE_BYTES)
    digits = tf.reshape(tf.io.decode_raw(header, tf.uint8), (2, 4))
    sides = tf.reduce_sum(tf.cast(digits, tf.int64) * [2**24, 2**16, 2**8, 1], axis=1)
    return tf.reduce_prod(sides)


def _pixels_of_jpeg(content):
    shape = tf.image.extract_jpeg_shape(content, output_type=tf.int32)
    return tf.reduce_prod(tf.cast(shape[:2], tf.int64))
