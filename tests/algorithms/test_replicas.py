import json
import os
import pathlib
import subprocess
import sys

import pytest

from tests.algorithms.replica_case import MAX_GRADIENT_NORM, STEPS

ROOT = pathlib.Path(__file__).parents[2]


def run_case(kind):
    """What the case prints, from a process of its own."""
    process = subprocess.run(
        [sys.executable, "-m", "tests.algorithms.replica_case", kind],
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=500,
        check=False,
    )
    assert process.returncode == 0, process.stderr[-3000:]
    return json.loads(process.stdout.splitlines()[-1])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "networks"),
    [("supervised", {"student"}), ("mean_teacher", {"student", "teacher"})],
)
def test_two_replicas_train_as_one_does(kind, networks):
    result = run_case(kind)
    assert result["replicas"] == 2
    kinds = ("kernel", "bias", "gamma", "beta", "moving_mean", "moving_variance")
    expected = {f"{network} {weight}" for network in networks for weight in kinds}
    if kind == "supervised":
        expected.add("student progress")
    assert set(result["different"]) == expected
    assert set(result["at_start"].values()) == {0.0}
    assert max(result["different"].values()) <= 1e-5
    # Training moved all of it by more than that, and every step was clipped.
    assert min(result["moved"].values()) > 1e-4
    one, two = result["losses"]
    assert ("budget" in one) == (kind == "supervised")
    for name, values in one.items():
        assert len(values) == STEPS
        # The first consistency is the rounding of 0.
        assert two[name] == pytest.approx(values, rel=1e-5, abs=1e-7)
    assert min(one["gradient_norm"]) > MAX_GRADIENT_NORM
