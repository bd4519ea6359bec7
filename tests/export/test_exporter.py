"""From a tiny run to files, and back through evaluation and loading."""

import json

import numpy as np
import pytest

from selene_tf import experiment
from selene_tf.export import exporter, sample_images
from selene_tf.export.exporter import ExportOptions
from selene_tf.inference import loading, scoring
from tests.experiment.saved_runs import save_path, save_run
from tests.refusals import assert_refused

# A run on images that are gone.
GONE = {
    "dataset": "folder",
    "data_dir": "/nowhere/at/all",
    "class_names": ("a", "b"),
    "num_training_scenes": 512,
    "num_validation_scenes": 100,
}


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("exporting") / "run"
    save_run(folder)
    save_path(folder / "path.json", without=[(2, 1, None)])
    return folder


@pytest.fixture(scope="module")
def saved(run_dir):
    output = run_dir.parent / "saved"
    choice = ExportOptions(run_dir=str(run_dir), gates="fold", licence="CC0-1.0")
    return output, exporter.to_saved_model(choice, output, version=3)


@pytest.fixture(scope="module")
def tflite(run_dir):
    output = run_dir.parent / "network.tflite"
    choice = ExportOptions(run_dir=str(run_dir), gates="fold", size=(48, 80))
    return output, exporter.to_tflite(choice, output)


def test_each_step_of_the_way_is_scored(run_dir, saved):
    _, result = saved
    assert list(result["networks"]) == [
        "network",
        "its path, gates kept",
        "its path, folded",
    ]
    for (path, gates), row in zip(
        [("none", "keep"), ("discovered", "keep"), ("discovered", "fold")],
        result["networks"].values(),
        strict=True,
    ):
        found = scoring.evaluate_run(run_dir, path=path, gates=gates)
        assert row["mean_iou"] == pytest.approx(found["mean_iou"], abs=1e-9)
        assert row["parameters"] == found["parameters"]
        assert row["macs"] == found["macs"]["supernet"]
    rows = list(result["networks"].values())
    assert [row["exported"] for row in rows] == [False, False, True]
    assert rows[0]["macs"] > rows[1]["macs"] > rows[2]["macs"]
    text = exporter.table(result["networks"])
    assert f"{rows[1]['mean_iou']:.4f}" in text


def test_all_kinds_of_models_score_alike(run_dir, saved, tflite):
    folded = scoring.evaluate_run(run_dir, path="discovered", gates="fold")
    found = scoring.evaluate_model(str(saved[0]), run_dir)
    for name in ("mean_iou", "iou", "images", "pixel_accuracy", "parameters"):
        assert found[name] == folded[name]
    assert found["macs"]["mean"] == folded["macs"]["mean"]
    assert found["protocol"] == folded["protocol"]
    name = run_dir / "evaluation-val-saved_model.json"
    assert json.loads(name.read_text()) == found
    # Of another size than the images: in windows, and what it costs is not known.
    windows = scoring.evaluate_model(str(tflite[0]), run_dir)
    assert "windows of 48x80" in windows["protocol"]
    assert windows["macs"] is None
    resized = scoring.evaluate_model(str(tflite[0]), run_dir, fit="resize")
    assert "resized to 48x80" in resized["protocol"]
    for content in (found, windows):
        assert "mIoU" in scoring.table(content)


def test_a_run_is_a_model_too_without_its_images(run_dir, tmp_path):
    save_run(tmp_path / "run", **GONE)
    model = loading.load(str(tmp_path / "run"))
    assert (model.kind, model.class_names, model.size) == ("run", ("a", "b"), None)
    assert model.metadata["image_size"] == (32, 64)
    model = loading.load(str(run_dir))
    images = np.zeros((2, 33, 40, 3), np.uint8)
    assert model.labels(images).shape == (2, 33, 40)
    np.testing.assert_array_equal(model.labels(images), model.logits(images).argmax(-1))
    assert model.metadata["image_size"] is None


def test_what_travels_along(saved, tflite, run_dir):
    model = loading.load(str(saved[0]))
    assert model.metadata["licence"] == "CC0-1.0"
    assert model.metadata["path"] == "by hand"
    assert model.metadata["check"] == saved[1]["check"]
    assert (saved[0] / "3/assets.extra/LICENSE.txt").read_text() == "CC0-1.0\n"
    model = loading.load(str(tflite[0]))
    assert model.size == (48, 80)
    assert model.metadata["macs"]["size"] == [48, 80]
    assert model.class_names == loading.load(str(run_dir)).class_names


def test_int8_is_calibrated_on_labelled_training_images(run_dir, monkeypatch):
    given = {}

    def export(_network, _output, examples, _metadata, **options):
        given.update(examples=examples, calibration=options["calibration"])
        return options["quantization"]

    monkeypatch.setattr(exporter.tflite_model, "export", export)
    choice = ExportOptions(run_dir=str(run_dir), path="none", gates="fold")
    output = run_dir.parent / "new.tflite"
    result = exporter.to_tflite(choice, output, quantization="int8")
    assert result["check"] == "int8"
    for name, split in (("calibration", "train"), ("examples", "val")):
        wanted = sample_images.examples(experiment.load_split(run_dir, split), 0)
        assert len(given[name]) == len(wanted) == 2
        for found, (image, _) in zip(given[name], wanted, strict=True):
            found = found[0] if name == "examples" else found
            np.testing.assert_array_equal(found, image)


def test_mistakes_are_said_before_any_work(saved, tflite, tmp_path):
    nowhere = ExportOptions(run_dir="/nowhere")
    assert_refused(
        lambda: exporter.to_saved_model(nowhere, saved[0], version=3), "--version", "4"
    )
    assert_refused(lambda: exporter.to_tflite(nowhere, tflite[0]), "exists")
    assert_refused(
        lambda: exporter.to_tflite(
            nowhere, tmp_path / "a.tflite", quantization="int8", num_calibration=0
        ),
        "--calibration_images",
    )
    assert_refused(lambda: exporter.to_tflite(nowhere, tmp_path / "a"), ".tflite")
    few = ExportOptions(run_dir="/nowhere", num_images=7)
    assert_refused(lambda: exporter.to_onnx(few, tmp_path / "a.onnx"), "found 7", "8")
    (tmp_path / "file").write_text("")
    below = tmp_path / "file" / "a.onnx"
    assert_refused(lambda: exporter.to_onnx(nowhere, below), "no folder")
    (tmp_path / "file").unlink()
    assert_refused(
        lambda: exporter.to_onnx(nowhere, tmp_path / "a.onnx"), "--run_dir", "/nowhere"
    )
    assert list(tmp_path.iterdir()) == []


def test_models_that_cannot_be_scored_are_refused(run_dir, saved, tmp_path):
    def evaluate(model, folder=run_dir, **options):
        return lambda: scoring.evaluate_model(str(model), folder, **options)

    assert_refused(evaluate(saved[0], ""), "--run_dir")
    assert_refused(evaluate(tmp_path / "none"), "--model", "none")
    assert_refused(evaluate(tmp_path), str(tmp_path))
    (tmp_path / "a.txt").write_text("a")
    assert_refused(evaluate(tmp_path / "a.txt"), "--model", "another kind")
    assert_refused(evaluate(saved[0], fit="sliding"), "--fit=sliding", "--tile_size")
    save_run(tmp_path / "other", **GONE)
    assert_refused(evaluate(tmp_path / "other"), "--model", "a, b")
    assert_refused(
        lambda: scoring.evaluate_run(run_dir, conditional=True, gates="fold"),
        "--conditional",
    )
