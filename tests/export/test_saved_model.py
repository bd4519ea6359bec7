import json
import os
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest
import tensorflow as tf

from selene_tf.errors import UserError
from selene_tf.export import saved_model
from tests.export import exported

ODD = (45, 51)


@pytest.fixture(scope="module")
def network():
    return exported.network()


@pytest.fixture(scope="module")
def examples(network):
    return exported.examples(network, (exported.SIZE, ODD))


@pytest.fixture(scope="module")
def written(network, examples, tmp_path_factory):
    """Version 1 of any size, and version 3 of one size with probabilities."""
    output = tmp_path_factory.mktemp("export") / "model"
    metadata = exported.metadata("CC BY 4.0")
    result = saved_model.export(network, output, examples, metadata)
    saved_model.export(
        network,
        output,
        examples[:1],
        exported.metadata(),
        version=3,
        size=exported.SIZE,
        scores="probabilities",
    )
    return output, result


def test_it_gives_what_the_network_gives_at_any_size(written, network, examples):
    output, result = written
    assert result["images"] == 2
    assert result["mean_iou_of_network"] == 1
    model = saved_model.load(output / "1")
    assert (model.kind, model.size) == ("saved_model", None)
    for image, _ in examples:
        batch = np.stack([image, image[::-1]])
        wanted = np.asarray(network(batch.astype("float32"))["logits"])
        logits, labels = model.logits(batch), model.labels(batch)
        assert np.abs(logits - wanted).max() < 1e-5 * np.abs(wanted).max()
        np.testing.assert_array_equal(labels, wanted.argmax(-1))
        assert (logits.dtype, labels.dtype) == (np.float32, np.int32)


def test_of_several_versions_the_highest_is_loaded(written):
    assert saved_model.load(written[0]).metadata["scores"] == "probabilities"
    assert saved_model.load(written[0] / "1").metadata["scores"] == "logits"


def test_probabilities(written, network, examples):
    model = saved_model.load(written[0])
    assert model.size == exported.SIZE
    batch = examples[0][0][None]
    wanted = np.asarray(network(batch.astype("float32"))["logits"])
    powers = np.exp(wanted - wanted.max(-1, keepdims=True))
    found = np.exp(model.logits(batch))
    assert np.abs(found - powers / powers.sum(-1, keepdims=True)).max() < 1e-5


def test_what_a_user_needs_travels_along(written):
    output, result = written
    extra = output / "1/assets.extra"
    assert json.loads((extra / "classes.json").read_text()) == list(exported.NAMES)
    labels = (extra / "labels.txt").read_text(encoding="utf-8").splitlines()
    assert labels == list(exported.NAMES)
    metadata = json.loads((extra / "metadata.json").read_text())
    assert metadata["check"] == result
    assert metadata["format"] == "saved_model"
    assert (extra / "MODEL_CARD.md").read_text(encoding="utf-8").startswith("# ")
    assert (extra / "LICENSE.txt").read_text() == "CC BY 4.0\n"
    assert not (output / "3/assets.extra/LICENSE.txt").exists()
    assert sorted(os.listdir(output)) == ["1", "3"]


@pytest.mark.slow
def test_it_loads_where_selene_tf_is_not_installed(written, tmp_path):
    code = f"""
import sys
sys.modules["selene_tf"] = sys.modules["keras"] = None
import tensorflow as tf
folder = {str(written[0] / "1")!r}
serve = tf.saved_model.load(folder).signatures["serving_default"]
outputs = serve(image=tf.zeros((1, 33, 40, 3), tf.uint8))
assert outputs["labels"].shape == (1, 33, 40), outputs["labels"].shape
assert set(outputs) == {{"labels", "logits"}}
"""
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr.decode()


def test_a_version_that_exists_is_left_alone(written, network, examples):
    before = (written[0] / "1/saved_model.pb").stat().st_mtime_ns
    with pytest.raises(UserError, match="version 1 already.*the next is 4"):
        saved_model.export(network, written[0], examples, exported.metadata())
    assert (written[0] / "1/saved_model.pb").stat().st_mtime_ns == before


def test_outputs_that_are_refused(written, network, examples):
    metadata = exported.metadata()
    with pytest.raises(UserError, match="is a version of a SavedModel itself"):
        saved_model.export(network, written[0] / "1", examples, metadata)
    with pytest.raises(UserError, match="--version: found 0"):
        saved_model.export(network, written[0], examples, metadata, version=0)
    with pytest.raises(ValueError, match="expected uint8"):
        saved_model.export(network, written[0], examples, metadata, version=9, size=ODD)
    assert sorted(os.listdir(written[0])) == ["1", "3"]


@pytest.fixture
def short_write(monkeypatch, written):
    """Instead of converting the network anew, takes what was converted before."""

    def write(_network, _serve, folder, _image):
        shutil.copytree(written[0] / "1", folder)
        shutil.rmtree(folder / "assets.extra")

    monkeypatch.setattr(saved_model, "write", write)


@pytest.mark.usefixtures("short_write")
def test_a_model_that_differs_is_not_written(network, examples, tmp_path):
    predictor = network.get_layer("predictor")
    kept = predictor.get_weights()
    predictor.set_weights([kept[0][..., ::-1], kept[1]])
    try:
        with pytest.raises(UserError, match="nothing was written"):
            saved_model.export(network, tmp_path / "a", examples, exported.metadata())
        predictor.set_weights([kept[0] * np.nan, kept[1]])
        with pytest.raises(UserError, match="network gives scores that are not finite"):
            saved_model.export(network, tmp_path / "a", examples, exported.metadata())
    finally:
        predictor.set_weights(kept)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.usefixtures("short_write")
def test_what_a_kill_left_is_replaced(network, examples, tmp_path):
    # No system has a process of this number.
    leftover = tmp_path / ".1.4194305.part"
    leftover.mkdir()
    (leftover / "saved_model.pb").write_text("half")
    (tmp_path / "2").mkdir()
    saved_model.export(network, tmp_path, examples, exported.metadata())
    assert sorted(os.listdir(tmp_path)) == ["1", "2"]
    saved_model.load(tmp_path / "1")


@pytest.mark.parametrize("damage", ["empty", "cut", "metadata", "foreign"])
def test_a_damaged_or_foreign_model_is_one_line(written, tmp_path, damage):
    folder = tmp_path / "model"
    if damage == "foreign":
        keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).export(
            folder, verbose=False
        )
    elif damage == "empty":
        folder.mkdir()
    else:
        shutil.copytree(written[0] / "1", folder)
        name = "variables/variables.data-00000-of-00001"
        file = folder / ("assets.extra/metadata.json" if damage == "metadata" else name)
        file.write_bytes(file.read_bytes()[:100])
    with pytest.raises(UserError, match="no readable SavedModel of ours") as caught:
        saved_model.load(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)


def test_another_signature_is_one_line(written, tmp_path):
    folder = tmp_path / "model"
    shutil.copytree(written[0] / "1", folder)
    shutil.copy(written[0] / "3/assets.extra/metadata.json", folder / "assets.extra")
    with pytest.raises(UserError, match="image to labels and probabilities"):
        saved_model.load(folder)


def test_a_full_disk_is_one_line(network, examples, tmp_path, monkeypatch):
    def save(*_, **__):
        raise tf.errors.ResourceExhaustedError(None, None, "disk is full")

    monkeypatch.setattr(tf.saved_model, "save", save)
    with pytest.raises(UserError, match="cannot write.*disk is full"):
        saved_model.export(network, tmp_path / "a", examples, exported.metadata())
    assert list(tmp_path.iterdir()) == []
