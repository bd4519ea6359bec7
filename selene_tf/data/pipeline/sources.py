"""The three sources of a run: labelled, unlabelled and validation images."""

import dataclasses
import functools

import numpy as np

from selene_tf.data.datasets import validation as preflight
from selene_tf.data.datasets.label_map import IGNORE_LABEL
from selene_tf.data.pipeline import batching, in_memory
from selene_tf.data.pipeline.bad_samples import BadSamples
from selene_tf.data.scenes import draw as scenes
from selene_tf.errors import UserError

# The drawn data set is one and the same whatever the seed of the training.
_TRAINING_SCENES, _VALIDATION_SCENES = 0, 1


@dataclasses.dataclass(frozen=True)
class Sources:
    """The images of a run; `unlabelled` is None where they are not used.

    Attributes:
        bad_samples: What could not be read of the training images.
        notes: What was decided on looking at the data, a line each.
    """

    labelled: batching.Source
    unlabelled: batching.Source | None
    validation: batching.Source
    bad_samples: BadSamples = dataclasses.field(default_factory=lambda: BadSamples(0))
    notes: tuple[str, ...] = ()

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
    folder,
    examples,
    image_size,
    memory_gib,
    bad_samples,
    same_size=False,
    sample=64,
    progress=None,
):
    """Reads and checks images; keeps them in memory if they fit there.

    The beginning of every file is looked at; images that stay in memory are read
    whole, and so are some of the others.

    Args:
        folder: The `DataFolder` that they lie in.
        examples: Sequence of its examples; may be empty.
        image_size: Height and width to resize to, or None.
        memory_gib: Largest size of the decoded images in memory, in GiB.
        bad_samples: `BadSamples` for those that cannot be used.
        same_size: Whether images of different sizes are refused.
        sample: How many are read whole if they do not stay in memory; None for all.
        progress: Called as `progress(done, total)` while images are read.

    Returns:
        A `Source`, or None if there are no examples.

    Raises:
        UserError: for the first image or mask that cannot be used.
    """
    if not examples:
        return None
    reader = folder.make_reader(examples, image_size)
    kept, sizes = preflight.look(examples, reader, bad_samples, progress)
    if len(kept) < len(examples):
        reader = folder.make_reader(kept, image_size)
    size = image_size or _common_size(sizes, same_size)
    if size is not None and _gib(len(kept), size) <= memory_gib:
        images, labels = in_memory.load(reader, bad_samples, progress)
        if kept[0].mask is not None and not (labels != IGNORE_LABEL).any():
            raise preflight.no_class(reader)
        return batching.in_memory(images, labels)
    preflight.check_sample(reader, bad_samples, sample, progress)
    return batching.from_reader(reader, bad_samples)


def _common_size(sizes, same_size):
    """The size of all images, or None if they differ."""
    found = list(sizes)
    if len(found) > 1 and same_size:
        raise UserError(
            f"--evaluation_batch_size: the images have {len(found)} sizes, such as "
            f"{found[0]} and {found[1]}; expected 1, or an --image_size."
        )
    return found[0] if len(found) == 1 else None


def _gib(number, size):
    """An image has three bytes a pixel, its label one."""
    return number * size[0] * size[1] * 4 / 2**30


def _drawn(draw, numbers, seed):
    if not numbers:
        return None
    images, labels = zip(*(draw(number, seed) for number in numbers), strict=True)
    return batching.in_memory(np.stack(images), np.stack(labels))
