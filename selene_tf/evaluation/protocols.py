"""Showing images to a network: whole, padded or in windows, in TensorFlow's graph."""

import itertools

import tensorflow as tf

from selene_tf.config.protocol import WHOLE
from selene_tf.layers.normalize import IMAGENET_COLOURS, Normalize


def predict(network, images, protocol=WHOLE):
    """Predicts labels, and the gates of images that are shown once; not compiled.

    Args:
        network: A network of `networks.build`.
        images: RGB (batch, height, width, 3) in 0..255.
        protocol: A `Protocol`.

    Returns:
        A dict: "labels", int32 (batch, height, width), and "gates", if there are any.
    """
    if protocol.is_one_pass:
        outputs = _shown_once(network, images, protocol)
    else:
        outputs = {"logits": _averaged(network, images, protocol)}
    labels = tf.argmax(outputs["logits"], axis=-1, output_type=tf.int32)
    return {"labels": labels} | {k: v for k, v in outputs.items() if k == "gates"}


def _averaged(network, images, protocol):
    """Class scores over all scales and views.

    Of one scale and view they are logits; of several the mean of probabilities (Chen
    et al. 2018, DeepLab's evaluation), since logits of other sizes have other scales.
    """
    size = tf.shape(images)[1:3]
    views = list(itertools.product(protocol.scales, (False, True)[: 1 + protocol.flip]))
    scores = []
    for scale, is_mirrored in views:
        shown = images
        if scale != 1:
            shown = tf.image.resize(images, _scaled_size(size, scale))
        if is_mirrored:
            shown = tf.reverse(shown, [2])
        logits = _shown_once(network, shown, protocol)["logits"]
        if is_mirrored:
            logits = tf.reverse(logits, [2])
        if scale != 1:
            logits = tf.image.resize(logits, size)
        scores.append(logits if len(views) == 1 else tf.nn.softmax(logits))
    return tf.add_n(scores) / len(scores)


def _shown_once(network, images, protocol):
    """Outputs for images of one scale; of windows there are logits alone."""
    match protocol.mode:
        case "whole":
            return network(images, training=False)
        case "centre_pad":
            return _centred(network, images, protocol.size)
        case "sliding":
            logits = _windows(network, images, protocol.size, protocol.stride)
            return {"logits": logits}


def _centred(network, images, canvas):
    size = tf.shape(images)[1:3]
    missing = tf.maximum(canvas - size, 0)
    before = missing // 2
    padded = _pad(network, images, before, missing - before)
    outputs = network(padded, training=False)
    begin = [0, before[0], before[1], 0]
    logits = tf.slice(outputs["logits"], begin, [-1, size[0], size[1], -1])
    return {**outputs, "logits": logits}


def _windows(network, images, window, stride):
    """Mean logits of overlapping windows; the last ones end at the border."""
    size = tf.shape(images)[1:3]
    padded = _pad(network, images, tf.zeros_like(size), tf.maximum(window - size, 0))
    last = tf.maximum(size - window, 0)
    numbers = -(-last // stride) + 1

    def add(number, *sums):
        place = tf.stack([number // numbers[1], number % numbers[1]])
        start = tf.minimum(place * stride, last)
        return number + 1, *_with_window(network, padded, start, window, sums)

    sums = _empty_sums(network, padded)
    _, logits, counts = tf.while_loop(
        lambda number, *_: number < numbers[0] * numbers[1],
        add,
        (tf.constant(0), *sums),
        shape_invariants=(tf.TensorShape([]), *(x.shape for x in sums)),
        # Each holds logits of the whole image.
        parallel_iterations=1,
    )
    return (logits / counts)[:, : size[0], : size[1]]


def _empty_sums(network, images):
    """Where logits are summed up, and how many windows saw a pixel."""
    logits = network.output["logits"]
    batch, height, width, _ = tf.unstack(tf.shape(images))
    num_classes = logits.shape[-1]
    sums = tf.zeros([batch, height, width, num_classes], logits.dtype)
    counts = tf.zeros([1, height, width, 1], logits.dtype)
    return (
        tf.ensure_shape(sums, [None, None, None, num_classes]),
        tf.ensure_shape(counts, [1, None, None, 1]),
    )


def _with_window(network, images, start, window, sums):
    """The sums with the logits of one window."""
    top, left = tf.unstack(start)
    tile = images[:, top : top + window[0], left : left + window[1]]
    below, right = tf.unstack(tf.shape(images)[1:3] - start - window)
    margins = [[0, 0], [top, below], [left, right], [0, 0]]
    own = network(tile, training=False)["logits"]
    added = own, tf.ones([1, *window, 1], own.dtype)
    return [
        tf.ensure_shape(total + tf.pad(part, margins), total.shape)
        for total, part in zip(sums, added, strict=True)
    ]


def _pad(network, images, before, after):
    """Pads at the top and left, and at the bottom and right, with the mean colour."""
    colour = tf.constant(_mean_colour(network), images.dtype)
    margins = [[0, 0], [before[0], after[0]], [before[1], after[1]], [0, 0]]
    is_image = tf.pad(tf.ones_like(images[:1, ..., :1], tf.bool), margins)
    return tf.where(is_image, tf.pad(images, margins), colour)


def _mean_colour(network):
    """What the network subtracts from images, so that it is 0 to it."""
    means = [layer.mean for layer in network.layers if isinstance(layer, Normalize)]
    return means[0] if means else IMAGENET_COLOURS.mean


def _scaled_size(size, scale):
    scaled = tf.cast(tf.cast(size, tf.float32) * scale + 0.5, tf.int32)
    return tf.maximum(scaled, 1)
