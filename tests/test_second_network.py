"""A network that the package does not know goes through all of it.

One name is replaced: `architecture_of`, where flags become an architecture, and where a
kind with a flag of its own would have its arm.
"""

import json

import numpy as np
import pytest

from selene_tf import experiment
from selene_tf.benchmarking import pareto_sweep
from selene_tf.config import Config
from selene_tf.experiment import RunOptions, architecture, dataset_info
from selene_tf.experiment.path_discovery import discover_path
from selene_tf.export import exporter
from selene_tf.export.preparation import ExportOptions
from selene_tf.inference import loading, predict_image, score_text, scoring
from tests.experiment.saved_runs import TINY
from tests.networks.plain import PlainArchitecture
from tests.refusals import assert_refused

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")


def plain(config, path=None):
    assert path is None
    return PlainArchitecture(dataset_info(config).num_classes, auxiliary=True)


@pytest.fixture(scope="module", autouse=True)
def _known_to_the_flags():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(architecture, "architecture_of", plain)
        yield


def settings(run_dir, **changes):
    values = TINY | {"num_training_scenes": 12, "num_validation_scenes": 9}
    values |= {"pretext": "jigsaw", "num_permutations": 5, "precise_bn_batches": 1}
    return Config(**values | changes, run_dir=str(run_dir))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    """A function from an algorithm to its run's folder and summary, trained once."""
    folder, summaries = tmp_path_factory.mktemp("plain"), {}

    def run(algorithm="mean_teacher"):
        if algorithm not in summaries:
            config = settings(folder / algorithm, algorithm=algorithm)
            summaries[algorithm] = experiment.train(config)
        return folder / algorithm, summaries[algorithm]

    return run


@pytest.mark.parametrize("algorithm", ["supervised", "mean_teacher", "cross_pseudo"])
def test_it_trains_under_every_algorithm(runs, algorithm):
    run_dir, summary = runs(algorithm)
    assert summary["step"] == 4
    cost = plain(settings(run_dir)).cost(32, 64)
    assert summary["macs"] == dict.fromkeys(
        ("mean", "min", "max", "supernet"), cost.macs
    )
    assert summary["parameters"] == cost.parameters
    assert not list(run_dir.glob("path*"))
    assert (run_dir / "curve.png").is_file()
    lines = [json.loads(line) for line in (run_dir / "log.jsonl").open()]
    losses = [line for line in lines if "loss" in line][-1]
    suffix = "_first" if algorithm == "cross_pseudo" else ""
    assert losses[f"supervised{suffix}"] > 0
    assert losses[f"jigsaw{suffix}"] > 0
    assert f"budget{suffix}" not in losses
    weights = experiment.load_run(run_dir, split=None).network.get_weights()
    fresh = experiment.make_network(settings(run_dir), "student").get_weights()
    assert all(np.isfinite(weight).all() for weight in weights)
    assert not any(map(np.array_equal, weights[:1], fresh[:1]))


def test_it_is_evaluated(runs):
    run_dir, summary = runs()
    content = scoring.evaluate_run(run_dir)
    assert content["mean_iou"] == pytest.approx(summary["mean_iou"], abs=1e-6)
    assert content["macs"] == summary["macs"]
    assert content["path"] is None
    assert "mIoU" in score_text.table(content)
    options = RunOptions(run_dir=run_dir, network="student", statistics_batches=1)
    student = scoring.evaluate_run(options)
    assert student["parameters"] == summary["parameters"]


def test_it_is_predicted_with(runs):
    run_dir, _ = runs()
    model = loading.load(run_dir)
    image = np.random.default_rng(0).integers(0, 256, (50, 70, 3), np.uint8)
    mode = predict_image.choose_mode(model, "whole")
    labels = predict_image.label_map(model, image, mode)
    network = experiment.load_run(run_dir, split=None).network
    expected = np.asarray(network(image[None])["logits"])[0].argmax(-1)
    np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("kind", ["saved_model", "tflite"])
def test_it_is_exported_and_the_export_is_scored(runs, tmp_path, kind):
    run_dir, summary = runs()
    # All of it, its gates kept, though neither is said: it has no routes.
    gates = "auto" if kind == "tflite" else "keep"
    options = ExportOptions(run_dir=run_dir, gates=gates, num_images=0)
    output = tmp_path / ("saved" if kind == "saved_model" else "network.tflite")
    write = getattr(exporter, f"to_{kind}")
    result = write(options, output)
    assert list(result["networks"]) == ["network"]
    row = result["networks"]["network"]
    assert row["exported"]
    assert row["macs"] == summary["macs"]["mean"]
    assert row["parameters"] == summary["parameters"]
    model = loading.load(str(output))
    assert model.metadata["gates"] is None
    assert model.metadata["structure"] == {
        "num_classes": len(model.class_names),
        "channels": 4,
        "auxiliary": True,
    }
    content = scoring.evaluate_model(str(output), options)
    assert content["mean_iou"] == pytest.approx(row["mean_iou"], abs=1e-3)


def evaluate(**changes):
    return lambda run_dir: scoring.evaluate_run(RunOptions(run_dir=run_dir, **changes))


def export(**changes):
    def ask(run_dir):
        options = ExportOptions(run_dir=run_dir, num_images=0, **changes)
        exporter.to_saved_model(options, run_dir / "export")

    return ask


@pytest.mark.parametrize(
    ("ask", "flag"),
    [
        (evaluate(path="discovered"), "--path"),
        (evaluate(gates="fold"), "--gates"),
        (lambda run: scoring.evaluate_run(run, conditional=True), "--conditional"),
        (export(path="a.json"), "--path"),
        (export(gates="fold"), "--gates"),
        (discover_path, "--run_dir"),
        (
            lambda run: pareto_sweep.sweep(
                RunOptions(run_dir=run), [0.5], run / "sweep"
            ),
            "--run_dir",
        ),
        (
            lambda run: experiment.train(settings(run / "new", path="a.json")),
            "--path",
        ),
        (
            lambda run: experiment.train(settings(run / "new", budget_weight=0.1)),
            "--budget_weight",
        ),
        (
            lambda run: experiment.train(
                settings(run / "new", init_checkpoint="a.pth")
            ),
            "--init_checkpoint",
        ),
    ],
)
def test_what_needs_routes_refuses_it_in_one_line(runs, ask, flag):
    run_dir, _ = runs()
    before = sorted(run_dir.rglob("*"))
    assert_refused(lambda: ask(run_dir), flag, "PlainArchitecture", "no routes")
    assert sorted(run_dir.rglob("*")) == before
