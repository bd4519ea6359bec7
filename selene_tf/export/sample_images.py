"""Sampling images of a run, which its exports are compared and calibrated on."""

import numpy as np
import tensorflow as tf
from PIL import Image

from selene_tf.data.pipeline.sources import named_failures


def examples(source, count, size=None):
    """Samples images and labels of a source, spread evenly over it.

    Args:
        source: A `sources.Source`.
        count: How many at most; 0 for all.
        size: Height and width in pixels to which they are resized, images bilinearly
            and labels to the nearest; None to leave them.

    Returns:
        A list of (uint8 (height, width, 3), int32 (height, width)).
    """
    count = min(count or source.size, source.size)
    places = np.linspace(0, source.size - 1, count).round().astype(int)
    with named_failures(source):
        return [_resized(_read(source, place), size) for place in places.tolist()]


def _read(source, place):
    example = source.read(tf.constant(place, tf.int64))
    return example["image"].numpy().astype(np.uint8), example["label"].numpy()


def _resized(example, size):
    image, label = example
    if size is None or image.shape[:2] == tuple(size):
        return example
    height, width = size
    resized = Image.fromarray(image).resize((width, height), Image.Resampling.BILINEAR)
    mask = Image.fromarray(label.astype(np.uint8)).resize(
        (width, height), Image.Resampling.NEAREST
    )
    return np.array(resized), np.array(mask).astype(label.dtype)
