"""A training with everything that changes the network or its training."""

import json
import shutil

import numpy as np
import pytest

from selene_tf.networks import dynamic_routing
from selene_tf.pretrained import state_dict_names
from tests.commands import SHORT, assert_one_line, run, train

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")

VARIANT = [
    "--algorithm=supervised",
    "--small_gate",
    "--pooling=aspp",
    "--drop_path=0.3",
    "--budget_weight=0.5",
    "--budget_target=0.2",
    "--gate_learning_rate_multiplier=2.5",
    "--precise_bn_batches=3",
    *SHORT,
    "--steps=4",
    "--log_every=1",
]


def official_file(path, num_classes=9):
    """Random weights by the official names."""
    network = dynamic_routing.build(num_classes, 4, 3)
    names = state_dict_names.official_names(3)
    arrays = {}
    for variable in network.weights:
        key, kind = names[variable.path]
        shape = state_dict_names.official_shape(tuple(variable.shape), kind)
        order = {"conv": (3, 2, 0, 1), "depth": (2, 3, 0, 1), "dense": (1, 0)}
        value = variable.numpy().transpose(order.get(kind, (0,)))
        arrays[key] = value.reshape(shape)
    np.savez(path, **arrays)
    return path


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A run of all variants, from official weights of other classes."""
    folder = tmp_path_factory.mktemp("variants")
    weights = official_file(folder / "official.npz", num_classes=21)
    result = train(
        folder / "run", *VARIANT, f"--init_checkpoint={weights}", "--init_other_classes"
    )
    assert result.returncode == 0, result.stderr
    return folder / "run", result


@pytest.mark.slow
def test_it_says_what_was_loaded_and_logs_the_budget(finished):
    run_dir, result = finished
    assert "loaded" in result.stderr
    assert "predictor" in result.stderr
    lines = [json.loads(x) for x in (run_dir / "log.jsonl").read_text().splitlines()]
    budgets = {line["step"]: line["budget"] for line in lines if "budget" in line}
    # It starts at 0.4 of the 4 steps.
    assert budgets[1] == 0.0
    assert budgets[4] > 0.0
    path = json.loads((run_dir / "path.json").read_text())
    assert path["small_gate"] is True
    assert path["pooling"] == "aspp"


@pytest.mark.slow
def test_evaluation_agrees_with_the_summary_whatever_is_left_out(finished):
    run_dir, _ = finished
    summary = json.loads((run_dir / "summary.json").read_text())
    for flag, name in (("", "val"), ("--conditional", "val-conditional")):
        result = run("evaluate.py", f"--run_dir={run_dir}", *([flag] if flag else []))
        assert result.returncode == 0, result.stderr
        content = json.loads((run_dir / f"evaluation-{name}.json").read_text())
        assert content["conditional"] is bool(flag)
        assert content["mean_iou"] == pytest.approx(summary["mean_iou"], abs=1e-3)
        assert content["macs"] == pytest.approx(summary["macs"], rel=1e-3)
        assert content["latency_ms"] > 0


@pytest.mark.slow
def test_a_run_that_was_stopped_ends_like_one_that_was_not(finished, tmp_path):
    """Drop path's draws and the new statistics included."""
    run_dir, _ = finished
    weights = run_dir.parent / "official.npz"
    copy = tmp_path / "run"
    shutil.copytree(run_dir, copy)
    text = (copy / "config.cfg").read_text()
    (copy / "config.cfg").write_text(text.replace(str(run_dir), str(copy)))
    shutil.rmtree(sorted((copy / "checkpoints").glob("step-*"))[-1])
    (copy / "summary.json").unlink()
    result = train(
        copy, *VARIANT, f"--init_checkpoint={weights}", "--init_other_classes"
    )
    assert result.returncode == 0, result.stderr
    assert "resuming" in result.stderr
    ours, theirs = (
        json.loads((folder / "summary.json").read_text()) for folder in (copy, run_dir)
    )
    assert ours["mean_iou"] == theirs["mean_iou"]
    assert ours["iou"] == theirs["iou"]


@pytest.mark.slow
def test_a_bad_initial_file_is_one_line_and_leaves_no_run_behind(tmp_path):
    damaged = tmp_path / "weights.pth"
    damaged.write_bytes(b"PK\x03\x04 and no more")
    result = train(
        tmp_path / "run", "--algorithm=supervised", f"--init_checkpoint={damaged}"
    )
    assert_one_line(result, "weights.pth")
    assert not (tmp_path / "run").exists()
    other = official_file(tmp_path / "other.npz", num_classes=21)
    result = train(
        tmp_path / "run", "--algorithm=supervised", f"--init_checkpoint={other}"
    )
    assert_one_line(result, "other.npz", "21", "--init_other_classes")


@pytest.mark.slow
def test_conditional_is_for_networks_and_not_for_models(finished):
    run_dir, _ = finished
    result = run(
        "evaluate.py", f"--run_dir={run_dir}", "--conditional", "--model=elsewhere"
    )
    assert_one_line(result, "--conditional", "--model")


@pytest.mark.slow
def test_a_teacher_with_drop_path_is_found_again_and_started_from_the_file(tmp_path):
    """Killed before its first checkpoint, the run starts from the file once more."""
    weights = official_file(tmp_path / "official.npz", num_classes=8)
    run_dir = tmp_path / "run"
    flags = [
        *("--drop_path=0.3", "--budget_weight=1", f"--init_checkpoint={weights}"),
        *("--init_other_classes", *SHORT),
    ]
    first = train(run_dir, *flags)
    assert first.returncode == 0, first.stderr
    scores = json.loads((run_dir / "summary.json").read_text())["iou"]
    result = run("evaluate.py", f"--run_dir={run_dir}", "--network=teacher")
    assert result.returncode == 0, result.stderr
    (run_dir / "summary.json").unlink()
    for checkpoint in (run_dir / "checkpoints").glob("step-*"):
        shutil.rmtree(checkpoint)
    again = train(run_dir, *flags)
    assert again.returncode == 0, again.stderr
    assert "loaded" in again.stderr
    assert json.loads((run_dir / "summary.json").read_text())["iou"] == scores
