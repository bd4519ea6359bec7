"""What both kinds of compact networks have: the encoder and the classifier."""

import keras

from selene_tf.layers.conv_norm import ConvNorm, kaiming_normal
from selene_tf.layers.normalize import Normalize
from selene_tf.layers.resize import ResizeLike
from selene_tf.layers.unread import Unread
from selene_tf.networks import backbones


def encode(num_taps, first_block, synchronized, colours):
    """Makes the network's input and the encoder.

    Args:
        num_taps: How many levels are needed, 1 to 4.
        first_block: See `mobilenet_v2.convolutions`.
        synchronized: Whether replicas share their batch statistics.
        colours: A `ColourNormalization`.

    Returns:
        (image, levels): the Keras input, and the features at strides 4, 8, ...
    """
    image = keras.Input((None, None, 3), name="image")
    normalized = Normalize(
        colours.mean, colours.deviation, colours.order, name="normalize"
    )(image)
    encoder = backbones.build("mobilenet_v2", 32, synchronized, num_taps, first_block)
    levels = encoder(normalized)
    return image, list(levels) if isinstance(levels, list | tuple) else [levels]


def join(features):
    """Puts features side by side, one after the other, at the largest size so far.

    What was joined before is enlarged once more where a larger one comes, as in the
    official code.

    Args:
        features: List of (features, stride).
    """
    joined, stride = features[0]
    for number, (following, own) in enumerate(features[1:]):
        if own > stride:
            enlarge = ResizeLike(name=f"join_{number}_enlarge")
            following = enlarge([following, joined])
        elif own < stride:
            enlarge = ResizeLike(name=f"join_{number}_enlarge")
            joined, stride = enlarge([joined, following]), own
        joined = keras.layers.Concatenate(name=f"join_{number}")([joined, following])
    return joined


def keep_unread(features, levels, read):
    """Keeps levels in the network that no block reads, as the official code has them.

    Args:
        features: Features that the network goes on with.
        levels: The levels.
        read: Numbers of those that a block reads.
    """
    unread = [level for number, level in enumerate(levels) if number not in read]
    return Unread(name="unread")([features, *unread]) if unread else features


def classify(features, image, channels, num_classes, options):
    """ReLU, a 1x1 convolution and the classifier; logits of the image's size."""
    features = keras.layers.Activation("relu", name="before_head")(features)
    features = ConvNorm(channels, name="head", **options)(features)
    return logits(features, image, num_classes, "logits")


def logits(features, image, num_classes, name):
    """A 3x3 convolution to the classes, resized to the image, in float32."""
    scores = keras.layers.Conv2D(
        num_classes,
        3,
        padding="same",
        kernel_initializer=kaiming_normal(9 * features.shape[-1]),
        name=f"{name}_classifier",
    )(features)
    resized = ResizeLike(name=f"{name}_enlarge")([scores, image])
    # The loss is computed in float32 whatever the layers compute in.
    return keras.layers.Activation("linear", dtype=keras.config.floatx(), name=name)(
        resized
    )
