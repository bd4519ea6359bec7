"""Pretext tasks: an image is shuffled or turned, and a network tells how.

As in section 3.1 of SELENE, the same transformation goes onto the image and its
labels, so that a transformed image still teaches segmentation.

Two deviations. The paper shuffles every image; here each is transformed with a
probability, because images are whole at test time, as Carlucci et al. do it (2019,
https://arxiv.org/abs/1903.06864); those left alone have no pretext loss. And where a
side of the crop is no multiple of 3, its remainder gets the ignore label instead of
the image being resampled.

All randomness comes from the seed in the arguments, as in `augment`. The size of a
crop is known before any image is, so callers can check it with the other settings:
jigsaw needs 3 x 3 pixels or more, rotation a square.
"""

import dataclasses

import tensorflow as tf

from selene_tf.data.augmentation.permutations import check_count, jigsaw_permutations
from selene_tf.data.files.label_map import IGNORE_LABEL
from selene_tf.errors import UserError

# Tiles along a side of the image.
_GRID = 3
_QUARTER_TURNS = 4
# Stands for "no pretext loss", because 0 is a permutation or a rotation by 0 degrees.
NO_TASK = -1


@dataclasses.dataclass(frozen=True)
class Pretext:
    """Configures a pretext task, jigsaw or rotation, for `set_task`.

    Args:
        kind: "jigsaw" (Noroozi and Favaro, 2016, https://arxiv.org/abs/1603.09246)
            or "rotation" (Gidaris et al., 2018, https://arxiv.org/abs/1803.07728).
        probability: Share of the images that get the task, above 0 and at most 1.
        num_permutations: Number of jigsaw orders, 1 to 1000; rotation ignores it.

    Raises:
        UserError: A value is out of range.

    Example:
        >>> Pretext("rotation").num_classes
        4
        >>> Pretext("jigsaw", num_permutations=30).num_classes
        30
    """

    kind: str
    probability: float = 0.5
    num_permutations: int = 100

    def __post_init__(self):
        if self.kind not in {"jigsaw", "rotation"}:
            raise UserError(
                f"The pretext task is '{self.kind}'; give jigsaw or rotation."
            )
        if not 0 < self.probability <= 1:
            raise UserError(
                f"The probability of the pretext task is {self.probability}; give a "
                "number above 0 and at most 1."
            )
        check_count(self.num_permutations)

    @property
    def num_classes(self) -> int:
        """Number of pretext labels; valid ones are 0 to `num_classes - 1`."""
        return self.num_permutations if self.kind == "jigsaw" else _QUARTER_TURNS


def set_task(example, seed, pretext, fill_colour):
    """Applies a pretext task to an image and its labels, with a probability.

    Image, labels and the map of valid pixels are all shuffled or rotated, or none.

    Args:
        example: Dict as from `geometric.augment`, of static shapes: "image", float32
            (height, width, 3); "label", int32 (height, width); "valid", bool
            (height, width).
        seed: Integers of shape (2,); not those of `augment`, to which the draws
            could be tied.
        pretext: A `Pretext`.
        fill_colour: (red, green, blue) of 0 to 255 for what the tiles leave over.

    Returns:
        A dict of the same values, and "pretext_label", an int32 scalar: the row of
        `jigsaw_permutations` or the number of quarter turns, drawn uniformly with 0
        included, or -1 if the image was left as it is.

    Raises:
        ValueError: The image is too small for tiles, or not square for a rotation.

    Example:
        >>> label, valid = tf.zeros((6, 6), tf.int32), tf.fill((6, 6), True)
        >>> example = {"image": tf.zeros((6, 6, 3)), "label": label, "valid": valid}
        >>> result = set_task(example, (1, 2), Pretext("rotation"), (0, 0, 0))
        >>> sorted(result)
        ['image', 'label', 'pretext_label', 'valid']
    """
    # One seed for both could tie the label to whether there is a task.
    task_seed, label_seed = tf.unstack(tf.random.split(seed, 2))
    chosen = tf.random.stateless_uniform([], task_seed) < pretext.probability
    label = tf.random.stateless_uniform(
        [], label_seed, 0, pretext.num_classes, tf.int32
    )
    fills = {"image": fill_colour, "label": IGNORE_LABEL, "valid": False}
    result = dict(example)
    for name, fill in fills.items():
        values = example[name]
        # On the CPU oneDNN complains of bool, and then computes it all the same.
        numbers = tf.cast(values, tf.uint8) if values.dtype == tf.bool else values
        moved = tf.cast(_transform(numbers, label, pretext, fill), values.dtype)
        result[name] = tf.where(chosen, moved, values)
    result["pretext_label"] = tf.where(chosen, label, NO_TASK)
    return result


def _transform(values, label, pretext, fill):
    if pretext.kind == "rotation":
        return rotate(values, label)
    orders = tf.constant(jigsaw_permutations(pretext.num_permutations))
    return shuffle_tiles(values, tf.gather(orders, label), fill)


def shuffle_tiles(values, order, fill):
    """Shuffles the nine tiles of an image, each of (height // 3, width // 3) pixels.

    Tile n stands in row n // 3 and column n % 3; tile t of the result is tile
    `order[t]` of the input. What the tiles leave over at the bottom and at the right
    becomes `fill`; on the rest, shuffling with `inverse(order)` undoes it exactly.

    Args:
        values: (height, width) or (height, width, channels), of any type and of
            static shape.
        order: Permutation of 0 to 8, int32 (9,).
        fill: A scalar, or a value for each channel.

    Returns:
        The same shape and type.

    Raises:
        ValueError: A side is shorter than 3 pixels or not known.
    """
    values = tf.convert_to_tensor(values)
    height, width, *channels = values.shape
    if None in {height, width} or min(height, width) < _GRID:
        # Autograph replaces a UserError by an error of its own; this it passes on.
        raise ValueError(
            f"The image has {height} x {width} pixels; the jigsaw task needs a crop "
            f"of at least {_GRID} x {_GRID}."
        )
    rows, columns = height // _GRID, width // _GRID
    tiles = values[: rows * _GRID, : columns * _GRID]
    tiles = tf.reshape(tiles, (_GRID, rows, _GRID, columns, *channels))
    tiles = tf.reshape(_swap_inner(tiles), (_GRID**2, rows, columns, *channels))
    tiles = tf.gather(tiles, order)
    tiles = tf.reshape(tiles, (_GRID, _GRID, rows, columns, *channels))
    shuffled = tf.reshape(
        _swap_inner(tiles), (rows * _GRID, columns * _GRID, *channels)
    )
    return _extend(shuffled, values.shape, fill)


def _swap_inner(tiles):
    """Swaps axes 1 and 2: rows of a tile and tiles of a row, or back."""
    return tf.transpose(tiles, (0, 2, 1, *range(3, tiles.shape.rank)))


def _extend(values, shape, fill):
    """Fills up at the bottom and at the right; `tf.pad` has no fill per channel."""
    height, width = values.shape[:2]
    canvas = tf.broadcast_to(tf.cast(fill, values.dtype), shape)
    upper = tf.concat([values, canvas[:height, width:]], axis=1)
    return tf.ensure_shape(tf.concat([upper, canvas[height:]], axis=0), shape)


def inverse(order):
    """Inverts a permutation of tiles.

    Args:
        order: Permutation of 0 to 8, int32 (9,).

    Returns:
        int32 (9,), with `inverse(order)[order[t]]` = t.

    Example:
        >>> inverse([2, 0, 1, 3, 4, 5, 6, 7, 8]).numpy().tolist()
        [1, 2, 0, 3, 4, 5, 6, 7, 8]
    """
    return tf.math.invert_permutation(order)


def rotate(values, quarter_turns):
    """Rotates an image counter-clockwise by quarter turns, as `numpy.rot90` does.

    Args:
        values: (size, size) or (size, size, channels), of any type and of static
            shape.
        quarter_turns: An integer scalar; 4 is a full turn, -1 goes back.

    Returns:
        The same shape and type.

    Raises:
        ValueError: The image is not square or its size is not known.

    Example:
        >>> rotate([[1, 2], [3, 4]], 1).numpy().tolist()
        [[2, 4], [1, 3]]
    """
    values = tf.convert_to_tensor(values)
    height, width, *channels = values.shape
    if height is None or height != width:
        raise ValueError(
            f"The image has {height} x {width} pixels; the rotation task needs a "
            "square crop."
        )
    diagonal = tf.transpose(values, (1, 0, *range(2, values.shape.rank)))
    turned = tf.switch_case(
        tf.math.floormod(tf.cast(quarter_turns, tf.int32), _QUARTER_TURNS),
        (
            lambda: tf.identity(values),
            lambda: tf.reverse(diagonal, [0]),
            lambda: tf.reverse(values, [0, 1]),
            lambda: tf.reverse(diagonal, [1]),
        ),
    )
    return tf.ensure_shape(turned, (height, width, *channels))
