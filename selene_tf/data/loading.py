"""Reads all pictures into memory."""

import tensorflow as tf

from selene_tf.data import tensor_memory
from selene_tf.errors import UserError


def load(reader, bad_samples, progress=None):
    """Decodes all pictures into two arrays, for training from memory.

    Args:
        reader: A `Reader` of pictures of one size.
        bad_samples: `BadSamples`; pictures that it lets pass are left out.
        progress: Called as `progress(done, total)` after each picture, in order.

    Returns:
        Pictures, uint8 (number, height, width, 3), and labels, uint8 (number,
        height, width). The labels of pictures without a mask are all 0 and mean
        nothing.

    Raises:
        UserError: A picture cannot be used, the sizes differ, or none is left.
    """
    images, labels, rows, done = None, None, 0, 0
    while done < reader.size:
        # In order, so that after an error the next number is the bad one.
        try:
            for image, label in _decoded(reader, done):
                if images is None:
                    images = tensor_memory.empty((reader.size, *image.shape))
                    labels = tensor_memory.empty((reader.size, *label.shape))
                _check_same_size(reader.name(done), image, images)
                images[rows], labels[rows] = image, label
                rows, done = rows + 1, done + 1
                if progress is not None:
                    progress(done, reader.size)
        except tf.errors.OpError:
            report(reader, done, bad_samples)
            done += 1
    if not rows:
        raise UserError("No picture can be used; check the lists or folders.")
    return images[:rows], labels[:rows]


def report(reader, number, bad_samples):
    """Tells `bad_samples` what is wrong with a picture that cannot be decoded.

    Raises:
        UserError: It was one too many.
    """
    name = reader.name(number)
    error = UserError(
        f"{name} or its mask is damaged (TensorFlow cannot decode it); save it again."
    )
    try:
        reader.examine(number)
    except UserError as reason:
        error = reason
    bad_samples.add(name, error)


def _decoded(reader, first):
    numbers = tf.data.Dataset.range(first, reader.size)
    decoded = numbers.map(reader.decode, num_parallel_calls=tf.data.AUTOTUNE)
    return decoded.as_numpy_iterator()


def _check_same_size(name, image, images):
    if image.shape != images.shape[1:]:
        raise UserError(
            f"{name} is {image.shape[1]} x {image.shape[0]} pixels (width x height) "
            f"but others are {images.shape[2]} x {images.shape[1]}; to keep pictures "
            "in memory, set an image size."
        )
