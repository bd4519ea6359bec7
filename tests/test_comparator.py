"""DeepLabV3+ goes through the same commands as the network that is searched."""

import json

import pytest

from selene_tf import experiment
from selene_tf.architectures import DeepLabV3PlusArchitecture, cost
from selene_tf.config import Config
from selene_tf.experiment import RunOptions
from selene_tf.export import exporter
from selene_tf.export.preparation import ExportOptions
from selene_tf.inference import scoring
from tests.commands import assert_one_line, run
from tests.experiment.saved_runs import TINY

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")
DEEPLAB = {"network": "deeplab_v3_plus", "backbone": "mobilenet_v2"}


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("deeplab") / "run"
    settings = TINY | DEEPLAB | {"steps": 2, "evaluate_every": 2}
    settings |= {"num_training_scenes": 6, "num_validation_scenes": 8}
    settings |= {"algorithm": "mean_teacher", "run_dir": str(run_dir)}
    summary = experiment.train(Config(**settings))
    return run_dir, summary


def test_it_trains_under_mean_teacher(trained):
    run_dir, summary = trained
    architecture = DeepLabV3PlusArchitecture(
        len(summary["iou"]), "mobilenet_v2", output_stride=16
    )
    assert summary["macs"]["mean"] == cost(architecture, 32, 64).macs
    assert summary["networks"].keys() == {"student", "teacher"}
    assert "open_macs" not in summary
    losses = [json.loads(line) for line in (run_dir / "log.jsonl").open()]
    assert any(line.get("consistency", 0) > 0 for line in losses)


def test_it_is_evaluated_with_its_costs(trained):
    run_dir, summary = trained
    content = scoring.evaluate_run(RunOptions(run_dir=str(run_dir)))
    assert content["mean_iou"] == pytest.approx(summary["mean_iou"], abs=1e-6)
    assert content["parameters"] == summary["parameters"]
    assert content["latency_ms_p95"] >= content["latency_ms"] > 0


def test_it_is_exported_and_predicts_its_own_labels(trained, tmp_path):
    run_dir, _ = trained
    file = tmp_path / "deeplab.tflite"
    options = ExportOptions(run_dir=str(run_dir), num_images=8)
    check = exporter.to_tflite(options, str(file))["check"]
    assert check["label_agreement"] > 0.999
    content = scoring.evaluate_model(str(file), RunOptions(run_dir=str(run_dir)))
    assert content["bytes"] == file.stat().st_size


@pytest.mark.soak
@pytest.mark.parametrize("backbone", ["mobilenet_v2", "resnet50"])
@pytest.mark.parametrize(
    "changes",
    [
        {"algorithm": "supervised", "pretext": "jigsaw"},
        {"algorithm": "mean_teacher", "pretext": "jigsaw"},
        {"algorithm": "cross_pseudo", "pretext": "jigsaw"},
    ],
    ids=lambda changes: changes["algorithm"],
)
def test_it_goes_through_every_algorithm_and_format(tmp_path, backbone, changes):
    run_dir = tmp_path / "run"
    settings = TINY | DEEPLAB | changes | {"backbone": backbone, "num_permutations": 5}
    settings |= {"num_training_scenes": 12, "num_validation_scenes": 9}
    summary = experiment.train(Config(**settings, run_dir=str(run_dir)))
    assert summary["step"] == 4
    options = ExportOptions(run_dir=str(run_dir), num_images=8)
    exporter.to_saved_model(options, str(tmp_path / "saved"))
    exporter.to_onnx(options, str(tmp_path / "a.onnx"))
    exporter.to_tflite(options, str(tmp_path / "a.tflite"))
    exporter.to_tflite(options, str(tmp_path / "h.tflite"), quantization="float16")
    lines = [json.loads(x) for x in (run_dir / "exports.jsonl").open()]
    assert [line["check"]["label_agreement"] > 0.99 for line in lines] == [True] * 4


@pytest.mark.parametrize(
    ("flag", "word"),
    [
        ("--path=unet", "--path"),
        ("--budget_weight=1", "--budget_weight"),
        ("--nogated", "--gated"),
        ("--drop_path=0.1", "--drop_path"),
        ("--init_checkpoint=a.pth", "--init_checkpoint"),
        ("--batch_size=1", "2 or more images"),
    ],
)
def test_what_is_about_routes_is_refused(tmp_path, flag, word):
    flags = [f"--{name}={value}" for name, value in DEEPLAB.items()]
    result = run("train.py", f"--run_dir={tmp_path / 'run'}", *flags, flag)
    assert_one_line(result, word, "deeplab_v3_plus")


def test_its_own_flags_are_refused_for_others(tmp_path):
    result = run("train.py", f"--run_dir={tmp_path / 'run'}", "--output_stride=8")
    assert_one_line(result, "--output_stride", "routing")
