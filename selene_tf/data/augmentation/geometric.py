"""Random scaling, flipping and cropping of an image together with its labels.

All randomness comes from the seed in the arguments: the same seed gives the same
result, eagerly and in `Dataset.map`. Normalising belongs to the network.

Only the window that is wanted is computed: of a Cityscapes image at twice its size
that is a thirteenth.
"""

import tensorflow as tf

from selene_tf.data.files.label_map import IGNORE_LABEL


def augment(image, label, seed, crop_size, scales, flip, fill_colour):
    """Randomly scales, flips and crops an image together with its label map.

    In this order, which is the paper's; what is smaller than the crop is padded.

    A side of length x becomes int(x * factor + 0.5), at least 1. The image is
    interpolated bilinearly and averaged where it shrinks, as Pillow does it; labels
    take the nearest id. Height and width are cropped or padded on their own; of the
    padding, the smaller half (rounded down) comes above and to the left.

    Args:
        image: Image of 0 to 255, (height, width, 3), of any number type.
        label: Class ids, (height, width).
        seed: Integers of shape (2,).
        crop_size: (height, width) of the result.
        scales: Factors to choose from; (1.0,) keeps the size.
        flip: Whether to mirror every other image.
        fill_colour: (red, green, blue) of 0 to 255 for padding.

    Returns:
        A dict of "image", float32 (*crop_size, 3); "label", int32 crop_size, 255 on
        padding; and "valid", bool crop_size, False on padding.

    Example:
        >>> image, label = tf.zeros((8, 8, 3)), tf.zeros((8, 8), tf.int32)
        >>> view = augment(image, label, (1, 2), (4, 6), (0.5, 1.0), True, (0, 0, 0))
        >>> view["image"].shape, view["label"].shape
        (TensorShape([4, 6, 3]), TensorShape([4, 6]))
    """
    image, label = tf.convert_to_tensor(image), tf.convert_to_tensor(label)
    # One seed for all would tie the flip to the scale.
    scale_seed, flip_seed, crop_seed = tf.unstack(tf.random.split(seed, 3))
    size = _draw_size(tf.shape(label), scale_seed, scales)
    is_mirrored = flip & (tf.random.stateless_uniform([], flip_seed) < 0.5)
    window = tf.minimum(size, crop_size)
    start = _draw_start(size - window + 1, crop_seed)
    # The window is one of the mirrored image, but is cut before it is mirrored.
    mirrored_start = tf.stack([start[0], size[1] - window[1] - start[1]])
    start = tf.where(is_mirrored, mirrored_start, start)
    image = _sample_image(image, size, start, window)
    label = _sample_label(label, size, start, window)
    image, label = tf.cond(
        is_mirrored,
        lambda: (tf.reverse(image, [1]), tf.reverse(label, [1])),
        lambda: (image, label),
    )
    image, label, valid = tf.cond(
        tf.reduce_all(window == crop_size),
        lambda: (image, label, tf.ones(crop_size, tf.bool)),
        lambda: _pad(image, label, window, crop_size, fill_colour),
    )
    return {
        "image": tf.ensure_shape(image, (*crop_size, 3)),
        "label": tf.ensure_shape(label, crop_size),
        "valid": tf.ensure_shape(valid, crop_size),
    }


def _draw_size(size, seed, scales):
    choice = tf.random.stateless_uniform([], seed, 0, len(scales), tf.int32)
    # In float32, sides that end in exactly one half could round down.
    factor = tf.gather(tf.constant(scales, tf.float64), choice)
    scaled = tf.cast(size, tf.float64) * factor + 0.5
    return tf.maximum(tf.cast(scaled, tf.int32), 1)


def _draw_start(positions, seed):
    drawn = tf.random.stateless_uniform([2], seed, None, None, tf.int32)
    return tf.math.floormod(drawn, positions)


def _sample_image(image, size, start, window):
    """The window of the image resized to `size`; float32 (*window, 3)."""
    old = tf.shape(image)[:2]
    scale = tf.cast(size, tf.float32) / tf.cast(old, tf.float32)
    # Pixels that the window can see: where it shrinks, the filter widens.
    reach = tf.maximum(1 / scale, 1.0) + 1
    first = tf.cast(start, tf.float32) / scale - reach
    last = tf.cast(start + window, tf.float32) / scale + reach
    first = tf.maximum(tf.cast(tf.floor(first), tf.int32), 0)
    last = tf.minimum(tf.cast(tf.math.ceil(last), tf.int32), old)
    part = image[first[0] : last[0], first[1] : last[1]]
    shift = tf.cast(first, tf.float32) * scale - tf.cast(start, tf.float32)
    # What tf.image.resize calls when it averages; only here can a window be asked for.
    return tf.raw_ops.ScaleAndTranslate(
        images=part[tf.newaxis],
        size=window,
        scale=scale,
        translation=shift,
        kernel_type="triangle",
        antialias=True,
    )[0]


def _sample_label(label, size, start, window):
    """The same of the labels; each pixel takes the id at its centre."""
    old = tf.shape(label)
    for axis in (0, 1):
        places = 2 * (start[axis] + tf.range(window[axis])) + 1
        # In integers, since centres may lie exactly between two pixels.
        label = tf.gather(label, places * old[axis] // (2 * size[axis]), axis=axis)
    return tf.cast(label, tf.int32)


def _pad(image, label, window, crop_size, fill_colour):
    before = (crop_size - window) // 2
    margins = tf.stack([before, crop_size - window - before], axis=1)
    valid = tf.pad(tf.ones(window, tf.bool), margins)
    label = tf.pad(label, margins, constant_values=IGNORE_LABEL)
    image = tf.pad(image, tf.concat([margins, [[0, 0]]], axis=0))
    image = tf.where(valid[..., tf.newaxis], image, tf.cast(fill_colour, image.dtype))
    return image, label, valid
