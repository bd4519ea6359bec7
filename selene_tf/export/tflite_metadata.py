"""TFLite Metadata: what a TFLite file says of its tensors, and files inside it.

The convention (metadata_schema.fbs of the TensorFlow Lite Support library, version
1.1.0, identifier M001): a buffer of the model, named TFLITE_METADATA, holds another
flatbuffer, and the files that it names follow the model as a zip archive. Tools for
Android read it; a runtime ignores both. The library itself is not installed for today's
Python, so the few tables that are needed are written here, by the numbers of their
fields in the schema; a union takes two, its type and its value.
"""

import io
import zipfile

import flatbuffers
import numpy as np
from tensorflow.lite.python import schema_py_generated as schema
from tensorflow.lite.tools import flatbuffer_utils

_IDENTIFIER = b"M001"
_IMAGE_PROPERTIES, _NORMALIZATION_OPTIONS, _RGB = 2, 1, 1
_DESCRIPTIONS, _TENSOR_AXIS_LABELS, _TENSOR_VALUE_LABELS = 1, 2, 3
_DESCRIBED = {
    "image": "RGB image, 0 to 255, (1, height, width, 3).",
    "labels": "Id of each pixel's class, (1, height, width).",
    "logits": "Scores of each pixel, (1, height, width, classes).",
}


def attach(content, files, description, licence=""):
    """Adds metadata and files to a TFLite model.

    Args:
        content: The model, with a signature that names its tensors, as bytes.
        files: {file name: text} to be carried; "labels.txt" names the classes.
        description: What the model is.
        licence: Its licence, if it is known.

    Returns:
        The model with both, as bytes; it computes what it did.
    """
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    buffer, entry = schema.BufferT(), schema.MetadataT()
    metadata = _metadata(_names(model), files, description, licence)
    buffer.data = np.frombuffer(metadata, np.uint8)
    model.buffers.append(buffer)
    entry.name, entry.buffer = "TFLITE_METADATA", len(model.buffers) - 1
    model.metadata = [*(model.metadata or []), entry]
    return _with_files(flatbuffer_utils.convert_object_to_bytearray(model), files)


def operators(content):
    """Names of the operators that a TFLite model uses; custom ones as such."""
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    names = {
        number: name
        for name, number in vars(schema.BuiltinOperator).items()
        if isinstance(number, int)
    }
    return {
        code.customCode.decode() if code.customCode else names[code.builtinCode]
        for code in model.operatorCodes
    }


def _names(model):
    """Names of the inputs and of the outputs, in the order of the model's lists."""
    signature, graph = model.signatureDefs[0], model.subgraphs[0]
    by_index = {
        tensor.tensorIndex: tensor.name.decode()
        for tensor in [*signature.inputs, *signature.outputs]
    }
    return [
        [by_index[index] for index in group] for group in (graph.inputs, graph.outputs)
    ]


def _with_files(content, files):
    stream = io.BytesIO(content)
    with zipfile.ZipFile(stream, "a") as archive:
        for name, text in files.items():
            # The date of a ZipInfo is fixed: the same network gives the same file.
            archive.writestr(zipfile.ZipInfo(name), text)
    return stream.getvalue()


def _metadata(names, files, description, licence):
    builder = flatbuffers.Builder(1024)
    inputs, outputs = names
    carried = [_file(builder, name, _DESCRIPTIONS) for name in files]
    graph = _table(
        builder,
        7,
        {
            2: _vector(builder, [_image(builder, name) for name in inputs]),
            3: _vector(builder, [_output(builder, name) for name in outputs]),
        },
    )
    fields = {
        0: builder.CreateString("selene_tf"),
        1: builder.CreateString(description),
        3: _vector(builder, [graph]),
        6: _vector(builder, carried),
        # The oldest reader that knows all of these fields.
        7: builder.CreateString("1.0.0"),
    }
    if licence:
        fields[5] = builder.CreateString(licence)
    builder.Finish(_table(builder, 8, fields), file_identifier=_IDENTIFIER)
    return bytes(builder.Output())


def _image(builder, name):
    properties = _table(builder, 2, {}, {0: _RGB})
    content = _table(builder, 3, {1: properties}, {0: _IMAGE_PROPERTIES})
    mean, deviation = (
        builder.CreateNumpyVector(np.array([value], np.float32)) for value in (0, 1)
    )
    normalization = _table(builder, 2, {0: mean, 1: deviation})
    unit = _table(builder, 2, {1: normalization}, {0: _NORMALIZATION_OPTIONS})
    return _tensor(builder, name, {3: content, 4: _vector(builder, [unit])})


def _output(builder, name):
    kind = _TENSOR_VALUE_LABELS if name == "labels" else _TENSOR_AXIS_LABELS
    labels = _vector(builder, [_file(builder, "labels.txt", kind)])
    return _tensor(builder, name, {6: labels})


def _tensor(builder, name, fields):
    texts = {
        0: builder.CreateString(name),
        1: builder.CreateString(_DESCRIBED[name]),
    }
    return _table(builder, 7, {**texts, **fields})


def _file(builder, name, kind):
    return _table(builder, 4, {0: builder.CreateString(name)}, {2: kind})


def _table(builder, num_fields, offsets, small=None):
    """A table: `offsets` by field to what was written before, `small` numbers."""
    builder.StartObject(num_fields)
    for field, offset in offsets.items():
        builder.PrependUOffsetTRelativeSlot(field, offset, 0)
    for field, number in (small or {}).items():
        builder.PrependUint8Slot(field, number, 0)
    return builder.EndObject()


def _vector(builder, offsets):
    builder.StartVector(4, len(offsets), 4)
    for offset in reversed(offsets):
        builder.PrependUOffsetTRelative(offset)
    return builder.EndVector()
