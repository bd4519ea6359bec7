import json
import os
import sys

import numpy as np
import onnx
import pytest

from selene_tf.errors import UserError
from selene_tf.export import onnx as onnx_model
from tests.export import exported

ODD = (45, 51)


@pytest.fixture(scope="module")
def network():
    return exported.network()


@pytest.fixture(scope="module")
def examples(network):
    return exported.examples(network, (exported.SIZE, ODD))


@pytest.fixture(scope="module")
def file(network, examples, tmp_path_factory):
    file = tmp_path_factory.mktemp("export") / "model.onnx"
    onnx_model.export(network, file, examples, exported.metadata())
    return file


def test_it_gives_what_the_network_gives_at_any_size(file, network, examples):
    model = onnx_model.load(file)
    assert (model.kind, model.size) == ("onnx", None)
    assert model.class_names == exported.NAMES
    for image, _ in examples:
        batch = np.stack([image, image[::-1]])
        wanted = np.asarray(network(batch.astype("float32"))["logits"])
        logits, labels = model.logits(batch), model.labels(batch)
        assert np.abs(logits - wanted).max() < 1e-5 * np.abs(wanted).max()
        np.testing.assert_array_equal(labels, wanted.argmax(-1))
        assert (logits.dtype, labels.dtype) == (np.float32, np.int32)


def test_what_a_user_needs_travels_along(file):
    model = onnx.load(file)
    texts = {entry.key: entry.value for entry in model.metadata_props}
    assert json.loads(texts["metadata.json"])["check"]["images"] == 2
    assert texts["labels.txt"].splitlines() == list(exported.NAMES)
    assert texts["MODEL_CARD.md"].startswith("# ")
    assert "LICENSE.txt" not in texts


def test_its_signature(file):
    model = onnx.load(file)
    onnx.checker.check_model(model, full_check=True)
    (image,) = model.graph.input
    shape = [one.dim_param or one.dim_value for one in image.type.tensor_type.shape.dim]
    assert (image.name, shape) == ("image", ["batch", "height", "width", 3])
    assert [one.name for one in model.graph.output] == ["labels", "logits"]


@pytest.fixture
def converted(file, monkeypatch):
    """Instead of converting the network anew, takes what was converted before."""

    def convert(*_):
        model = onnx.load(file)
        del model.metadata_props[:]
        return model

    monkeypatch.setattr(onnx_model, "_convert", convert)


@pytest.mark.usefixtures("converted")
def test_a_model_that_differs_is_not_written(network, examples, tmp_path):
    predictor = network.get_layer("predictor")
    kept = predictor.get_weights()
    predictor.set_weights([kept[0][..., ::-1], kept[1]])
    try:
        with pytest.raises(UserError, match="nothing was written"):
            onnx_model.export(
                network, tmp_path / "a.onnx", examples, exported.metadata()
            )
    finally:
        predictor.set_weights(kept)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("converted")
def test_one_size(network, examples, tmp_path):
    output = tmp_path / "a.onnx"
    metadata = exported.metadata()
    onnx_model.export(network, output, examples[:1], metadata, size=exported.SIZE)
    assert onnx_model.load(output).size == exported.SIZE
    with pytest.raises(UserError, match="exists already"):
        onnx_model.export(network, output, examples[:1], metadata, size=exported.SIZE)
    with pytest.raises(ValueError, match="expected uint8"):
        onnx_model.export(
            network, tmp_path / "b.onnx", examples, metadata, size=exported.SIZE
        )
    with pytest.raises(UserError, match=r"ends in \.onnx"):
        onnx_model.export(network, tmp_path / "a", examples, metadata)
    assert os.listdir(tmp_path) == ["a.onnx"]


@pytest.mark.parametrize("module", ["tf2onnx", "onnxruntime"])
def test_without_its_libraries_it_says_what_to_install(
    network, examples, tmp_path, monkeypatch, module
):
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(UserError, match=r"pip install 'selene_tf\[onnx\]'"):
        onnx_model.export(network, tmp_path / "a.onnx", examples, exported.metadata())


@pytest.mark.parametrize("damage", ["missing", "empty", "cut", "foreign"])
def test_a_damaged_or_foreign_file_is_one_line(file, tmp_path, damage):
    path = tmp_path / "a.onnx"
    if damage == "foreign":
        model = onnx.load(file)
        del model.metadata_props[:]
        path.write_bytes(model.SerializeToString())
    elif damage != "missing":
        path.write_bytes(file.read_bytes()[: 0 if damage == "empty" else 1000])
    with pytest.raises(UserError, match="no readable ONNX file") as caught:
        onnx_model.load(path)
    assert str(path) in str(caught.value)
    assert "\n" not in str(caught.value)
