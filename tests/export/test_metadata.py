import json

import pytest

from selene_tf.export import metadata
from tests.export import exported


def test_what_is_written_is_read_again():
    facts = metadata.complete(exported.facts(), "tflite", (32, 64), "logits")
    texts = metadata.files(facts)
    assert metadata.parse(texts["facts.json"]) == facts
    assert facts["size"] == [32, 64]
    assert set(texts) == {"classes.json", "labels.txt", "facts.json", "MODEL_CARD.md"}


def test_a_licence_is_a_file_only_if_it_is_stated():
    facts = metadata.complete(exported.facts("CC0"), "onnx", None)
    assert metadata.files(facts)["LICENSE.txt"] == "CC0\n"


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"class_names": ["a"]})])
def test_other_files_are_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011
        metadata.parse(text)


def test_the_model():
    facts = metadata.complete(exported.facts(), "onnx", (32, 64))
    model = metadata.model("a.onnx", facts, None, None)
    assert (model.name, model.kind, model.size) == ("a.onnx", "onnx", (32, 64))
    assert model.class_names == exported.NAMES
    assert model.colours[1] == (255, 0, 16)
