"""Export as TFLite file, in four quantizations.

The converter of TensorFlow does the quantization. Measured on a network of 16 channels
trained on CamVid (101 images; gates folded; mIoU 0.4798), share of labels that are
the network's: none 1.0000, float16 0.9997, dynamic 0.9956, int8 0.9775 with a mIoU of
0.4704. ai-edge-quantizer's static recipe came to 0.9796 and 0.4710, but takes and gives
floats or int8 in place of images' uint8; its dynamic recipe took 20 ms an image, the
converter's 9. So its further dependency is not worth it.
"""

import pathlib
import tempfile

import numpy as np
import tensorflow as tf

from selene_tf.cli import native_output
from selene_tf.errors import UserError
from selene_tf.export import agreement, saved_model, tflite_metadata
from selene_tf.export.conversion import failures_of
from selene_tf.export.metadata import complete_metadata, metadata_files
from selene_tf.inference.tflite import Runner, TFLiteModel, interpreter_class, load
from selene_tf.training import atomic_write

QUANTIZATIONS = ("none", "float16", "dynamic", "int8")
# Scale and zero point of an input that is quantized, or is not.
_RAW_PIXELS = ((1.0, 0), (0.0, 0))


def export(network, output, examples, metadata, *, quantization, size, calibration=()):
    """Writes a network as TFLite file and compares the two on real images.

    Its signature `serving_default` takes "image", uint8 (1, height, width, 3), RGB,
    and gives "labels", int32 (1, height, width), and "logits", float32 (1, height,
    width, classes). Only operators that every runtime has are used. The names of the
    classes, the metadata, a model card and the licence lie in the file, as TFLite
    Metadata has it (`tflite_metadata`).

    The file appears whole or not at all.

    Args:
        network: A Keras model with an output "logits".
        output: The file, which ends in .tflite.
        examples: (image, label) pairs to compare on: uint8 (height, width, 3) and
            integers (height, width), 255 for none.
        metadata: What the network says of itself, a dict of JSON values.
        quantization: One of `QUANTIZATIONS`.
        size: Height and width in pixels of all images.
        calibration: Images, uint8 (height, width, 3), that the ranges of int8 are
            found on; others need none.

    Returns:
        What `agreement.compare` returned.

    Raises:
        UserError: if the file exists or cannot be written, images for int8 are
            missing, or it does not give what the network gives.
        ValueError: if an image is not of the size.
    """
    output, examples, calibration = (
        pathlib.Path(output),
        list(examples),
        list(calibration),
    )
    check_output(output)
    _check(quantization, calibration)
    agreement.check_images(examples, size)
    _check_calibration(calibration, size)
    metadata = complete_metadata(metadata, "tflite", size, quantization=quantization)
    with atomic_write.atomic_path(output) as temporary:
        with failures_of("TensorFlow's converter"):
            content = convert(network, size, quantization, calibration)
        num_classes = len(metadata["class_names"])
        with failures_of("LiteRT"):
            model = TFLiteModel(output, metadata, Runner(model_content=content))
            result = agreement.compare(network, model, examples, num_classes)
        agreement.require(result, quantization)
        texts = metadata_files({**metadata, "check": result})
        described = texts["MODEL_CARD.md"].partition("\n")[0].lstrip("# ")
        temporary.write_bytes(
            tflite_metadata.attach(content, texts, described, metadata["licence"])
        )
        _check_same(model, load(temporary), examples[0][0])
    return result


def check_output(output):
    """Refuses, before any work, a file that is there, or a missing interpreter.

    Raises:
        UserError: says what to do.
    """
    atomic_write.check_new(output, ".tflite")
    interpreter_class()


def convert(network, size, quantization, calibration=()):
    """Converts a network to a bare TFLite model.

    Args:
        network: A Keras model with an output "logits".
        size: Height and width in pixels.
        quantization: One of `QUANTIZATIONS`.
        calibration: Images, uint8 (height, width, 3), for int8.

    Returns:
        The model, bytes.

    Raises:
        RuntimeError: if it needs operators that not every runtime has, or takes other
            numbers than those of an image.
    """
    # With int8 the converter turns a float input into the images' uint8.
    dtype = "float32" if quantization == "int8" else "uint8"
    image = tf.TensorSpec((1, *size, 3), dtype)
    serve = saved_model.serving(network)
    with tempfile.TemporaryDirectory() as folder, native_output.suppressed():
        # Not from the functions of a Keras model: its variables stay variables then.
        saved_model.write(network, serve, folder, image)
        converter = tf.lite.TFLiteConverter.from_saved_model(folder)
        _quantize(converter, quantization, calibration)
        content = converter.convert()
    operators = tflite_metadata.operators(content)
    # Those of TensorFlow itself ("Flex...") or for variables; no device has them all.
    wrong = {name for name in operators if not name.isupper() or name == "VAR_HANDLE"}
    if wrong:
        raise RuntimeError(f"The TFLite model uses {', '.join(sorted(wrong))}.")
    _check_input(content)
    return content


def _check(quantization, calibration):
    if quantization not in QUANTIZATIONS:
        raise UserError(
            f"--quantization: found '{quantization}', expected one of "
            f"{', '.join(QUANTIZATIONS)}."
        )
    if quantization == "int8" and not calibration:
        raise UserError(
            "--quantization: int8 needs images to find the ranges of its numbers on, "
            "and found none; name some, or use float16 or dynamic."
        )


def _check_calibration(calibration, size):
    for image in calibration:
        if image.dtype != np.uint8 or image.shape != (*size, 3):
            raise ValueError(
                f"found an image of {image.dtype} {image.shape} to calibrate "
                f"with, expected uint8 {(*size, 3)}."
            )


def _quantize(converter, quantization, calibration):
    converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS]
    if quantization == "none":
        return
    converter.optimizations = [tf.lite.Optimize.DEFAULT]
    if quantization == "float16":
        converter.target_spec.supported_types = [tf.float16]
    if quantization == "int8":
        converter.target_spec.supported_ops = [tf.lite.OpsSet.TFLITE_BUILTINS_INT8]
        converter.inference_input_type = tf.uint8
        converter.representative_dataset = lambda: (
            {"image": image[None].astype(np.float32)}
            for image in [*calibration, _with_extremes(calibration[0])]
        )


def _with_extremes(image):
    """The image with one black and one white pixel.

    The converter takes the scale of the input from the images that it is shown. One
    whose brightest pixel is 84 would let all brighter ones of a device become 84.
    """
    image = image.copy()
    image[0, 0], image[-1, -1] = 0, 255
    return image


def _check_input(content):
    """The file takes images' own numbers, whatever it was calibrated on."""
    dtype, scale, zero_point = Runner(model_content=content).input_quantization()
    if dtype != np.uint8 or (scale, zero_point) not in _RAW_PIXELS:
        raise RuntimeError(
            f"The TFLite model takes {np.dtype(dtype)} of scale {scale} and zero point "
            f"{zero_point}, expected uint8 of 1 and 0."
        )


def _check_same(model, written, image):
    """The metadata must not have changed what is computed."""
    if not np.array_equal(model.logits(image[None]), written.logits(image[None])):
        raise RuntimeError("The TFLite file does not give what the model in it gave.")
