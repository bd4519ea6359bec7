"""Export as ONNX file, and running such a file with ONNX Runtime."""

import pathlib

import tensorflow as tf

from selene_tf.cli import native_output
from selene_tf.errors import UserError
from selene_tf.export import agreement, saved_model
from selene_tf.export.metadata import (
    complete_metadata,
    metadata_files,
    metadata_text,
    model_from_metadata,
    parse_metadata,
)
from selene_tf.training import atomic_write, run_folder

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
        What `agreement.compare` found.

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
        converted = _convert(network, size)
        model = _model(output, metadata, _session(converted.SerializeToString()))
        num_classes = len(metadata["class_names"])
        result = agreement.compare(network, model, examples, num_classes)
        agreement.require(result)
        texts = metadata_files({**metadata, "check": result})
        for name, text in texts.items():
            converted.metadata_props.add(key=name, value=text)
        temporary.write_bytes(converted.SerializeToString())
        load(temporary)
    return result


def load(file):
    """An ONNX file that `export` wrote.

    Returns:
        A `SegmentationModel` of kind "onnx".

    Raises:
        UserError: if it is none of ours or damaged, or ONNX Runtime is missing.
    """
    _import_onnxruntime()
    try:
        session = _session(pathlib.Path(file).read_bytes())
        texts = session.get_modelmeta().custom_metadata_map
        metadata = parse_metadata(metadata_text(texts))
    # What ONNX Runtime raises for a damaged one is not written down.
    except Exception as error:
        raise UserError(
            f"'{file}' is no readable ONNX file of ours ({type(error).__name__}: "
            f"{run_folder.reason(error)}); expected what export.onnx writes."
        ) from None
    return _model(file, metadata, session)


def check_output(output):
    """Refuses, before any work, a file that is there, or missing libraries.

    Raises:
        UserError: says what to do.
    """
    atomic_write.check_new(output, ".onnx")
    _import_onnxruntime()
    _import_tf2onnx()


def _convert(network, size):
    tf2onnx = _import_tf2onnx()
    sides = (None, None) if size is None else tuple(size)
    image = tf.TensorSpec((None, *sides, 3), tf.uint8, name="image")
    with native_output.suppressed():
        model, _ = tf2onnx.convert.from_function(
            tf.function(saved_model.serving(network)), [image], opset=_OPSET
        )
    for value in [*model.graph.input, *model.graph.output]:
        dimensions = value.type.tensor_type.shape.dim
        for name, dimension in zip(("batch", "height", "width"), dimensions):  # noqa: B905
            if not dimension.dim_value:
                dimension.dim_param = name
    return model


def _import_onnxruntime():
    try:
        import onnxruntime
    except ImportError as error:
        _missing(error)
    return onnxruntime


def _import_tf2onnx():
    try:
        with native_output.suppressed():
            import tf2onnx
    except ImportError as error:
        _missing(error)
    return tf2onnx


def _missing(error):
    raise UserError(
        f"ONNX files need tf2onnx and onnxruntime, which cannot be imported ({error}); "
        "pip install 'selene_tf[onnx]'."
    ) from None


def _session(content):
    return _import_onnxruntime().InferenceSession(
        content, providers=["CPUExecutionProvider"]
    )


def _model(name, metadata, session):
    def output(images, which):
        return session.run([which], {"image": images})[0]

    return model_from_metadata(
        name,
        metadata,
        compute_labels=lambda images: output(images, "labels"),
        compute_logits=lambda images: output(images, "logits"),
    )
