"""Export as ONNX file, and running such a file with ONNX Runtime."""

import pathlib

import tensorflow as tf

from selene_tf.cli import native_output
from selene_tf.errors import UserError
from selene_tf.export import agreement, metadata, saved_model
from selene_tf.training import atomic_write, run_folder

# Of 2022; what the network needs is older, and more runtimes know it than the newest.
_OPSET = 18


def export(network, output, examples, facts, *, size=None):
    """Writes a network as ONNX file and compares the two on real images.

    It takes "image", uint8 (batch, height, width, 3), RGB, and gives "labels", int32
    (batch, height, width), and "logits", float32 (batch, height, width, classes). The
    names of the classes, the facts, a model card and the licence are metadata of the
    model.

    The file appears whole or not at all.

    Args:
        network: A Keras model with an output "logits".
        output: The file, which ends in .onnx.
        examples: (image, label) pairs to compare on: uint8 (height, width, 3) and
            integers (height, width), 255 for none.
        facts: What the network says of itself, a dict of JSON values.
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
    facts = metadata.complete(facts, "onnx", size)
    with atomic_write.whole(output) as temporary:
        converted = _convert(network, size)
        model = _model(output, facts, _session(converted.SerializeToString()))
        num_classes = len(facts["class_names"])
        result = agreement.compare(network, model, examples, num_classes)
        agreement.require(result)
        texts = metadata.files({**facts, "check": result})
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
        facts = metadata.parse(
            session.get_modelmeta().custom_metadata_map["facts.json"]
        )
    # What ONNX Runtime raises for a damaged one is not written down.
    except Exception as error:
        raise UserError(
            f"'{file}' is no readable ONNX file of ours ({type(error).__name__}: "
            f"{run_folder.reason(error)}); expected what export.onnx writes."
        ) from None
    return _model(file, facts, session)


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
    with native_output.chatter_hidden():
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
        with native_output.chatter_hidden():
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


def _model(name, facts, session):
    def output(images, which):
        return session.run([which], {"image": images})[0]

    return metadata.model(
        name,
        facts,
        compute_labels=lambda images: output(images, "labels"),
        compute_logits=lambda images: output(images, "logits"),
    )
