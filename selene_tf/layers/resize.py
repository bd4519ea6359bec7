"""Bilinear enlargement and picture borders: layers without weights."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("selene_tf")
class Enlarge(keras.layers.Layer):
    """Enlarges features by a whole factor, bilinearly.

    Half-pixel centres and clamped edges, as PyTorch's align_corners=False:
    [0, 1] doubled is [0, 0.25, 0.75, 1].

    Args:
        factor: How many times larger, in each direction.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height * factor, width * factor, channels)
    """

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        _, height, width, _ = ops.shape(inputs)
        size = (height * self.factor, width * self.factor)
        # Cast, since TensorFlow's resize returns float32 whatever it is given.
        return ops.cast(_resize(inputs, size), self.compute_dtype)

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (
            batch,
            None if height is None else height * self.factor,
            None if width is None else width * self.factor,
            channels,
        )

    def get_config(self):
        return {**super().get_config(), "factor": self.factor}


@keras.saving.register_keras_serializable("selene_tf")
class PadToMultiple(keras.layers.Layer):
    """Pads the bottom and the right with zeros up to a multiple of pixels.

    It stands after the normalisation, where 0 is the mean colour.

    Args:
        multiple: Height and width of the output are multiples of it, in pixels.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height', width', channels)
    """

    def __init__(self, multiple=32, **kwargs):
        super().__init__(**kwargs)
        self.multiple = multiple

    def call(self, inputs):
        _, height, width, _ = ops.shape(inputs)
        bottom, right = -height % self.multiple, -width % self.multiple
        return ops.pad(inputs, ((0, 0), (0, bottom), (0, right), (0, 0)))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, self._padded(height), self._padded(width), channels)

    def _padded(self, length):
        return None if length is None else length + -length % self.multiple

    def get_config(self):
        return {**super().get_config(), "multiple": self.multiple}


@keras.saving.register_keras_serializable("selene_tf")
class CropLike(keras.layers.Layer):
    """Cuts features, at the bottom and the right, to another tensor's size.

    Input shape: [(batch, height, width, channels), (batch, h, w, any)]
    Output shape: (batch, h, w, channels)
    """

    def call(self, inputs):
        features, reference = inputs
        _, height, width, _ = ops.shape(reference)
        return features[:, :height, :width, :]

    def compute_output_shape(self, input_shape):
        features, reference = input_shape
        return (features[0], reference[1], reference[2], features[3])


def _resize(inputs, size):
    if keras.backend.backend() != "tensorflow":
        return ops.image.resize(
            inputs, size, interpolation="bilinear", data_format="channels_last"
        )
    # Keras's own would refuse a size that is known only when it runs.
    import tensorflow as tf

    return tf.image.resize(inputs, size)
