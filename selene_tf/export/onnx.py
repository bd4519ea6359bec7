"""Export as ONNX file."""

import pathlib

import tensorflow as tf

from selene_tf.cli import native_output
from selene_tf.export import agreement, saved_model
from selene_tf.export.conversion import failures_of
from selene_tf.export.metadata import complete_metadata, metadata_files
from selene_tf.inference.onnx import (
    ONNXModel,
    import_onnxruntime,
    load,
    missing_library,
    start_session,
)
from selene_tf.training import atomic_write

# Of 2022; what the network needs is older, and more runtimes know it than the newest.
_OPSET = 18


def export(network, output, examples, metadata, *, size=None):
    """Writes a network as ONNX file and compares the two on real images.

    It takes "image", uint8 (batch, height, width, 3), RGB, and gives "labels", int32
    (batch, height, width), and "logits", float32 (batch, height, width, classes). The
    names of the classes, the metadata, a model card and the licence are metadata of the
    model.

    The file appears whole or not at all.

    Args:
        network: A Keras model with an output "logits".
        output: The file, which ends in .onnx.
        examples: (image, label) pairs to compare on: uint8 (height, width, 3) and
            integers (height, width), 255 for none.
        metadata: What the network says of itself, a dict of JSON values.
        size: Height and width in pixels of all images; None for any.

    Returns:
        What `agreement.compare` returned.

    Raises:
        UserError: if the file exists or cannot be written, tf2onnx or ONNX Runtime is
            missing, or it does not give what the network gives.
        ValueError: if an image is not of the size.
    """
    output, examples = pathlib.Path(output), list(examples)
    check_output(output)
    agreement.check_images(examples, size)
    metadata = complete_metadata(metadata, "onnx", size)
    with atomic_write.atomic_path(output) as temporary:
        with failures_of("tf2onnx"):
            converted = _convert(network, size)
        num_classes = len(metadata["class_names"])
        with failures_of("ONNX Runtime"):
            session = start_session(converted.SerializeToString())
            model = ONNXModel(output, metadata, session)
            result = agreement.compare(network, model, examples, num_classes)
        agreement.require(result)
        texts = metadata_files({**metadata, "check": result})
        for name, text in texts.items():
            converted.metadata_props.add(key=name, value=text)
        temporary.write_bytes(converted.SerializeToString())
        load(temporary)
    return result


def check_output(output):
    """Refuses, before any work, a file that is there, or missing libraries.

    Raises:
        UserError: says what to do.
    """
    atomic_write.check_new(output, ".onnx")
    import_onnxruntime()
    _import_tf2onnx()


def _convert(network, size):
    tf2onnx = _import_tf2onnx()
    sides = (None, None) if size is None else tuple(size)
    image = tf.TensorSpec((None, *sides, 3), tf.uint8, name="image")
    with native_output.suppressed():
        model, _ = tf2onnx.convert.from_function(
            tf.function(saved_model.serving(network), autograph=False),
            [image],
            opset=_OPSET,
        )
    for value in [*model.graph.input, *model.graph.output]:
        dimensions = value.type.tensor_type.shape.dim
        for name, dimension in zip(("batch", "height", "width"), dimensions):  # noqa: B905
            if not dimension.dim_value:
                dimension.dim_param = name
    return model


def _import_tf2onnx():
    try:
        with native_output.suppressed():
            import tf2onnx
    except ImportError as error:
        raise missing_library(error) from None
    return tf2onnx
