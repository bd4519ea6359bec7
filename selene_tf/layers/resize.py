"""Bilinear resizing, subsampling, padding and cropping: layers without weights."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("selene_tf")
class BilinearUpsample(keras.layers.Layer):
    """Upsamples features bilinearly by an integer factor.

    Half-pixel centres and clamped edges, as PyTorch's align_corners=False:
    [0, 1] doubled is [0, 0.25, 0.75, 1].

    Args:
        factor: How many times larger, in each direction.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height * factor, width * factor, channels)

    Example:
        >>> row = keras.ops.reshape([0.0, 1.0], (1, 1, 2, 1))
        >>> BilinearUpsample(2)(row).numpy()[0, 0, :, 0].tolist()
        [0.0, 0.25, 0.75, 1.0]
    """

    def __init__(self, factor, **kwargs):
        super().__init__(**kwargs)
        self.factor = factor

    def call(self, inputs):
        _, height, width, _ = ops.shape(inputs)
        size = (height * self.factor, width * self.factor)
        return resize(inputs, size)

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
    """Pads images at the bottom and the right to multiples of so many pixels.

    It stands after the normalisation, where 0 is the mean colour.

    Args:
        multiple: Height and width of the output are multiples of it, in pixels.
        at_least: Smallest height and width of the output, in pixels.

    Input shape: (batch, height, width, channels)
    Output shape: (batch, height', width', channels)
    """

    def __init__(self, multiple=32, at_least=0, **kwargs):
        super().__init__(**kwargs)
        self.multiple = multiple
        self.at_least = at_least

    def call(self, inputs):
        _, height, width, _ = ops.shape(inputs)
        bottom, right = self._padded(height) - height, self._padded(width) - width
        return ops.pad(inputs, ((0, 0), (0, bottom), (0, right), (0, 0)))

    def compute_output_shape(self, input_shape):
        batch, height, width, channels = input_shape
        return (batch, self._padded(height), self._padded(width), channels)

    def _padded(self, length):
        if length is None:
            return None
        # Not length + -length % multiple: ONNX has another remainder of negatives.
        padded = (length + self.multiple - 1) // self.multiple * self.multiple
        larger = ops.maximum if ops.is_tensor(length) else max
        return larger(padded, self.at_least)

    def get_config(self):
        return {
            **super().get_config(),
            "multiple": self.multiple,
            "at_least": self.at_least,
        }


@keras.saving.register_keras_serializable("selene_tf")
class CropLike(keras.layers.Layer):
    """Crops features at the bottom and the right to the size of another tensor.

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


@keras.saving.register_keras_serializable("selene_tf")
class ResizeLike(keras.layers.Layer):
    """Resizes features bilinearly to the size of another tensor.

    Half-pixel centres, and no antialiasing where they shrink.

    Input shape: [(batch, height, width, channels), (batch, h, w, any)]
    Output shape: (batch, h, w, channels)
    """

    def call(self, inputs):
        features, reference = inputs
        return resize(features, ops.shape(reference)[1:3])

    def compute_output_shape(self, input_shape):
        features, reference = input_shape
        return (features[0], reference[1], reference[2], features[3])


def resize(inputs, size):
    """Resizes features bilinearly, with half-pixel centres.

    Args:
        inputs: (batch, height, width, channels).
        size: Height and width, in pixels; numbers or scalars known at run time.

    Returns:
        (batch, *size, channels), in the dtype of `inputs`.
    """
    if keras.backend.standardize_dtype(inputs.dtype) == "float64":
        return _interpolate(_interpolate(inputs, size[0], 1), size[1], 2)
    if keras.backend.backend() != "tensorflow":
        return ops.image.resize(
            inputs,
            size,
            interpolation="bilinear",
            antialias=False,
            data_format="channels_last",
        )
    # Keras's own would refuse a size that is known only when it runs.
    import tensorflow as tf

    # In float32, which TensorFlow's resize returns whatever it is given; its
    # gradient would mix the two types, which XLA refuses.
    return ops.cast(tf.image.resize(ops.cast(inputs, "float32"), size), inputs.dtype)


def _interpolate(inputs, length, axis):
    """One direction of `resize`, written out: the libraries' stop at float32."""
    last = ops.shape(inputs)[axis] - 1
    scale = (last + 1) / length
    places = (ops.arange(length, dtype="float64") + 0.5) * scale - 0.5
    places = ops.clip(places, 0.0, ops.cast(last, "float64"))
    before = ops.cast(ops.floor(places), "int32")
    after = ops.minimum(before + 1, last)
    shape = [1, 1, 1, 1]
    shape[axis] = -1
    share = ops.reshape(places - ops.floor(places), shape)
    first, second = (ops.take(inputs, index, axis=axis) for index in (before, after))
    return first * (1.0 - share) + second * share


def subsample(inputs):
    """Subsamples by 2, as a 1x1 convolution with stride 2 does: pixels 0, 2, 4, ...

    Not by the convolution's own stride: for one image and few channels the
    gradient of that, by oneDNN in TensorFlow 2.21, writes past its memory. A
    pooling of single pixels takes as long; slicing takes longer.
    """
    # "valid" has the same pixels as "same", whose padding of -1 pixel, of an even side,
    # ONNX Runtime refuses.
    return ops.average_pool(
        inputs, pool_size=1, strides=2, padding="valid", data_format="channels_last"
    )
