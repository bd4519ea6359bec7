import json

import pytest

from selene_tf.export.metadata import complete_metadata, metadata_files
from selene_tf.inference.metadata import parse_metadata
from selene_tf.inference.model import ExportedModel
from tests.export import exported


def test_what_is_written_is_read_again():
    metadata = complete_metadata(exported.metadata(), "tflite", (32, 64))
    texts = metadata_files(metadata)
    assert parse_metadata(texts) == metadata
    # As version 0.1 called it.
    assert parse_metadata({"facts.json": texts["metadata.json"]}) == metadata
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


def damaged(**changes):
    metadata = complete_metadata(exported.metadata(), "tflite", (32, 64))
    return json.dumps({**metadata, **changes})


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[]",
        "{}",
        '{"class_names": ["a"]}',
        damaged(class_names=["one alone"]),
        damaged(colours=[[0, 0, 0]] * 2),
        damaged(colours=[[0, 0, 256]] * 3),
        damaged(size=[32, 0]),
        damaged(scores="votes"),
        damaged(format="torch"),
        damaged(outputs=["logits"]),
        damaged(scores=None),
        damaged(scores="probabilities"),
        damaged(outputs=["labels"]),
        damaged(structure=[1]),
        damaged(structure={"channels": "64"}),
        damaged(image_size="large"),
        damaged(outputs=["labels", ["logits"]]),
        damaged(mask_values=[0, 1, 256]),
        damaged(mask_values=[0, 1]),
        damaged(mask_palette=[[0, 0, 0]] * 2),
    ],
)
def test_other_files_are_refused(text):
    with pytest.raises(ValueError):  # noqa: PT011
        parse_metadata({"metadata.json": text})


def test_an_exported_model_is_what_its_metadata_say():
    class Silent(ExportedModel):
        def compute_labels(self, _images): ...

        def compute_logits(self, _images): ...

    metadata = complete_metadata(exported.metadata(), "onnx", (32, 64))
    model = Silent("a.onnx", metadata)
    assert (model.name, model.kind, model.size) == ("a.onnx", "onnx", (32, 64))
    assert model.class_names == exported.NAMES
    assert model.colours[1] == (255, 0, 16)
    assert model.metadata == metadata
