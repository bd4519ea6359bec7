"""Normalisation of the colours of images in 0..255."""

import dataclasses

import keras
from keras import ops


@dataclasses.dataclass(frozen=True)
class ColourNormalization:
    """Mean, standard deviation and order of the colours of a network's images.

    Attributes:
        mean: Red, green, blue in 0..255, subtracted from the images.
        deviation: Likewise, divided by.
        order: "rgb" or "bgr", the order in which the first convolution sees them.
    """

    mean: tuple[float, float, float]
    deviation: tuple[float, float, float]
    order: str = "rgb"


# What a network that is trained from scratch uses.
IMAGENET_COLOURS = ColourNormalization(
    (123.675, 116.28, 103.53), (58.395, 57.12, 57.375)
)


@keras.saving.register_keras_serializable("selene_tf")
class Normalize(keras.layers.Layer):
    """Subtracts the mean colour and divides by the standard deviation.

    It is the network's first layer, so an exported network takes images as
    they come from a file and nothing has to be known about them.

    The values are plain attributes, read whenever the layer is called. A function
    that was traced before keeps the old ones: set them before the network is first
    run, trained or exported.

    Args:
        mean: Three numbers, red, green, blue, in 0..255.
        standard_deviation: Three numbers, likewise.
        colour_order: "rgb" or "bgr", the order in which the colours go out.

    Input shape: (batch, height, width, 3), RGB in 0..255, uint8 or float
    Output shape: (batch, height, width, 3)

    Example:
        >>> layer = Normalize(mean=(10, 20, 30), standard_deviation=(2, 4, 5))
        >>> layer(ops.full((1, 1, 1, 3), 40)).numpy().ravel().tolist()
        [15.0, 5.0, 2.0]
    """

    def __init__(self, mean, standard_deviation, colour_order="rgb", **kwargs):
        if colour_order not in ("rgb", "bgr"):
            raise ValueError(
                f"colour_order must be 'rgb' or 'bgr', found {colour_order!r}."
            )
        # No cast on the way in: in bfloat16 the difference would lose digits.
        super().__init__(autocast=False, **kwargs)
        self.mean = tuple(mean)
        self.standard_deviation = tuple(standard_deviation)
        self.colour_order = colour_order

    def call(self, inputs):
        precision = keras.backend.result_type(self.compute_dtype, "float32")
        images = ops.cast(inputs, precision)
        mean = ops.convert_to_tensor(self.mean, precision)
        deviation = ops.convert_to_tensor(self.standard_deviation, precision)
        normalized = (images - mean) / deviation
        if self.colour_order == "bgr":
            normalized = normalized[..., ::-1]
        return ops.cast(normalized, self.compute_dtype)

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "mean": self.mean,
            "standard_deviation": self.standard_deviation,
            "colour_order": self.colour_order,
        }
