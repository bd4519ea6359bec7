"""CutMix inside a batch: each image shows a box of its neighbour.

Yun et al. 2019, https://arxiv.org/abs/1905.04899. Images 0 and 1 are neighbours, 2
and 3, and so on, and not partners drawn at random: as long as each replica has an
even number of images, pairs stay together, and any number of replicas mixes alike.
"""

import tensorflow as tf


def mix(values, boxes):
    """Pastes the neighbour's pixels into each box (CutMix).

    Images, labels and weights mixed with the same boxes fit together again.

    Args:
        values: (batch, height, width) or (batch, height, width, channels), of any
            type.
        boxes: bool (batch, height, width), True where the neighbour shows.

    Returns:
        The mixed values, of the same shape and type.

    Example:
        >>> labels = tf.constant([[[1, 1]], [[2, 2]]])
        >>> boxes = [[[True, False]], [[False, False]]]
        >>> mix(labels, boxes).numpy().tolist()
        [[[2, 1]], [[2, 2]]]
    """
    values = tf.convert_to_tensor(values)
    boxes = tf.convert_to_tensor(boxes)
    if values.shape.rank == 4:
        boxes = boxes[..., tf.newaxis]
    return tf.where(boxes, neighbours(values), values)


def neighbours(values):
    """Swaps the two images of each pair; the last of an odd batch stays.

    Args:
        values: (batch, ...), of any type.

    Returns:
        The values in the new order, of the same shape.
    """
    values = tf.convert_to_tensor(values)
    size = tf.shape(values)[0]
    numbers = tf.range(size)
    partners = tf.bitwise.bitwise_xor(numbers, 1)
    partners = tf.where(partners < size, partners, numbers)
    return tf.gather(values, partners)
