"""Export as SavedModel."""

import os
import pathlib

import tensorflow as tf

from selene_tf.errors import UserError
from selene_tf.export import agreement, encoded_images
from selene_tf.export.metadata import complete_metadata, metadata_files
from selene_tf.inference.saved_model import SavedModel, read_signature
from selene_tf.inference.saved_model_folder import EXTRA_FILES, versions
from selene_tf.training import atomic_write, run_folder

OUTPUTS = ("labels", "logits", "probabilities")


def export(
    network,
    output,
    examples,
    metadata,
    *,
    version=1,
    size=None,
    outputs=("labels", "logits"),
):
    """Writes a network as SavedModel and compares the two on real images.

    Its signature `serving_default` takes "image", uint8 (batch, height, width, 3),
    RGB, and gives "labels", int32 (batch, height, width), and "logits" or
    "probabilities", float32 (batch, height, width, classes). Normalisation and
    padding are inside. The signature `encoded` gives the same for "image_bytes",
    strings (batch,): the content of JPEG or PNG files of one size, as a server gets
    them. The names of the classes, the metadata, a model card and the licence lie in
    assets.extra.

    The version's folder appears whole or not at all; other versions are left alone.

    Args:
        network: A Keras model with an output "logits".
        output: Folder of all versions, as TensorFlow Serving expects it.
        examples: (image, label) pairs to compare on: uint8 (height, width, 3) and
            integers (height, width), 255 for none.
        metadata: What the network says of itself, a dict of JSON values.
        version: Name of the folder inside `output`, 1 or more.
        size: Height and width in pixels of all images; None for any.
        outputs: Some of `OUTPUTS`, "labels" among them.

    Returns:
        What `agreement.compare` returned.

    Raises:
        UserError: if the version exists or cannot be written, or the SavedModel does
            not give what the network gives.
        ValueError: if an image is not of the size.
    """
    output, examples = pathlib.Path(output), list(examples)
    check_output(output, version)
    agreement.check_images(examples, size)
    outputs = tuple(name for name in OUTPUTS if name in outputs)
    metadata = complete_metadata(metadata, "saved_model", size, outputs)
    atomic_write.remove_leftovers(output, "[0-9]*")
    with atomic_write.atomic_path(output / str(version)) as temporary:
        image = tf.TensorSpec((None, *_sides(size), 3), "uint8")
        serve = _refusing(serving(network, outputs), image.shape)
        write(network, serve, temporary, image, _decoding(serve))
        model = SavedModel(output, metadata, read_signature(temporary))
        num_classes = len(metadata["class_names"])
        result = agreement.compare(network, model, examples, num_classes)
        agreement.require(result)
        _check_encoded(model, examples[0][0])
        (temporary / EXTRA_FILES).mkdir()
        for name, text in metadata_files({**metadata, "check": result}).items():
            (temporary / EXTRA_FILES / name).write_text(text, encoding="utf-8")
    return result


def check_output(output, version=1):
    """Refuses, before any work, a version that is there already.

    Args:
        output: Folder of all versions.
        version: The one to write.

    Raises:
        UserError: says which version is free.
    """
    if not str(output):
        raise UserError("--output: found nothing, expected the folder to write.")
    output = pathlib.Path(output)
    if version < 1:
        raise UserError(f"--version: found {version}, expected 1 or more.")
    if os.path.exists(output / "saved_model.pb"):
        raise UserError(
            f"--output: '{output}' is a version of a SavedModel itself; name the "
            "folder above, or a new one."
        )
    if os.path.lexists(output / str(version)):
        free = max([version, *versions(output)]) + 1
        raise UserError(
            f"--version: '{output}' holds version {version} already; expected a new "
            f"one (the next is {free}), or another --output."
        )


def serving(network, outputs=("labels", "logits")):
    """A network as what is exported: an image to labels and scores.

    Args:
        network: A Keras model with an output "logits".
        outputs: Some of `OUTPUTS`.

    Returns:
        A function from "image", (batch, height, width, 3), 0..255, to a dict of the
        outputs: "labels", int32 (batch, height, width), the others float32.
    """

    def serve(image):
        logits = tf.cast(network(image, training=False)["logits"], tf.float32)
        given = {
            "labels": lambda: tf.argmax(logits, axis=-1, output_type=tf.int32),
            "logits": lambda: logits,
            "probabilities": lambda: tf.nn.softmax(logits),
        }
        return {name: given[name]() for name in outputs}

    return serve


def _refusing(serve, shape):
    """The same, but an image of another shape is an error before any convolution.

    TensorFlow does not compare what a signature is called with; its convolutions then
    end the whole process over an image without a batch axis.
    """
    return lambda image: serve(tf.ensure_shape(image, shape))


def _decoding(serve):
    """The same for the content of JPEG or PNG files, all of one size."""

    def serve_encoded(image_bytes):
        images = tf.TensorSpec((None, None, 3), tf.uint8)
        decoded = tf.map_fn(
            encoded_images.decode, image_bytes, fn_output_signature=images
        )
        return serve(decoded)

    return serve_encoded


def _check_encoded(model, image):
    """An image in a file gives what its pixels give, but for rounding."""
    content = tf.io.encode_png(image)[None]
    labels = model.signature("encoded")(image_bytes=content)["labels"].numpy()
    share = (labels == model.labels(image[None])).mean()
    if share < agreement.MIN_LABEL_AGREEMENT["none"]:
        raise UserError(
            f"--output: nothing was written, since of a PNG file {share:.2%} of the "
            "labels are those of its pixels; this should not happen, please report it "
            "with the versions that you use."
        )


def write(network, serve, folder, image, encoded=None):
    """Writes a function of a network as a bare SavedModel.

    Args:
        network: The Keras model whose variables it uses.
        serve: What `serving` gives.
        folder: Where to.
        image: `tf.TensorSpec` of what it takes.
        encoded: The same as a function of files' content; None for no such signature.

    Raises:
        OSError: if TensorFlow cannot write.
    """
    # What keras.export.ExportArchive would track besides takes half of its time.
    module = tf.Module()
    module.weights = [variable.value for variable in network.variables]
    image = tf.TensorSpec(image.shape, image.dtype, name="image")
    module.serve = tf.function(serve, [image], autograph=False)
    signatures = {"serving_default": module.serve}
    if encoded is not None:
        content = tf.TensorSpec((None,), tf.string, name="image_bytes")
        module.encoded = tf.function(encoded, [content], autograph=False)
        signatures["encoded"] = module.encoded
    try:
        tf.saved_model.save(module, str(folder), signatures=signatures)
    except tf.errors.OpError as error:
        raise OSError(run_folder.reason(error)) from None


def _sides(size):
    return (None, None) if size is None else tuple(size)
