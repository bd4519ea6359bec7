"""DeepLabV3+: a backbone, atrous spatial pyramid pooling and a small decoder."""

import keras

from selene_tf.architectures.deeplab_v3_plus import CHANNELS, LOW_LEVEL_CHANNELS
from selene_tf.layers.atrous_pooling import AtrousPooling
from selene_tf.layers.conv_norm import ConvNorm, kaiming_normal
from selene_tf.layers.normalize import IMAGENET_COLOURS, Normalize
from selene_tf.layers.resize import BilinearUpsample, CropLike, PadToMultiple
from selene_tf.layers.separable_conv import SeparableConvNorm
from selene_tf.networks import backbones


def build(
    architecture,
    *,
    name="deeplab_v3_plus",
    synchronized=False,
    colours=IMAGENET_COLOURS,
):
    """Builds DeepLabV3+, the network that searched ones are compared with.

    Images whose sides are not multiples of 32 pixels are padded with the mean colour
    at the bottom and the right, and the logits are cut back. There is no dropout.

    Args:
        architecture: A `DeepLabV3PlusArchitecture`.
        name: Name of the Keras model.
        synchronized: Whether replicas share their batch statistics.
        colours: How images are normalised, a `ColourNormalization`.

    Returns:
        A Keras model from RGB images (batch, height, width, 3) in 0..255, uint8 or
        float, to a dict: "logits" (batch, height, width, num_classes) and "features",
        the backbone's at strides 4, 8, 16, 32 as far as the output stride.

    Reference: Chen et al. 2018, https://arxiv.org/abs/1802.02611.
    """
    image = keras.Input((None, None, 3), name="image")
    normalized = Normalize(
        colours.mean, colours.deviation, colours.order, name="normalize"
    )(image)
    padded = PadToMultiple(32, name="pad")(normalized)
    stride = architecture.output_stride
    backbone = backbones.build(architecture.backbone, stride, synchronized)
    levels = backbone(padded)
    decoded = _decode(levels[0], levels[-1], architecture, synchronized)
    scores = keras.layers.Conv2D(
        architecture.num_classes,
        1,
        kernel_initializer=kaiming_normal(CHANNELS),
        name="classifier",
    )(decoded)
    logits = CropLike(name="crop")([BilinearUpsample(4, name="enlarge")(scores), image])
    # The loss is computed in float32 whatever the layers compute in.
    logits = keras.layers.Activation(
        "linear", dtype=keras.config.floatx(), name="logits"
    )(logits)
    # The last one has been through all stages, so it stands for its size.
    finer = levels[: (4, 8, 16, 32).index(stride)]
    return keras.Model(
        image, {"logits": logits, "features": [*finer, levels[-1]]}, name=name
    )


def _decode(finest, coarsest, architecture, synchronized):
    """Features at stride 4, from the backbone's finest and coarsest."""
    options = {"synchronized": synchronized}
    pooled = AtrousPooling(
        filters=CHANNELS,
        branch_filters=CHANNELS,
        rates=architecture.rates,
        separable=architecture.is_separable,
        name="pyramid",
        **options,
    )(coarsest)
    factor = architecture.output_stride // 4
    enlarged = BilinearUpsample(factor, name="enlarge_pyramid")(pooled)
    fine = ConvNorm(LOW_LEVEL_CHANNELS, name="low_level", **options)(finest)
    features = keras.layers.Concatenate(name="join")([enlarged, fine])
    for number in (1, 2):
        name = f"decoder_{number}"
        if architecture.is_separable:
            layer = SeparableConvNorm(CHANNELS, name=name, **options)
        else:
            layer = ConvNorm(CHANNELS, 3, name=name, **options)
        features = layer(features)
    return features
