"""The strong view of an image: other colours or none, out of focus, a box to mix.

The recipe is UniMatch's (Yang et al. 2023, https://arxiv.org/abs/2208.09910), and the
box CutMix's (Yun et al. 2019, https://arxiv.org/abs/1905.04899). No pixel moves, so
that labels of the unchanged image hold for its strong view. All randomness comes
from the seed in the arguments, as in `augment`. Give each function here a seed of its
own, other than that of `augment`: equal seeds give related draws.
"""

import tensorflow as tf

# UniMatch's probabilities and ranges; torchvision's ColorJitter(0.5, 0.5, 0.5, 0.25)
# means factors of 1 - 0.5 to 1 + 0.5 and a quarter of the colour circle either way.
JITTER_PROBABILITY = 0.8
BRIGHTNESS_FACTORS = (0.5, 1.5)
CONTRAST_FACTORS = (0.5, 1.5)
SATURATION_FACTORS = (0.5, 1.5)
LARGEST_HUE_SHIFT = 0.25

GREY_PROBABILITY = 0.2

BLUR_PROBABILITY = 0.5
BLUR_SIGMAS = (0.1, 2.0)
# Three sigma of the strongest blur; 0.1% of its weight lies further out.
BLUR_RADIUS = 6

BOX_PROBABILITY = 0.5
BOX_SHARES = (0.02, 0.4)
BOX_ASPECT_RATIOS = (0.3, 1 / 0.3)


def strong_augment(image, valid, seed, fill_colour):
    """Augments an image strongly without moving a pixel: the student's strong view.

    Colour jitter, greyscale and Gaussian blur, in this order, each with a probability
    of its own. Padding takes part until the end, when it gets its colour back: it
    counts for the mean that contrast refers to, and a blur lets its colour bleed at
    most 6 pixels into the image. Both are accepted, for a strong view is meant to be
    distorted.

    Args:
        image: float32 (height, width, 3) of 0 to 255.
        valid: bool (height, width), False on padding.
        seed: Integers of shape (2,).
        fill_colour: (red, green, blue) of 0 to 255, the colour of padding.

    Returns:
        The new image, of the same shape, type and range.

    Example:
        >>> image, valid = tf.fill((4, 6, 3), 90.0), tf.fill((4, 6), True)
        >>> strong = strong_augment(image, valid, (1, 2), (0, 0, 0))
        >>> strong.shape, strong.dtype
        (TensorShape([4, 6, 3]), tf.float32)
    """
    jitter_seed, grey_seed, blur_seed = tf.unstack(tf.random.split(seed, 3))
    changed = image / 255.0
    changed = _sometimes(JITTER_PROBABILITY, colour_jitter, changed, jitter_seed)
    changed = _sometimes(GREY_PROBABILITY, _grey, changed, grey_seed)
    changed = _sometimes(BLUR_PROBABILITY, _random_blur, changed, blur_seed)
    # Weights of a blur may sum up to a little more than 1.
    changed = tf.clip_by_value(changed * 255.0, 0.0, 255.0)
    fill = tf.cast(fill_colour, tf.float32)
    return tf.where(valid[..., tf.newaxis], changed, fill)


def colour_jitter(image, seed):
    """Jitters brightness, contrast, saturation and hue, always in this order.

    UniMatch draws the order too; a fixed one spares a graph of 24 branches. Contrast
    spreads each channel about its own mean, and saturation is that of HSV, where
    torchvision mixes with the grey image.

    Args:
        image: float32 (height, width, 3) of 0 to 1.
        seed: Integers of shape (2,).

    Returns:
        The new image, of the same shape and range.
    """
    seeds = tf.unstack(tf.random.split(seed, 4))
    image = image * tf.random.stateless_uniform([], seeds[0], *BRIGHTNESS_FACTORS)
    # Clipped each time, since a colour out of range has no saturation or hue.
    image = tf.clip_by_value(image, 0.0, 1.0)
    image = tf.image.stateless_random_contrast(image, *CONTRAST_FACTORS, seeds[1])
    image = tf.clip_by_value(image, 0.0, 1.0)
    image = tf.image.stateless_random_saturation(image, *SATURATION_FACTORS, seeds[2])
    image = tf.image.stateless_random_hue(image, LARGEST_HUE_SHIFT, seeds[3])
    return tf.clip_by_value(image, 0.0, 1.0)


def gaussian_blur(image, sigma):
    """Blurs an image with a Gaussian kernel that reaches 6 pixels each way.

    The outermost rows and columns are repeated outwards, so that borders keep their
    brightness and images of any size will do.

    Args:
        image: float32 (height, width, 3).
        sigma: Standard deviation in pixels, above 0; 6 pixels are too few for more
            than 2.

    Returns:
        The new image, of the same shape.
    """
    distances = tf.range(-BLUR_RADIUS, BLUR_RADIUS + 1, dtype=tf.float32)
    weights = tf.nn.softmax(-tf.square(distances / sigma) / 2.0)
    kernel = tf.tile(weights[:, tf.newaxis, tf.newaxis, tf.newaxis], [1, 1, 3, 1])
    image = _repeat_border(_repeat_border(image, 0), 1)[tf.newaxis]
    image = tf.nn.depthwise_conv2d(image, kernel, [1, 1, 1, 1], "VALID")
    kernel = tf.transpose(kernel, [1, 0, 2, 3])
    return tf.nn.depthwise_conv2d(image, kernel, [1, 1, 1, 1], "VALID")[0]


def cutmix_box(size, seed):
    """Draws a CutMix box for every other image, to be filled from another image.

    An aspect ratio is the share of the height to the share of the width: 1 has the
    shape of the image. UniMatch's images are squares, for which this is height
    to width in pixels. A side that does not fit is cut to the image's, where
    UniMatch draws again; no share leaves its range by that.

    Args:
        size: (height, width) of the image.
        seed: Integers of shape (2,).

    Returns:
        bool (height, width): True inside the box, False everywhere without one.

    Example:
        >>> box = cutmix_box((4, 6), (1, 2))
        >>> box.shape, box.dtype
        (TensorShape([4, 6]), tf.bool)
    """
    chance_seed, *side_seeds, place_seed = tf.unstack(tf.random.split(seed, 4))
    size = tf.convert_to_tensor(size, tf.int32)
    drawn = tf.random.stateless_uniform([], chance_seed) < BOX_PROBABILITY
    sides = tf.where(drawn, _box_sides(size, *side_seeds), 0)
    numbers = tf.random.stateless_uniform([2], place_seed, None, None, tf.int32)
    starts = tf.math.floormod(numbers, size - sides + 1)
    rows, columns = (
        _interval(size[axis], starts[axis], sides[axis]) for axis in (0, 1)
    )
    return rows[:, tf.newaxis] & columns


def _sometimes(probability, change, image, seed):
    chance_seed, change_seed = tf.unstack(tf.random.split(seed, 2))
    return tf.cond(
        tf.random.stateless_uniform([], chance_seed) < probability,
        lambda: change(image, change_seed),
        lambda: tf.identity(image),
    )


def _grey(image, _):
    return tf.image.grayscale_to_rgb(tf.image.rgb_to_grayscale(image))


def _random_blur(image, seed):
    return gaussian_blur(image, tf.random.stateless_uniform([], seed, *BLUR_SIGMAS))


def _repeat_border(image, axis):
    # tf.pad mirrors, and only as far as the image reaches.
    length = tf.shape(image)[axis]
    places = tf.range(-BLUR_RADIUS, length + BLUR_RADIUS)
    return tf.gather(image, tf.clip_by_value(places, 0, length - 1), axis=axis)


def _box_sides(size, share_seed, ratio_seed):
    """Returns the height and width of a box, int32 (2,), at least 1 pixel each."""
    share = tf.random.stateless_uniform([], share_seed, *BOX_SHARES)
    ratio = tf.random.stateless_uniform([], ratio_seed, *BOX_ASPECT_RATIOS)
    sides = tf.sqrt(tf.stack([share * ratio, share / ratio]))
    sides = tf.cast(tf.round(sides * tf.cast(size, tf.float32)), tf.int32)
    return tf.minimum(tf.maximum(sides, 1), size)


def _interval(length, start, side):
    places = tf.range(length)
    return (places >= start) & (places < start + side)
