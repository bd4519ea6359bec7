"""Reads all images into memory, as arrays that TensorFlow uses where they are.

Its own conversion of an array needs three times the array's memory (TensorFlow 2.21,
measured), which for a data set decides whether it fits.
"""

import math

import numpy as np
import tensorflow as tf

from selene_tf.data.pipeline.bad_samples import DECODING_ERRORS, nothing_left, report
from selene_tf.errors import UserError

# TensorFlow's operations take for granted that tensors begin at such an address.
_ALIGNMENT = 64
# Building a graph that decodes takes about a second, as long as so many images do.
_FEW = 24


def load(reader, bad_samples, progress=None):
    """Decodes all images into two arrays, for training from memory.

    Args:
        reader: A `Reader` of images of one size.
        bad_samples: `BadSamples`; in place of images that it lets pass stand the
            next good ones, as when images are read each time.
        progress: Called as `progress(done, total)` after each image, in order.

    Returns:
        Images, uint8 (number, height, width, 3), and labels, uint8 (number,
        height, width). The labels of images without a mask are all 0 and mean
        nothing.

    Raises:
        UserError: An image cannot be used, the sizes differ, or none is left.
    """
    images, labels, bad, done = None, None, [], 0
    decoded = _decoded(reader, 0)
    while done < reader.size:
        # In order, so that after an error this number is the bad one.
        try:
            image, label = next(decoded)
        except (*DECODING_ERRORS, UserError):
            report(reader, done, bad_samples)
            bad.append(done)
            done += 1
            decoded = _decoded(reader, done)
            continue
        if images is None:
            images = empty((reader.size, *image.shape))
            labels = empty((reader.size, *label.shape))
        _check_same_size(reader.name(done), image, images)
        images[done], labels[done] = image, label
        done += 1
        if progress is not None:
            progress(done, reader.size)
    if images is None:
        raise nothing_left(reader)
    for number in reversed(bad):
        _stand_in(number, images, labels, bad)
    return images, labels


def empty(shape):
    """Allocates a uint8 array, not initialised, that `as_tensor` need not copy."""
    size = math.prod(shape)
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].reshape(shape)


def as_tensor(array):
    """Makes a tensor on the CPU that shares the memory of a uint8 array.

    The array must not be written to any more. One that is not contiguous, not
    writable or not aligned is copied first, once.
    """
    is_usable = array.flags.c_contiguous and array.flags.writeable
    if not is_usable or array.ctypes.data % _ALIGNMENT:
        copy = empty(array.shape)
        copy[...] = array
        array = copy
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())


def _decoded(reader, first):
    """Yields images and labels from a number on; the same ones, by either way."""
    if reader.size <= _FEW:
        return (_decoded_in_python(reader, n) for n in range(first, reader.size))
    numbers = tf.data.Dataset.range(first, reader.size)
    decoded = numbers.map(reader.decode, num_parallel_calls=tf.data.AUTOTUNE)
    return decoded.as_numpy_iterator()


def _decoded_in_python(reader, number):
    image, label = reader.read_checked(number)
    return image, np.zeros(image.shape[:2], np.uint8) if label is None else label


def _check_same_size(name, image, images):
    if image.shape != images.shape[1:]:
        raise UserError(
            f"{name} is {image.shape[1]} x {image.shape[0]} pixels (width x height) "
            f"but others are {images.shape[2]} x {images.shape[1]}; to keep images "
            "in memory, set an image size."
        )


def _stand_in(number, images, labels, bad):
    """Puts the next good image in the place of a bad one."""
    count = len(images)
    after = ((number + step) % count for step in range(1, count))
    good = next(place for place in after if place not in bad)
    images[number], labels[number] = images[good], labels[good]
