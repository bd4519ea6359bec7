"""Encoders' weights of `keras.applications`: ImageNet's, or from a file of Keras."""

import pathlib

import keras

from selene_tf.errors import UserError
from selene_tf.layers.normalize import ColourNormalization

# How each application's images were normalised.
COLOURS = {
    "mobilenet_v2": ColourNormalization((127.5,) * 3, (127.5,) * 3),
    "resnet50": ColourNormalization((123.68, 116.779, 103.939), (1.0,) * 3, "bgr"),
}
_IMAGENET = "imagenet"
_SUFFIXES = (".weights.h5", ".h5", ".keras")


def load_encoder(network, encoder, source):
    """Fills a network's encoder with weights of `keras.applications`.

    Args:
        network: A Keras model whose encoder has the application's layers.
        encoder: "mobilenet_v2" or "resnet50".
        source: "imagenet", which Keras downloads unless it has it; or a file that
            `save_weights` or `save` wrote of the application without its top.

    Returns:
        How many arrays were loaded.

    Raises:
        UserError: it cannot be downloaded or read, or is of another network.

    Reference: https://keras.io/api/applications/
    """
    weights = {v.path: v for v in _application(encoder, source).weights}
    filled = [v for v in network.weights if v.path in weights]
    if not filled:
        raise ValueError(f"the network has no encoder of {encoder}")
    for variable in filled:
        variable.assign(weights[variable.path])
    return len(filled)


def check_source(source):
    """Refuses, before anything is built, what is no source of weights.

    Raises:
        UserError: the file is missing or of another kind.
    """
    if source == _IMAGENET:
        return
    if not source.endswith(_SUFFIXES) or not pathlib.Path(source).is_file():
        raise UserError(
            f"--encoder_weights: found '{source}', expected {_IMAGENET}, or a file "
            f"that is there and ends in {', '.join(_SUFFIXES)}."
        )


def _application(encoder, source):
    make = {
        "mobilenet_v2": keras.applications.MobileNetV2,
        "resnet50": keras.applications.ResNet50,
    }[encoder]
    options = {"include_top": False, "input_shape": (224, 224, 3)}
    check_source(source)
    try:
        if source == _IMAGENET:
            return make(weights=_IMAGENET, **options)
        application = make(weights=None, **options)
        application.load_weights(source)
    # Keras and HDF5 raise almost anything over a file or a missing network.
    except Exception as error:
        reason = " ".join(str(error).split())[:200]
        raise UserError(
            f"--encoder_weights: cannot read '{source}' ({reason}); expected weights "
            f"of keras.applications' {make.__name__} without its top, or a connection "
            "to download them."
        ) from None
    return application
