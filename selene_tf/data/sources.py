"""The three sources of a run: labelled, unlabelled and validation pictures."""

import dataclasses
import functools

import numpy as np

from selene_tf.data import catalog, pipelines, preflight, scenes
from selene_tf.errors import UserError

# The drawn data set is one and the same whatever the seed of the training.
_TRAINING_SCENES, _VALIDATION_SCENES = 0, 1


@dataclasses.dataclass(frozen=True)
class Sources:
    """The pictures of a run; `unlabelled` is None where they are not used."""

    labelled: pipelines.Source
    unlabelled: pipelines.Source | None
    validation: pipelines.Source

    def failure(self):
        """The `UserError` that stopped reading, or None."""
        used = (self.labelled, self.unlabelled, self.validation)
        failures = (source.failure() for source in used if source is not None)
        return next((failure for failure in failures if failure is not None), None)


def from_scenes(num_training, num_validation, labelled_ratio, size, use_unlabelled):
    """Draws street scenes; every `labelled_ratio`-th training one is labelled.

    Args:
        num_training: Scenes to train on.
        num_validation: Scenes to validate on.
        labelled_ratio: A whole number, 1 or more.
        size: Height and width in pixels.
        use_unlabelled: Whether the unlabelled ones are wanted.

    Returns:
        A `Sources`.
    """
    draw = functools.partial(scenes.draw, height=size[0], width=size[1])
    numbers = range(num_training)
    labelled = numbers[::labelled_ratio]
    unlabelled = sorted(set(numbers) - set(labelled)) if use_unlabelled else []
    return Sources(
        _drawn(draw, labelled, _TRAINING_SCENES),
        _drawn(draw, unlabelled, _TRAINING_SCENES),
        _drawn(draw, range(num_validation), _VALIDATION_SCENES),
    )


def from_examples(
    examples, num_classes, ignore_label, image_size, memory_gib, same_size
):
    """Reads and checks pictures; keeps them in memory if they fit there.

    Args:
        examples: Sequence of `Example`; may be empty.
        num_classes: Number of classes.
        ignore_label: Id in the masks of pixels without a label.
        image_size: Height and width to resize to, or None.
        memory_gib: Largest size of the decoded pictures in memory, in GiB.
        same_size: Whether pictures of different sizes are refused.

    Returns:
        A `Source`, or None if there are no examples.

    Raises:
        UserError: for the first picture or mask that cannot be used.
    """
    if not examples:
        return None
    arguments = (examples, num_classes, ignore_label, image_size)
    size = image_size
    if size is None:
        sizes = list(preflight.check(*arguments).sizes)
        size = sizes[0] if len(sizes) == 1 else None
        if size is None and same_size:
            raise UserError(
                f"--evaluation_batch_size: the pictures have {len(sizes)} sizes, such "
                f"as {sizes[0]} and {sizes[1]}; expected 1, or an --image_size."
            )
    if size is not None and _gib(len(examples), size) <= memory_gib:
        images, labels = preflight.load(*arguments)
        _check_labelled(examples, (labels != catalog.IGNORE_LABEL).any())
        return pipelines.in_memory(images, labels)
    report = preflight.check(*arguments)
    _check_labelled(examples, any(report.class_pixels) or not report.labelled)
    return pipelines.from_files(*arguments)


def _check_labelled(examples, is_labelled):
    if not is_labelled:
        raise UserError(
            f"{examples[0].mask} and the other {len(examples) - 1} masks have only the "
            "ignore label; expected pixels with a class in some of them."
        )


def _gib(number, size):
    """A picture has three bytes a pixel, its label one."""
    return number * size[0] * size[1] * 4 / 2**30


def _drawn(draw, numbers, seed):
    if not numbers:
        return None
    images, labels = zip(*(draw(number, seed) for number in numbers), strict=True)
    return pipelines.in_memory(np.stack(images), np.stack(labels))
