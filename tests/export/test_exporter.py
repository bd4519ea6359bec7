"""From a tiny run to files, and back through evaluation and loading."""

import json

import numpy as np
import pytest

from selene_tf import experiment
from selene_tf.experiment import RunOptions, pruned_network
from selene_tf.export import exporter, sample_images
from selene_tf.export.preparation import ExportOptions
from selene_tf.inference import loading, score_text, scoring
from tests.experiment.saved_runs import save_run
from tests.refusals import assert_refused

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")

# A run on images that are gone.
GONE = {
    "dataset": "folder",
    "data_dir": "/nowhere/at/all",
    "class_names": ("a", "b"),
    "num_training_scenes": 512,
    "num_validation_scenes": 100,
}


@pytest.fixture(scope="module", autouse=True)
def each_network_is_made_once(prepare_once):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pruned_network, "prepare", prepare_once)
        yield


@pytest.fixture(scope="module")
def run_of_gone_images(tmp_path_factory):
    folder = tmp_path_factory.mktemp("gone") / "run"
    save_run(folder, **GONE)
    return folder


@pytest.fixture(scope="module")
def saved_model(saved_run, tmp_path_factory):
    """The SavedModel, and what the export returned."""
    output = tmp_path_factory.mktemp("exporter") / "saved"
    options = ExportOptions(run_dir=saved_run, gates="fold", licence="CC0-1.0")
    return output, exporter.to_saved_model(options, output, version=3)


@pytest.fixture(scope="module")
def tflite_file(saved_run, tmp_path_factory):
    """Of another size than the run's images."""
    output = tmp_path_factory.mktemp("exporter") / "network.tflite"
    options = ExportOptions(run_dir=saved_run, gates="fold", size=(48, 80))
    exporter.to_tflite(options, output)
    return output


def test_each_step_of_the_way_is_scored(saved_run, saved_model):
    _, result = saved_model
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
        options = RunOptions(run_dir=saved_run, path=path, gates=gates)
        scored = scoring.evaluate_run(options)
        assert row["mean_iou"] == pytest.approx(scored["mean_iou"], abs=1e-9)
        assert row["parameters"] == scored["parameters"]
        assert row["macs"] == scored["macs"]["supernet"]
    rows = list(result["networks"].values())
    assert [row["exported"] for row in rows] == [False, False, True]
    assert rows[0]["macs"] > rows[1]["macs"] > rows[2]["macs"]
    text = exporter.table(result["networks"])
    assert f"{rows[1]['mean_iou']:.4f}" in text


def test_all_kinds_of_models_score_alike(saved_run, saved_model, tflite_file):
    options = RunOptions(run_dir=saved_run, path="discovered", gates="fold")
    folded = scoring.evaluate_run(options)
    scored = scoring.evaluate_model(str(saved_model[0]), options)
    for name in ("images", "parameters"):
        assert scored[name] == folded[name]
    # The export compared the two on the same images. A pixel of which two classes are
    # equally likely may have either, but then it counted it too.
    check = saved_model[1]["check"]
    assert scored["mean_iou"] == pytest.approx(check["mean_iou"], abs=1e-9)
    assert folded["mean_iou"] == pytest.approx(check["mean_iou_of_network"], abs=1e-9)
    differing = 1 - check["label_agreement"]
    # At least half of the pixels are labelled.
    accuracies = scored["pixel_accuracy"], folded["pixel_accuracy"]
    assert abs(accuracies[0] - accuracies[1]) <= 2 * differing + 1e-9
    assert scored["macs"]["mean"] == folded["macs"]["mean"]
    assert scored["protocol"] == folded["protocol"]
    file = saved_run / "evaluation-val-saved_model.json"
    assert json.loads(file.read_text()) == scored
    file = saved_run / "evaluation-val-discovered-fold.json"
    assert json.loads(file.read_text()) == folded
    # Of another size than the images: in windows, and what it costs is not known.
    windows = scoring.evaluate_model(str(tflite_file), options)
    assert "windows of 48x80" in windows["protocol"]
    assert windows["macs"] is None
    resized = scoring.evaluate_model(str(tflite_file), options, "resize")
    assert "resized to 48x80" in resized["protocol"]
    for content in (scored, windows):
        assert "mIoU" in score_text.table(content)


def test_the_run_remembers_its_exports_for_the_report(
    saved_run, saved_model, tflite_file
):
    lines = [json.loads(x) for x in (saved_run / "exports.jsonl").open()]
    by_format = {line["format"]: line for line in lines}
    assert by_format["saved_model"]["check"] == saved_model[1]["check"]
    assert by_format["tflite"]["bytes"] == tflite_file.stat().st_size
    for line in lines:
        assert line["latency_ms_p95"] >= line["latency_ms"] > 0


def test_a_run_is_a_model_too(saved_run, prepare_once):
    model = loading.load(str(saved_run))
    images = np.zeros((2, 33, 40, 3), np.uint8)
    assert model.labels(images).shape == (2, 33, 40)
    np.testing.assert_array_equal(model.labels(images), model.logits(images).argmax(-1))
    assert model.metadata["image_size"] is None
    # What drawn scenes' masks hold, and what memory is estimated from.
    assert model.metadata["mask_values"] == list(range(len(model.class_names)))
    assert model.metadata["structure"]["channels"] == 4
    network = prepare_once(RunOptions(run_dir=saved_run)).network
    expected = np.asarray(network(images.astype(np.float32))["logits"])
    # One is traced and the other is not: only sums' order may differ.
    tolerance = 1e-5 * np.abs(expected).max()
    np.testing.assert_allclose(model.logits(images), expected, atol=tolerance)


def test_a_run_needs_no_images(run_of_gone_images):
    model = loading.load(str(run_of_gone_images))
    assert (model.kind, model.class_names, model.size) == ("run", ("a", "b"), None)
    assert model.metadata["image_size"] == (32, 64)


def test_what_travels_along(saved_model, tflite_file):
    folder, result = saved_model
    model = loading.load(str(folder))
    assert model.metadata["licence"] == "CC0-1.0"
    assert model.metadata["path"] == "by hand"
    assert model.metadata["check"] == result["check"]
    assert model.metadata["mask_values"] == list(range(len(model.class_names)))
    assert (folder / "3/assets.extra/LICENSE.txt").read_text() == "CC0-1.0\n"
    other = loading.load(str(tflite_file))
    assert other.size == (48, 80)
    assert other.metadata["macs"]["size"] == [48, 80]
    assert other.class_names == model.class_names


def test_int8_is_calibrated_on_labelled_training_images(
    saved_run, tmp_path, monkeypatch
):
    exported = {}

    def export(_network, _output, examples, _metadata, **options):
        exported["val"] = [image for image, _ in examples]
        exported["train"] = options["calibration"]
        return options["quantization"]

    monkeypatch.setattr("selene_tf.export.tflite.export", export)
    # There is no file that it could time.
    monkeypatch.setattr("selene_tf.export.export_record.append", lambda *_: None)
    options = ExportOptions(run_dir=saved_run, path="none")
    result = exporter.to_tflite(options, tmp_path / "a.tflite", quantization="int8")
    assert result["check"] == "int8"
    for split, images in exported.items():
        source = experiment.load_split(saved_run, split)
        expected = [image for image, _ in sample_images.examples(source, 0)]
        assert len(images) == 2
        np.testing.assert_array_equal(images, expected)


def test_mistakes_are_said_before_any_work(saved_model, tflite_file, tmp_path):
    nowhere = ExportOptions(run_dir="/nowhere")
    assert_refused(
        lambda: exporter.to_saved_model(nowhere, saved_model[0], version=3),
        *("--version", "4"),
    )
    assert_refused(lambda: exporter.to_tflite(nowhere, tflite_file), "exists")
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


def test_models_that_cannot_be_scored_are_refused(
    saved_run, saved_model, run_of_gone_images, tmp_path
):
    def evaluate(model, run_dir=saved_run, **options):
        options = {"options": RunOptions(run_dir=run_dir), **options}
        return lambda: scoring.evaluate_model(str(model), **options)

    folder, _ = saved_model
    assert_refused(evaluate(folder, ""), "--run_dir")
    assert_refused(evaluate(tmp_path / "none"), "--model", "none")
    assert_refused(evaluate(tmp_path), str(tmp_path))
    (tmp_path / "a.txt").write_text("a")
    assert_refused(evaluate(tmp_path / "a.txt"), "--model", "another kind")
    assert_refused(evaluate(folder, mode="sliding"), "--fit=sliding", "--tile_size")
    assert_refused(evaluate(run_of_gone_images), "--model", "a, b")


def test_a_folded_network_has_nothing_to_leave_out():
    options = RunOptions(run_dir="/nowhere", gates="fold")
    assert_refused(lambda: scoring.evaluate_run(options, True), "--conditional")
