"""Export as SavedModel, and the check that it gives what the network gives."""

import json
import pathlib
import shutil

import keras
import numpy as np
import tensorflow as tf

from selene_tf import run_folder
from selene_tf.errors import UserError

# float32 rounding of another order of operations, relative to the largest logit.
MAX_LOGIT_DIFFERENCE = 1e-4
MIN_AGREEMENT = 0.9999


def export(network, output, images, class_names):
    """Writes a network as SavedModel and compares the two on real pictures.

    Its signature `serving_default` takes "image", uint8 (batch, height, width,
    3), RGB of any size, and gives "labels", int32 (batch, height, width),
    "logits", float32 (batch, height, width, classes), and "gates", as the network
    does. Normalisation and padding are inside; the class names lie in
    assets.extra/classes.json.

    The folder appears whole or not at all.

    Args:
        network: A routing network.
        output: Folder to write; must not exist.
        images: Pictures to compare on, each uint8 (height, width, 3).
        class_names: Names of the classes, in the order of their ids.

    Returns:
        {"max_logit_difference", "label_agreement", "images"}; the difference is
        relative to the largest logit.

    Raises:
        UserError: if the folder exists or cannot be written.
        RuntimeError: if the SavedModel does not give what the network gives.
    """
    output = pathlib.Path(output)
    if output.exists():
        raise UserError(
            f"--output: '{output}' exists already; name a new folder, or remove it."
        )
    temporary = output.with_name(f".{output.name}.part")
    shutil.rmtree(temporary, ignore_errors=True)
    try:
        _write(network, temporary)
        extra = temporary / "assets.extra"
        extra.mkdir()
        (extra / "classes.json").write_text(json.dumps(list(class_names)) + "\n")
        result = compare(network, load(temporary), images)
        temporary.rename(output)
    except (OSError, tf.errors.OpError) as error:
        raise UserError(
            f"--output: cannot write '{output}' ({run_folder.reason(error)}); expected "
            "a place with free space that may be written to."
        ) from None
    finally:
        shutil.rmtree(temporary, ignore_errors=True)
    return result


def load(folder):
    """The serving function of a SavedModel: uint8 "image" to a dict.

    Raises:
        UserError: if the folder holds no SavedModel with our signature.
    """
    try:
        model = tf.saved_model.load(str(folder))
        signature = model.signatures["serving_default"]
        inputs = set(signature.structured_input_signature[1])
        outputs = set(signature.structured_outputs)
    # A damaged one makes TensorFlow raise almost anything.
    except Exception as error:
        raise UserError(
            f"'{folder}' holds no readable SavedModel ({type(error).__name__}: "
            f"{run_folder.reason(error)}); expected what export.saved_model writes."
        ) from None
    if inputs != {"image"} or not {"labels", "logits", "gates"} <= outputs:
        raise UserError(
            f"'{folder}' takes {sorted(inputs)} and gives {sorted(outputs)}; expected "
            "what export.saved_model writes: image to gates, labels and logits."
        )

    def serve(images):
        return signature(image=tf.cast(images, tf.uint8))

    # The signature lives only as long as the model that it came from.
    serve.model = model
    return serve


def compare(network, serve, images):
    """Compares a SavedModel with the network that it was written from.

    Raises:
        RuntimeError: if logits differ by more than `MAX_LOGIT_DIFFERENCE` of the
            picture's largest, are not finite, or less than `MIN_AGREEMENT` of the
            labels agree.
    """
    difference, agreement = 0.0, []
    for image in images:
        wanted = network(image[None].astype(np.float32), training=False)["logits"]
        found = serve(image[None])
        wanted, logits = np.asarray(wanted), found["logits"].numpy()
        if not np.isfinite(logits).all():
            raise RuntimeError("The SavedModel gives logits that are not finite.")
        largest = np.abs(wanted - logits).max() / np.abs(wanted).max()
        difference = max(difference, float(largest))
        agreement.append((wanted.argmax(-1) == found["labels"].numpy()).mean())
    agreement = float(np.mean(agreement))
    if difference > MAX_LOGIT_DIFFERENCE or agreement < MIN_AGREEMENT:
        raise RuntimeError(
            f"The SavedModel's logits differ by {difference:.2g} of the largest and "
            f"{agreement:.2%} of its labels agree; expected {MAX_LOGIT_DIFFERENCE} and "
            f"{MIN_AGREEMENT:.2%}."
        )
    return {
        "max_logit_difference": difference,
        "label_agreement": agreement,
        "images": len(images),
    }


def _write(network, folder):
    def serve(image):
        outputs = network(image, training=False)
        labels = tf.argmax(outputs["logits"], axis=-1, output_type=tf.int32)
        return {
            "labels": labels,
            "logits": outputs["logits"],
            "gates": outputs["gates"],
        }

    archive = keras.export.ExportArchive()
    archive.track(network)
    archive.add_endpoint(
        "serving_default",
        serve,
        input_signature=[tf.TensorSpec((None, None, None, 3), tf.uint8, name="image")],
    )
    archive.write_out(str(folder), verbose=False)
