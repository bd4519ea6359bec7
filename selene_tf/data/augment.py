"""Random scaling, flipping and cropping of a picture together with its labels.

All randomness comes from the seed in the arguments: the same seed gives the same
result, eagerly and in `Dataset.map`. Normalising belongs to the network.
"""

import tensorflow as tf

from selene_tf.data.catalog import IGNORE_LABEL


def augment(image, label, seed, crop_size, scales, flip, fill_colour):
    """Scales, then flips, then crops or pads, in the order of the paper.

    Args:
        image: Picture of 0 to 255, (height, width, 3), of any number type.
        label: Class ids, (height, width).
        seed: Integers of shape (2,).
        crop_size: (height, width) of the result.
        scales: Factors to choose from; (1.0,) keeps the size.
        flip: Whether to mirror every other picture.
        fill_colour: (red, green, blue) of 0 to 255 for padding.

    Returns:
        A dict of "image", float32 (*crop_size, 3); "label", int32 crop_size, 255 on
        padding; and "valid", bool crop_size, False on padding.
    """
    image, label = tf.cast(image, tf.float32), tf.cast(label, tf.int32)
    # One seed for all would tie the flip to the scale.
    scale_seed, flip_seed, crop_seed = tf.unstack(tf.random.split(seed, 3))
    if tuple(scales) != (1.0,):
        image, label = random_scale(image, label, scale_seed, scales)
    if flip:
        image, label = random_flip(image, label, flip_seed)
    image, label, valid = crop_or_pad(image, label, crop_seed, crop_size, fill_colour)
    return {"image": image, "label": label, "valid": valid}


def random_scale(image, label, seed, scales):
    """Resizes by a factor drawn uniformly from `scales`.

    A side of length x becomes int(x * factor + 0.5), at least 1. The picture is
    averaged where it shrinks, as Pillow does it; labels take the nearest id.

    Args:
        image: float32 (height, width, 3).
        label: int32 (height, width).
        seed: Integers of shape (2,).
        scales: Factors to choose from.

    Returns:
        The new image and label.
    """
    choice = tf.random.stateless_uniform([], seed, 0, len(scales), tf.int32)
    # In float32, sides that end in exactly one half could round down.
    factor = tf.gather(tf.constant(scales, tf.float64), choice)
    size = tf.cast(tf.shape(label), tf.float64) * factor + 0.5
    size = tf.maximum(tf.cast(size, tf.int32), 1)
    image = tf.image.resize(image, size, "bilinear", antialias=True)
    label = tf.image.resize(label[..., tf.newaxis], size, "nearest")[..., 0]
    return image, label


def random_flip(image, label, seed):
    """Mirrors picture and labels left to right, with a probability of one half.

    Args:
        image: (height, width, 3).
        label: (height, width).
        seed: Integers of shape (2,).

    Returns:
        The new image and label.
    """
    mirrored = tf.random.stateless_uniform([], seed) < 0.5
    return tf.cond(
        mirrored,
        lambda: (tf.reverse(image, [1]), tf.reverse(label, [1])),
        lambda: (tf.identity(image), tf.identity(label)),
    )


def crop_or_pad(image, label, seed, crop_size, fill_colour):
    """Cuts a window at a random place; pads around the centre where it is too large.

    Height and width are treated on their own. Of the padding, the smaller half
    (rounded down) comes above and to the left.

    Args:
        image: float32 (height, width, 3).
        label: int32 (height, width).
        seed: Integers of shape (2,).
        crop_size: (height, width) of the result.
        fill_colour: (red, green, blue) for padding.

    Returns:
        The image, (*crop_size, 3); the label, crop_size, 255 on padding; and a bool
        map, crop_size, False on padding.
    """
    size = tf.shape(label)
    window = tf.minimum(size, crop_size)
    image, label = _random_window(image, label, seed, window)
    before = (crop_size - window) // 2
    margins = tf.stack([before, crop_size - window - before], axis=1)
    valid = tf.pad(tf.ones(window, tf.bool), margins)
    label = tf.pad(label, margins, constant_values=IGNORE_LABEL)
    image = tf.pad(image, tf.concat([margins, [[0, 0]]], axis=0))
    image = tf.where(valid[..., tf.newaxis], image, tf.cast(fill_colour, image.dtype))
    return (
        tf.ensure_shape(image, (*crop_size, 3)),
        tf.ensure_shape(label, crop_size),
        tf.ensure_shape(valid, crop_size),
    )


def _random_window(image, label, seed, window):
    positions = tf.shape(label) - window + 1
    drawn = tf.random.stateless_uniform([2], seed, None, None, tf.int32)
    top, left = tf.unstack(tf.math.floormod(drawn, positions))
    height, width = tf.unstack(window)
    return (
        image[top : top + height, left : left + width],
        label[top : top + height, left : left + width],
    )
