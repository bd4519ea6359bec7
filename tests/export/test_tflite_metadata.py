"""The metadata are read back by a reader of flatbuffers written for this test."""

import io
import struct
import zipfile

import pytest
import tensorflow as tf
from tensorflow.lite.python import schema_py_generated as schema

from selene_tf.export import tflite_metadata
from selene_tf.inference.tflite import read_files

FILES = {"labels.txt": "road\nStraße\n", "metadata.json": "{}\n"}


class Table:
    """A table at a position of a flatbuffer, by the format's own rules."""

    def __init__(self, data, position):
        self.data, self.position = data, position

    def field(self, number):
        table = self.position - self.number("<i", self.position)
        if 4 + 2 * number >= self.number("<H", table):
            return None
        distance = self.number("<H", table + 4 + 2 * number)
        return self.position + distance if distance else None

    def number(self, kind, position):
        return struct.unpack_from(kind, self.data, position)[0]

    def byte(self, number):
        place = self.field(number)
        return 0 if place is None else self.data[place]

    def table(self, number):
        return Table(self.data, self.target(self.field(number)))

    def target(self, place):
        return place + self.number("<I", place)

    def items(self, number):
        """Positions of a vector's items, each of four bytes."""
        start = self.target(self.field(number))
        return [start + 4 + 4 * n for n in range(self.number("<I", start))]

    def tables(self, number):
        return [Table(self.data, self.target(place)) for place in self.items(number)]

    def floats(self, number):
        return [self.number("<f", place) for place in self.items(number)]

    def text(self, number):
        if self.field(number) is None:
            return None
        start = self.target(self.field(number))
        length = self.number("<I", start)
        return bytes(self.data[start + 4 : start + 4 + length]).decode()


def read(content):
    model = schema.ModelT.InitFromPackedBuf(content, 0)
    (entry,) = [one for one in model.metadata if one.name == b"TFLITE_METADATA"]
    data = model.buffers[entry.buffer].data.tobytes()
    assert data[4:8] == b"M001"
    return Table(data, struct.unpack_from("<I", data)[0])


@pytest.fixture(scope="module")
def plain():
    """A model of the signature, converted without any network."""

    class Module(tf.Module):
        @tf.function(input_signature=[tf.TensorSpec((1, 4, 6, 3), tf.uint8, "image")])
        def serve(self, image):
            logits = tf.cast(image, tf.float32) * 2.0
            labels = tf.argmax(logits, -1, output_type=tf.int32)
            return {"labels": labels, "logits": logits}

    module = Module()
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [module.serve.get_concrete_function()], module
    )
    return converter.convert()


@pytest.fixture(scope="module")
def described(plain):
    return tflite_metadata.attach(plain, FILES, "A network", "CC BY 4.0")


def test_what_the_model_is(described):
    metadata = read(described)
    assert metadata.text(0) == "selene_tf"
    assert metadata.text(1) == "A network"
    assert metadata.text(5) == "CC BY 4.0"
    assert [file.text(0) for file in metadata.tables(6)] == list(FILES)
    assert metadata.text(7) == "1.0.0"


def test_the_licence_is_left_out_if_unknown(plain):
    assert read(tflite_metadata.attach(plain, FILES, "A network")).text(5) is None


def test_what_goes_in(described):
    (graph,) = read(described).tables(3)
    (image,) = graph.tables(2)
    assert image.text(0) == "image"
    content = image.table(3)
    assert content.byte(0) == 2  # ImageProperties
    assert content.table(1).byte(0) == 1  # RGB
    (unit,) = image.tables(4)
    assert unit.byte(0) == 1  # NormalizationOptions
    assert unit.table(1).floats(0) == [0.0]
    assert unit.table(1).floats(1) == [1.0]


def test_what_comes_out_in_the_order_of_the_model(described):
    (graph,) = read(described).tables(3)
    model = schema.ModelT.InitFromPackedBuf(described, 0)
    tensors = model.subgraphs[0].tensors
    types = [tensors[index].type for index in model.subgraphs[0].outputs]
    named = {"labels": schema.TensorType.INT32, "logits": schema.TensorType.FLOAT32}
    assert [named[output.text(0)] for output in graph.tables(3)] == types
    for output in graph.tables(3):
        (file,) = output.tables(6)
        assert file.text(0) == "labels.txt"
        # The classes are the values of the labels, but an axis of the logits.
        assert file.byte(2) == (3 if output.text(0) == "labels" else 2)


def test_the_files_lie_behind_the_model(described, tmp_path):
    file = tmp_path / "a.tflite"
    file.write_bytes(described)
    assert read_files(file) == FILES
    assert zipfile.ZipFile(io.BytesIO(described)).testzip() is None


def test_the_same_gives_the_same_bytes(plain, described):
    assert tflite_metadata.attach(plain, FILES, "A network", "CC BY 4.0") == described


def test_the_weights_are_kept(plain, described):
    before, after = (
        schema.ModelT.InitFromPackedBuf(content, 0) for content in (plain, described)
    )
    old, new = (
        [None if one.data is None else bytes(one.data) for one in model.buffers]
        for model in (before, after)
    )
    assert new[: len(old)] == old
    assert len(new) == len(old) + 1


def test_operators(plain):
    assert tflite_metadata.operators(plain) == {"CAST", "MUL", "ARG_MAX"}


def test_operators_of_tensorflow_itself():
    serve = tf.function(lambda image: tf.raw_ops.Betainc(a=image, b=image, x=image))
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [serve.get_concrete_function(tf.TensorSpec((2,), tf.float32))]
    )
    converter.allow_custom_ops = True
    assert tflite_metadata.operators(converter.convert()) == {"Betainc"}
