import json

import pytest

from selene_tf import exported_facts
from tests import exported


def test_what_is_written_is_read_again():
    facts = exported_facts.complete(exported.facts(), "tflite", (32, 64), "logits")
    texts = exported_facts.files(facts)
    assert exported_facts.parse(texts["facts.json"]) == facts
    assert facts["size"] == [32, 64]
    assert set(texts) == {"classes.json", "labels.txt", "facts.json", "MODEL_CARD.md"}


def test_a_licence_is_a_file_only_if_it_is_stated():
    facts = exported_facts.complete(exported.facts("CC0"), "onnx", None)
    assert exported_facts.files(facts)["LICENSE.txt"] == "CC0\n"


@pytest.mark.parametrize("text", ["", "[]", "{}", json.dumps({"class_names": ["a"]})])
def test_other_files_are_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011
        exported_facts.parse(text)


def test_the_model():
    facts = exported_facts.complete(exported.facts(), "onnx", (32, 64))
    model = exported_facts.model("a.onnx", facts, None, None)
    assert (model.name, model.kind, model.size) == ("a.onnx", "onnx", (32, 64))
    assert model.class_names == exported.NAMES
    assert model.colours[1] == (255, 0, 16)
