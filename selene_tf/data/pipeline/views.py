"""What a training step sees of an image: its crop, its task, its strong view."""

import dataclasses

import tensorflow as tf

from selene_tf.data.augmentation import cutmix
from selene_tf.data.augmentation.geometric import augment
from selene_tf.data.augmentation.photometric import cutmix_box, strong_augment
from selene_tf.data.augmentation.pretext import NO_TASK, Pretext, set_task
from selene_tf.errors import UserError

# Autograph would look for Python's control flow in all that the functions below call,
# which takes more than a second of every process; there is none.
_without_autograph = tf.autograph.experimental.do_not_convert


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Configures the augmentation of training images.

    Args:
        crop_size: (height, width) of a training image.
        scales: Factors to choose from; (1.0,) keeps the size.
        flip: Whether to mirror every other image.
        fill_colour: (red, green, blue) of 0 to 255 for padding.
        pretext: A `Pretext` for labelled and unlabelled images, or None.
        strong_view: Whether unlabelled images have a strong view beside.
        cutmix: Whether strong views are mixed by CutMix.
    """

    crop_size: tuple[int, int]
    scales: tuple[float, ...] = (1.0,)
    flip: bool = False
    fill_colour: tuple[float, float, float] = (0.0, 0.0, 0.0)
    pretext: Pretext | None = None
    strong_view: bool = False
    cutmix: bool = True

    def __post_init__(self):
        if len(self.crop_size) != 2 or min(self.crop_size) < 1:
            raise UserError(
                f"The crop size is {self.crop_size}; give a height and a width of at "
                "least 1 pixel."
            )
        if not self.scales or min(self.scales) <= 0:
            raise UserError(
                f"The scales are {self.scales}; give one or more factors above 0."
            )


@_without_autograph
def labelled(example, seed, augmentation):
    """Makes the training view of a labelled image: its crop, and its pretext task.

    Args:
        example: A dict of "image" (height, width, 3) and "label" (height, width).
        seed: Integers of shape (2,). The crop is the same with a task as without.
        augmentation: An `Augmentation`.

    Returns:
        A dict as from `geometric.augment`, with "pretext_label" if there is a task.

    Example:
        >>> example = {"image": tf.zeros((8, 8, 3)), "label": tf.zeros((8, 8))}
        >>> view = labelled(example, (1, 2), Augmentation(crop_size=(4, 4)))
        >>> sorted(view), view["image"].shape
        (['image', 'label', 'valid'], TensorShape([4, 4, 3]))
    """
    view = augment(
        example["image"],
        example["label"],
        seed,
        augmentation.crop_size,
        augmentation.scales,
        augmentation.flip,
        augmentation.fill_colour,
    )
    if augmentation.pretext is None:
        return view
    # Folded in, since `augment` splits the seed itself.
    task_seed = tf.random.fold_in(seed, 1)
    return set_task(view, task_seed, augmentation.pretext, augmentation.fill_colour)


@_without_autograph
def unlabelled(example, seed, augmentation):
    """Makes the weak and the strong view of an unlabelled image.

    The weak view is what `labelled` makes, without the label.

    Args:
        example: As of `labelled`.
        seed: Integers of shape (2,).
        augmentation: An `Augmentation`.

    Returns:
        A dict of "image", "valid" and, as far as asked for, "pretext_label",
        "strong_image" like "image", and "box", bool like "valid": where CutMix
        shows the neighbour.
    """
    view = labelled(example, seed, augmentation)
    del view["label"]
    if augmentation.strong_view:
        view["strong_image"] = strong_augment(
            view["image"],
            view["valid"],
            tf.random.fold_in(seed, 2),
            augmentation.fill_colour,
        )
        view["box"] = _cutmix_box(seed, augmentation)
    return view


def _cutmix_box(seed, augmentation):
    """The image's box, or none where CutMix is off."""
    if not augmentation.cutmix:
        return tf.zeros(augmentation.crop_size, tf.bool)
    return cutmix_box(augmentation.crop_size, tf.random.fold_in(seed, 3))


@_without_autograph
def mix_strong_views(batch):
    """Applies CutMix to the strong views of a batch.

    An image with a pretext task stays whole, and so does its neighbour: of a
    mixture nobody could say how its tiles are ordered.

    Args:
        batch: Dict of batches of `unlabelled`'s values.

    Returns:
        The same, with "strong_image" mixed and "box" True where it was.
    """
    boxes = batch["box"]
    if "pretext_label" in batch:
        has_task = batch["pretext_label"] != NO_TASK
        unmixed = has_task | cutmix.neighbours(has_task)
        boxes &= ~unmixed[:, tf.newaxis, tf.newaxis]
    mixed = cutmix.mix(batch["strong_image"], boxes)
    return {**batch, "strong_image": mixed, "box": boxes}
