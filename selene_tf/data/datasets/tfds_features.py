"""Which features of a data set of TensorFlow Datasets hold images and masks."""

import numpy as np

from selene_tf.data.datasets.tfds_records import Layout
from selene_tf.errors import UserError

_IMAGE_NAMES = ("image", "image_left")
_MASK_WORDS = ("mask", "label", "segmentation")


def find_image(features, wanted):
    """Finds the feature of the images.

    Args:
        features: {name: tfds feature}.
        wanted: The name that the user gives, or nothing: then it is the one feature
            of colour images; of several the one called "image" or "image_left".

    Returns:
        Its name.

    Raises:
        UserError: There is no such feature, or it is not clear which it is.
    """
    import tensorflow_datasets as tfds

    usable = [key for key in features if _is_image(features[key], ("uint8",))]
    likely = [
        key
        for key in usable
        if features[key].shape[-1] in (3, None)
        and not isinstance(features[key], tfds.features.LabeledImage)
    ]
    best = [key for key in _IMAGE_NAMES if key in likely][:1]
    what = "colour images of 8 bits"
    return _choose(features, wanted, usable, (likely, best), "--tfds_image", what)


def find_mask(features, wanted):
    """Finds the feature of the masks.

    Args:
        features: {name: tfds feature}.
        wanted: The name that the user gives, or nothing: then it is the one feature
            with one whole number a pixel; of several the one with "mask", "label"
            or "segmentation" in its name. Only a feature that is named may have
            several channels: the files of some such features are grey all the same.

    Returns:
        Its name.

    Raises:
        UserError: There is no such feature, or it is not clear which it is.
    """
    usable = [
        key
        for key in features
        if _is_image(features[key], ("uint8", "uint16")) or _is_array(features[key])
    ]
    likely = [
        key
        for key in usable
        if _is_array(features[key]) or features[key].shape[-1] == 1
    ]
    best = [key for key in likely if any(word in key for word in _MASK_WORDS)]
    what = "masks, a whole number a pixel"
    return _choose(features, wanted, usable, (likely, best), "--tfds_mask", what)


def layout(features, image, mask):
    """How to read the two features.

    Args:
        features: {name: tfds feature}.
        image: Name of the one that holds the images.
        mask: Name of the one that holds the masks.

    Returns:
        A `tfds_records.Layout`.
    """
    import tensorflow_datasets as tfds

    chosen = tfds.features.FeaturesDict({key: features[key] for key in (image, mask)})
    files = {
        key: tfds.decode.SkipDecoding()
        for key in (image, mask)
        if isinstance(features[key], tfds.features.Image)
    }

    def parse(data):
        example = chosen.deserialize_example(data, decoders=files)
        return example[image], example[mask]

    return Layout(parse, mask_is_file=mask in files)


def _is_image(feature, types):
    import tensorflow_datasets as tfds

    is_image = isinstance(feature, tfds.features.Image)
    return is_image and np.dtype(feature.np_dtype).name in types


def _is_array(feature):
    """Whether it holds whole numbers of shape (height, width), or with a 1 behind."""
    import tensorflow_datasets as tfds

    if not isinstance(feature, tfds.features.Tensor):
        return False
    shape = feature.shape
    is_flat = len(shape) == 2 or (len(shape) == 3 and shape[2] == 1)
    return is_flat and np.dtype(feature.np_dtype).kind in "biu"


def _choose(features, wanted, usable, guesses, flag, what):
    if wanted in usable:
        return wanted
    there = ", ".join(_described(key, features[key]) for key in features)
    if wanted:
        raise UserError(
            f"{flag}: found '{wanted}', expected the name of a feature that holds "
            f"{what}; the data set has {there}."
        )
    for names in guesses:
        if len(names) == 1:
            return names[0]
    likely = ", ".join(guesses[0]) or "none"
    raise UserError(
        f"{flag}: found {likely} that may hold {what}, expected one; name it with "
        f"{flag}. The data set has {there}."
    )


def _described(name, feature):
    import tensorflow_datasets as tfds

    kind = type(feature).__name__
    if isinstance(feature, tfds.features.Image):
        kind = f"{feature.shape[-1]}-channel {kind}"
    return f"{name} ({kind})"
