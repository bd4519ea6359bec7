import base64
import io
import json
import os
import shutil
import subprocess
import sys
import urllib.request

import keras
import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from selene_tf.errors import UserError
from selene_tf.export import saved_model
from selene_tf.inference.saved_model import load
from tests.export import documented, exported
from tests.export.contract import ExportContract

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")


class TestSavedModel(ExportContract):
    kind = "saved_model"
    name = "model"
    damaged = "SavedModel of ours"
    script = ("saved_model.load", "mine/1")

    @pytest.fixture
    def written(self, saved_model_folder):
        return saved_model_folder / "1"

    @pytest.fixture
    def without_conversion(self, written, monkeypatch):
        def write(_network, _serve, folder, *_):
            shutil.copytree(written, folder)
            shutil.rmtree(folder / "assets.extra")

        monkeypatch.setattr(saved_model, "write", write)

    def export(self, network, output, examples, size):
        metadata = exported.metadata()
        return saved_model.export(network, output, examples, metadata, size=size)

    def load(self, path):
        return load(path)

    def texts(self, written):
        files = (written / "assets.extra").iterdir()
        return {file.name: file.read_text(encoding="utf-8") for file in files}

    def damage(self, written, path, how):
        if how == "foreign":
            layers = [keras.Input((3,)), keras.layers.Dense(2)]
            keras.Sequential(layers).export(path, verbose=False)
        elif how == "empty":
            path.mkdir()
        elif how == "cut":
            shutil.copytree(written, path)
            file = path / "variables/variables.data-00000-of-00001"
            file.write_bytes(file.read_bytes()[:100])

    @pytest.mark.usefixtures("without_conversion")
    def test_what_a_kill_left_is_replaced(self, network, examples, tmp_path):
        # No system has a process of this number.
        leftover = tmp_path / ".1.4194305.part"
        leftover.mkdir()
        (leftover / "saved_model.pb").write_text("half")
        (tmp_path / "2").mkdir()
        self.export(network, tmp_path, examples, None)
        assert sorted(os.listdir(tmp_path)) == ["1", "2"]
        assert "LICENSE.txt" not in self.texts(tmp_path / "1")
        load(tmp_path / "1")


def test_of_several_versions_the_highest_is_loaded(saved_model_folder):
    assert load(saved_model_folder).metadata["scores"] == "probabilities"
    assert sorted(os.listdir(saved_model_folder)) == ["1", "3"]


def test_probabilities(saved_model_folder, network, examples):
    model = load(saved_model_folder)
    assert model.size == exported.SIZE
    batch = examples[0][0][None]
    logits = np.asarray(network(batch.astype("float32"))["logits"])
    powers = np.exp(logits - logits.max(-1, keepdims=True))
    expected = powers / powers.sum(-1, keepdims=True)
    assert np.abs(np.exp(model.logits(batch)) - expected).max() < 1e-5


@pytest.mark.slow
def test_it_loads_where_selene_tf_is_not_installed(saved_model_folder, tmp_path):
    code = f"""
import sys
sys.modules["selene_tf"] = sys.modules["keras"] = None
import tensorflow as tf
folder = {str(saved_model_folder / "1")!r}
serve = tf.saved_model.load(folder).signatures["serving_default"]
outputs = serve(image=tf.zeros((1, 33, 40, 3), tf.uint8))
assert outputs["labels"].shape == (1, 33, 40), outputs["labels"].shape
assert set(outputs) == {{"labels", "logits"}}
"""
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr.decode()


@pytest.mark.parametrize(
    ("place", "version", "message"),
    [
        ("", 1, "--version: .* version 1 already.*the next is 4"),
        ("", 0, "--version: found 0"),
        ("1", 1, "is a version of a SavedModel itself"),
    ],
)
def test_outputs_that_are_refused(
    saved_model_folder, network, examples, place, version, message
):
    with pytest.raises(UserError, match=message):
        saved_model.export(
            network,
            saved_model_folder / place,
            examples,
            exported.metadata(),
            version=version,
        )
    assert sorted(os.listdir(saved_model_folder)) == ["1", "3"]


def test_damaged_metadata_are_one_line(saved_model_folder, tmp_path):
    shutil.copytree(saved_model_folder / "1", tmp_path / "model")
    file = tmp_path / "model/assets.extra/metadata.json"
    file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(UserError, match="no readable SavedModel of ours"):
        load(tmp_path / "model")


def test_another_signature_is_one_line(saved_model_folder, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(saved_model_folder / "1", folder)
    metadata = saved_model_folder / "3/assets.extra/metadata.json"
    shutil.copy(metadata, folder / "assets.extra")
    with pytest.raises(UserError, match="image to labels and probabilities"):
        load(folder)


def test_a_full_disk_is_one_line(network, examples, tmp_path, monkeypatch):
    def save(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "disk is full")

    monkeypatch.setattr(tf.saved_model, "save", save)
    with pytest.raises(UserError, match="cannot write.*disk is full"):
        saved_model.export(network, tmp_path / "a", examples, exported.metadata())
    assert list(tmp_path.iterdir()) == []


def test_the_documented_rest_request_gives_labels(
    saved_model_folder, tmp_path, monkeypatch
):
    """Of the server there is what its documentation says of JSON."""
    model, (image, *_) = load(saved_model_folder / "1"), exported.images()
    Image.fromarray(image).save(tmp_path / "street.png")

    def answer(request):
        assert request.full_url.endswith(":8501/v1/models/scenes:predict")
        body = json.loads(request.data)
        contents = [
            base64.b64decode(each["image_bytes"]["b64"]) for each in body["instances"]
        ]
        signature = model.signature(body["signature_name"])
        labels = signature(image_bytes=tf.constant(contents))["labels"]
        text = json.dumps({"predictions": labels.numpy().tolist()})
        return io.BytesIO(text.encode())

    monkeypatch.setattr(urllib.request, "urlopen", answer)
    files = {"street.jpg": tmp_path / "street.png"}
    names = documented.run("serving.md", "urllib", files)
    np.testing.assert_array_equal(names["labels"], model.labels(image[None])[0])
