"""Reads all images into memory."""

import tensorflow as tf

from selene_tf.data.pipeline import tensor_memory
from selene_tf.errors import UserError

# The second where an error's text repeats bytes of the damaged file.
DECODING_ERRORS = (tf.errors.OpError, UnicodeDecodeError)


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
    while done < reader.size:
        # In order, so that after an error the next number is the bad one.
        try:
            for image, label in _decoded(reader, done):
                if images is None:
                    images = tensor_memory.empty((reader.size, *image.shape))
                    labels = tensor_memory.empty((reader.size, *label.shape))
                _check_same_size(reader.name(done), image, images)
                images[done], labels[done] = image, label
                done += 1
                if progress is not None:
                    progress(done, reader.size)
        except DECODING_ERRORS:
            report(reader, done, bad_samples)
            bad.append(done)
            done += 1
    if images is None:
        raise nothing_left(reader)
    for number in reversed(bad):
        _stand_in(number, images, labels, bad)
    return images, labels


def nothing_left(reader):
    """The `UserError` for a part of which no image can be used."""
    return UserError(
        f"{reader.name(0)} and the other {reader.size - 1} images of its part cannot "
        "be used, none of them; mend them."
    )


def _stand_in(number, images, labels, bad):
    """Puts the next good image in the place of a bad one."""
    count = len(images)
    after = ((number + step) % count for step in range(1, count))
    good = next(place for place in after if place not in bad)
    images[number], labels[number] = images[good], labels[good]


def report(reader, number, bad_samples):
    """Tells `bad_samples` what is wrong with an image that cannot be decoded.

    Raises:
        UserError: It was one too many.
    """
    name = reader.name(number)
    error = UserError(
        f"{name} or its mask is damaged (TensorFlow cannot decode it); save it again."
    )
    try:
        reader.read_checked(number)
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
            f"but others are {images.shape[2]} x {images.shape[1]}; to keep images "
            "in memory, set an image size."
        )
