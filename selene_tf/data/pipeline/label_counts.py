"""Counts the pixels of each class in each label of a source."""

import numpy as np
import tensorflow as tf

from selene_tf.data.pipeline.sources import named_failures


def count_by_image(source, num_classes, progress=None):
    """Counts the pixels of each class in each image of a source.

    Args:
        source: A `Source` of images with labels.
        num_classes: Number of classes; other ids are no class.
        progress: Called as `progress(done, total)` after each image.

    Returns:
        int64 (images, num_classes).

    Raises:
        UserError: An image cannot be read.
    """
    # There is no Python control flow that autograph would have to look for.
    read = tf.autograph.experimental.do_not_convert(lambda n: source.read(n)["label"])
    numbers = tf.data.Dataset.range(source.size)
    labels = numbers.map(read, num_parallel_calls=tf.data.AUTOTUNE)
    counts = np.zeros((source.size, num_classes), np.int64)
    with named_failures(source):
        for number, label in enumerate(labels.as_numpy_iterator()):
            pixels = np.bincount(label.ravel(), minlength=256)
            counts[number] = pixels[:num_classes]
            if progress is not None:
                progress(number + 1, source.size)
    return counts
