"""A second network, as somebody would add it: a small plain encoder-decoder.

It has no gates and no paths. The package does not know it.
"""

import dataclasses

import keras

from selene_tf.architectures import Cost
from selene_tf.layers.conv_norm import ConvNorm, kaiming_normal
from selene_tf.layers.normalize import Normalize
from selene_tf.layers.resize import BilinearUpsample, CropLike, PadToMultiple


@dataclasses.dataclass(frozen=True)
class PlainArchitecture:
    """Three halvings and one step back up.

    Attributes:
        num_classes: Number of classes.
        channels: Channels at stride 2; they double with each halving.
        auxiliary: Whether the coarsest features have a classifier of their own.
    """

    num_classes: int
    channels: int = 4
    auxiliary: bool = False

    def build(self, *, name, synchronized, colours):
        return _build(self, name, synchronized, colours)

    def cost(self, height, width):
        """By hand, convolution by convolution."""
        narrow, classes = self.channels, self.num_classes
        height, width = height + -height % 8, width + -width % 8
        pixels = {stride: height * width // stride**2 for stride in (2, 4, 8)}
        # (weights, normalised or biased channels, where it runs)
        convolutions = [
            (27 * narrow, 2 * narrow, 2),
            (9 * narrow * 2 * narrow, 4 * narrow, 4),
            (9 * 2 * narrow * 4 * narrow, 8 * narrow, 8),
            (4 * narrow * 2 * narrow, 4 * narrow, 8),
            (9 * 2 * narrow * classes, classes, 4),
        ]
        if self.auxiliary:
            convolutions.append((4 * narrow * classes, classes, 8))
        return Cost(
            sum(weights * pixels[stride] for weights, _, stride in convolutions),
            sum(weights + others for weights, others, _ in convolutions),
        )


def _build(architecture, name, synchronized, colours):
    narrow = architecture.channels
    options = {"kernel_size": 3, "strides": 2, "synchronized": synchronized}
    image = keras.Input((None, None, 3), name="image")
    features = Normalize(
        colours.mean, colours.deviation, colours.order, name="normalize"
    )(image)
    features = PadToMultiple(8, name="pad")(features)
    features = ConvNorm(narrow, name="half", **options)(features)
    fine = ConvNorm(2 * narrow, name="quarter", **options)(features)
    coarse = ConvNorm(4 * narrow, name="eighth", **options)(fine)
    narrowed = ConvNorm(2 * narrow, synchronized=synchronized, name="narrow")(coarse)
    joined = fine + BilinearUpsample(2, name="enlarge")(narrowed)
    outputs = {
        "logits": _classify(joined, 3, 4, image, architecture.num_classes, "logits"),
        "features": [fine, coarse],
    }
    if architecture.auxiliary:
        logits = _classify(coarse, 1, 8, image, architecture.num_classes, "auxiliary")
        outputs["auxiliary"] = [logits]
    return keras.Model(image, outputs, name=name)


def _classify(features, kernel_size, stride, image, num_classes, name):
    """Logits of the image's size, in float32."""
    scores = keras.layers.Conv2D(
        num_classes,
        kernel_size,
        padding="same",
        kernel_initializer=kaiming_normal(kernel_size**2 * features.shape[-1]),
        name=f"{name}_classifier",
    )(features)
    enlarged = BilinearUpsample(stride, name=f"{name}_enlarge")(scores)
    cropped = CropLike(name=f"{name}_crop")([enlarged, image])
    return keras.layers.Activation("linear", dtype="float32", name=name)(cropped)
