import json

import pytest

from selene_tf.export.metadata import (
    complete_metadata,
    metadata_files,
    model_from_metadata,
    parse_metadata,
)
from tests.export import exported


def test_what_is_written_is_read_again():
    metadata = complete_metadata(exported.metadata(), "tflite", (32, 64), "logits")
    texts = metadata_files(metadata)
    assert parse_metadata(texts["metadata.json"]) == metadata
    assert metadata["size"] == [32, 64]
    assert set(texts) == {
        "classes.json",
        "labels.txt",
        "metadata.json",
        "MODEL_CARD.md",
    }


def test_a_licence_is_a_file_only_if_it_is_stated():
    metadata = complete_metadata(exported.metadata("CC0"), "onnx", None)
    assert metadata_files(metadata)["LICENSE.txt"] == "CC0\n"


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"class_names": ["a"]})])
def test_other_files_are_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011
        parse_metadata(text)


def test_the_model():
    metadata = complete_metadata(exported.metadata(), "onnx", (32, 64))
    model = model_from_metadata("a.onnx", metadata, None, None)
    assert (model.name, model.kind, model.size) == ("a.onnx", "onnx", (32, 64))
    assert model.class_names == exported.NAMES
    assert model.colours[1] == (255, 0, 16)
