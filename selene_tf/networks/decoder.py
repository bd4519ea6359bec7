"""From the four levels of features to logits of the image's size."""

import keras

from selene_tf.architectures import topology
from selene_tf.layers.atrous_pooling import AtrousPooling
from selene_tf.layers.conv_norm import ConvNorm, kaiming_normal
from selene_tf.layers.pyramid_pooling import PyramidPooling
from selene_tf.layers.resize import BilinearUpsample


def decode(levels, num_classes, channels, pooling="none", synchronized=False):
    """Decodes four levels of features to logits, coarsest level first.

    Args:
        levels: Level to features (batch, height, width, channels), at strides
            4, 8, 16, 32. A pruned network may lack some.
        num_classes: Number of classes.
        channels: Channels at stride 4.
        pooling: "none", or "psp" or "aspp" on the level at stride 32.
        synchronized: Whether replicas share their batch statistics.

    Returns:
        Logits, four times as large as the level at stride 4.
    """
    features = None
    for level in reversed(range(topology.NUM_LEVELS)):
        incoming = [] if features is None else [features]
        if level in levels:
            incoming.insert(0, _pooled(levels[level], level, pooling, synchronized))
        if not incoming:
            continue
        features = ConvNorm(
            channels << max(level - 1, 0),
            synchronized=synchronized,
            name=f"decoder_s{topology.stride(level)}",
        )(sum(incoming[1:], start=incoming[0]))
        if level:
            features = BilinearUpsample(2, name=f"enlarge_s{topology.stride(level)}")(
                features
            )
    scores = keras.layers.Conv2D(
        num_classes,
        3,
        padding="same",
        kernel_initializer=kaiming_normal(9 * channels),
        name="predictor",
    )(features)
    return BilinearUpsample(4, name="enlarge_s4")(scores)


def _pooled(features, level, pooling, synchronized):
    kind = {"psp": PyramidPooling, "aspp": AtrousPooling}.get(pooling)
    if kind is None or level != topology.NUM_LEVELS - 1:
        return features
    return kind(synchronized=synchronized, name="pooling")(features)
