"""Runs that are stopped again and again end like one that was not; long ones."""

import json
import random
import signal
import subprocess
import sys
import time

import numpy as np
import pytest

from selene_tf.training.checkpoints import Checkpoints
from tests import save_case
from tests.commands import ROOT, TINY, run_process, users_environment, variables_of

pytestmark = pytest.mark.soak
LONG = [*TINY, "--steps=24", "--evaluate_every=12", "--log_every=3"]
KILLS = 5
# What a log line says of time.
CLOCKS = {"seconds", "images_per_second", "minutes_left"}


def start(run_dir, *flags):
    return subprocess.Popen(
        [sys.executable, "train.py", *LONG, *flags, f"--run_dir={run_dir}"],
        cwd=ROOT,
        env=users_environment(),
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )


def newest(run_dir):
    return max((path.name for path in run_dir.glob("checkpoints/step-*")), default="")


def kill_after_next_checkpoint(process, run_dir, delay):
    before, deadline = newest(run_dir), time.time() + 120
    while newest(run_dir) == before and time.time() < deadline:
        time.sleep(0.01)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.communicate()


def assert_same(one, other):
    expected, values = variables_of(one), variables_of(other)
    assert expected.keys() == values.keys()
    assert len(expected) > 100
    for name, value in expected.items():
        np.testing.assert_array_equal(value, values[name], err_msg=name)
    logs = [
        [
            {k: v for k, v in json.loads(line).items() if k not in CLOCKS}
            for line in (run_dir / "log.jsonl").read_text().splitlines()
        ]
        for run_dir in (one, other)
    ]
    assert logs[0] == logs[1]


@pytest.mark.parametrize(
    "flags",
    [
        ("--pretext=jigsaw", "--drop_path=0.2"),
        ("--mixed_precision=bfloat16", "--strong_augmentation"),
        ("--algorithm=cross_pseudo", "--class_weights=median_frequency"),
    ],
    ids=["jigsaw", "bfloat16", "co-teaching"],
)
def test_five_kills_change_no_bit(tmp_path, flags):
    rng = random.Random(0)
    process = start(tmp_path / "whole", *flags)
    _, errors = process.communicate()
    assert process.returncode == 0, errors[-2000:]
    for _ in range(KILLS):
        process = start(tmp_path / "killed", *flags)
        kill_after_next_checkpoint(process, tmp_path / "killed", rng.random() / 2)
    assert not (tmp_path / "killed/summary.json").exists(), "killed too late to test"
    process = start(tmp_path / "killed", *flags)
    _, errors = process.communicate()
    assert process.returncode == 0, errors[-2000:]
    assert "resuming" in errors
    assert_same(tmp_path / "whole", tmp_path / "killed")


def test_another_number_of_devices_goes_on_with_the_same_training(tmp_path):
    """Batches, means and statistics are those of the whole step's images."""

    def train(name, devices, stop_after=0):
        command = ("-m", "tests.restart_case", str(devices), str(stop_after))
        return run_process(*command, *TINY, f"--run_dir={tmp_path / name}")

    assert train("whole", 1).returncode == 0
    assert train("changed", 1, 4).returncode == 130
    result = train("changed", 2)
    assert result.returncode == 0, result.stderr
    assert "2 CPUs" in result.stderr
    assert "after step 4" in result.stderr
    expected, values = (
        variables_of(tmp_path / "whole"),
        variables_of(tmp_path / "changed"),
    )
    assert expected.keys() == values.keys()
    for name, value in expected.items():
        # Sums of a few hundred numbers in another order, over four steps.
        largest = max(np.abs(value).max(), 1e-2)
        difference = np.abs(value - values[name]).max()
        assert difference < 1e-3 * largest, (name, difference, largest)


def test_kills_while_checkpoints_are_written_lose_none(tmp_path):
    """Whenever the kill comes, the last one that was written is whole."""
    rng = random.Random(1)
    for _ in range(10):
        process = subprocess.Popen(
            [sys.executable, "-m", "tests.save_case", str(tmp_path)],
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
        )
        process.stdout.readline()
        time.sleep(rng.random())
        process.send_signal(signal.SIGKILL)
        told = [int(line) for line in process.communicate()[0].splitlines()]
        values = save_case.variables()
        step, _ = Checkpoints(tmp_path, values).restore()
        assert step >= max(told, default=0)
        for variable in values.values():
            assert (variable.numpy() == step).all()


def test_memory_and_open_files_stay_the_same_over_thousands_of_steps(tmp_path):
    result = run_process(
        *("-m", "tests.growth_case", *TINY, f"--run_dir={tmp_path / 'run'}"),
        *("--steps=2000", "--evaluate_every=100", "--checkpoint_every=50"),
        env=users_environment(),
    )
    assert result.returncode == 0, result.stderr[-2000:]
    measured = [json.loads(line) for line in result.stdout.splitlines()]
    early, late = measured[0], measured[-1]
    assert (early["step"], late["step"]) == (500, 2000)
    assert late["memory"] < 1.03 * early["memory"]
    assert late["files"] <= early["files"]
