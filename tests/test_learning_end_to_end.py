"""Ways to learn, as flags of train.py."""

import dataclasses
import json
import subprocess
import sys

import numpy as np
import pytest

from selene_tf import experiment
from selene_tf.cli import flagfile
from selene_tf.errors import UserError
from tests.algorithms.test_replicas import free_ports
from tests.commands import ROOT, SHORT, TINY, train, users_environment, variables_of

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")


def tiny_config(tmp_path, **changes):
    file = tmp_path / "tiny.cfg"
    file.write_text("\n".join(TINY) + "\n")
    return dataclasses.replace(flagfile.from_flagfile(file), **changes)


@pytest.mark.slow
def test_a_pretext_task_without_weight_changes_no_bit(tmp_path):
    short = {"steps": 2, "algorithm": "supervised", "num_predictions": 0}
    short |= {"warm_up_steps": 1, "evaluate_every": 2}
    short |= {"num_training_scenes": 6, "num_validation_scenes": 2}
    results = []
    for number, changes in enumerate(
        ({}, {"pretext": "jigsaw", "pretext_weight": 0.0})
    ):
        run_dir = tmp_path / f"run {number}"
        config = tiny_config(tmp_path, run_dir=str(run_dir), **short, **changes)
        summary = experiment.train(config)
        results.append((summary["mean_iou"], variables_of(run_dir)))
    (score, without), (score_0, weightless) = results
    assert score == score_0
    assert without.keys() == weightless.keys()
    for name, value in without.items():
        np.testing.assert_array_equal(value, weightless[name], err_msg=name)


@pytest.mark.slow
def test_everything_goes_together(tmp_path):
    run_dir = tmp_path / "run"
    result = train(
        run_dir,
        "--algorithm=cross_pseudo",
        "--pretext=rotation",
        "--crop_size=32,32",
        "--budget_weight=0.5",
        "--budget_start=0",
        "--supervised_loss=ohem",
        "--class_weights=median_frequency",
        "--accumulate_steps=2",
        "--mixed_precision=bfloat16",
        *SHORT,
        "--consistency_ramp_steps=0",
    )
    assert result.returncode == 0, result.stderr
    first, *_ = (run_dir / "log.jsonl").read_text().splitlines()
    losses = json.loads(first)
    parts = {
        f"{name}_{network}"
        for name in ("supervised", "rotation", "budget")
        for network in ("first", "second")
    }
    assert parts | {"cross_pseudo"} <= set(losses)
    weights = json.loads((run_dir / "summary.json").read_text())["class_weights"]
    assert f"sky {weights['sky']:.3g}" in result.stderr
    assert min(weights.values()) < 1 < max(weights.values())
    total = sum(losses[name] for name in parts | {"cross_pseudo"})
    assert losses["loss"] == pytest.approx(total, rel=1e-5)
    assert experiment.load_run(run_dir, "second").network.name == "second"
    assert experiment.load_run(run_dir).network.name == "first"
    with pytest.raises(UserError, match="first or second"):
        experiment.load_run(run_dir, "teacher")


@pytest.mark.slow
def test_two_workers_make_one_run(tmp_path):
    """The one that a single process makes; in float64 soak asks for rounding alone."""
    run_dir = tmp_path / "run"
    workers = [f"localhost:{port}" for port in free_ports(2)]
    flags = ["--steps=4", "--algorithm=supervised", "--precise_bn_batches=2"]
    flags += ["--num_predictions=0", "--nogated", "--num_validation_scenes=5"]
    processes = []
    for number in range(2):
        task = {"type": "worker", "index": number}
        config = json.dumps({"cluster": {"worker": workers}, "task": task})
        processes.append(
            subprocess.Popen(
                [sys.executable, "train.py", *TINY, *flags, f"--run_dir={run_dir}"],
                cwd=ROOT,
                env=users_environment(TF_CONFIG=config),
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
        )
    outputs = [process.communicate(timeout=300) for process in processes]
    for process, (_, errors) in zip(processes, outputs, strict=True):
        assert process.returncode == 0, errors[-3000:]
    assert "2 CPUs of 2 workers" in outputs[0][1]
    summary = json.loads((run_dir / "summary.json").read_text())
    assert summary["images"] == 5
    # Both tell the same score, and each interval stands in the log once.
    for output, _ in outputs:
        assert f"mIoU {summary['mean_iou']:.4f}" in output
    lines = [json.loads(x) for x in (run_dir / "log.jsonl").read_text().splitlines()]
    assert [line["step"] for line in lines if "loss" in line] == [2, 4]
    assert train(tmp_path / "alone", *flags).returncode == 0
    expected, values = variables_of(tmp_path / "alone"), variables_of(run_dir)
    assert expected.keys() == values.keys()
    for name, value in expected.items():
        # Sums of some thousand numbers in another order, over four steps.
        largest = max(np.abs(value).max(), 0.1)
        np.testing.assert_allclose(
            values[name], value, atol=1e-4 * largest, err_msg=name
        )
