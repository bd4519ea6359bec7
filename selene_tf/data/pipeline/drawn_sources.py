"""The sources of a run on drawn street scenes."""

import functools

import numpy as np

from selene_tf.data.pipeline.sources import MemorySource, Sources
from selene_tf.data.scenes.draw import draw

# The drawn data set is one and the same whatever the seed of the training.
_TRAINING_SCENES, _VALIDATION_SCENES = 0, 1


def from_scenes(num_training, num_validation, labelled_ratio, size, use_unlabelled):
    """Makes the sources of drawn street scenes, every n-th of them labelled.

    Args:
        num_training: Scenes to train on.
        num_validation: Scenes to validate on.
        labelled_ratio: A whole number, 1 or more.
        size: Height and width in pixels.
        use_unlabelled: Whether the unlabelled ones are wanted.

    Returns:
        A `Sources`.
    """
    draw_scene = functools.partial(draw, height=size[0], width=size[1])
    numbers = range(num_training)
    labelled = numbers[::labelled_ratio]
    unlabelled = sorted(set(numbers) - set(labelled)) if use_unlabelled else []
    return Sources(
        _drawn(draw_scene, labelled, _TRAINING_SCENES),
        _drawn(draw_scene, unlabelled, _TRAINING_SCENES),
        _drawn(draw_scene, range(num_validation), _VALIDATION_SCENES),
    )


def _drawn(draw_scene, numbers, seed):
    if not numbers:
        return None
    images, labels = zip(*(draw_scene(number, seed) for number in numbers), strict=True)
    return MemorySource(np.stack(images), np.stack(labels))
