"""One replica, two of a process, two processes: all train and count alike."""

import json
import pathlib
import socket
import subprocess
import sys

import numpy as np
import pytest

from tests.algorithms.replica_case import MAX_GRADIENT_NORM, STEPS
from tests.commands import users_environment

ROOT = pathlib.Path(__file__).parents[2]
NETWORKS = {
    "supervised": ["student"],
    "mean_teacher": ["student", "teacher", "student_head"],
    "cross_pseudo": ["first", "second"],
}


def start(*arguments, **environment):
    """The case in a process of its own."""
    return subprocess.Popen(
        [sys.executable, "-m", "tests.algorithms.replica_case", *arguments],
        cwd=ROOT,
        env=users_environment(PYTHONPATH=str(ROOT), **environment),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def result_of(process):
    """What the case prints."""
    output, errors = process.communicate(timeout=500)
    assert process.returncode == 0, errors[-3000:]
    return json.loads(output.splitlines()[-1])


def free_ports(number):
    """Ports of this machine that nobody listens on."""
    sockets = [socket.socket() for _ in range(number)]
    for each in sockets:
        each.bind(("127.0.0.1", 0))
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


def check_training(kind, result):
    weights = ("kernel", "gamma", "moving_variance")
    expected = {f"{name} {weight}" for name in NETWORKS[kind] for weight in weights}
    if kind == "supervised":
        expected.add("student progress")
    assert set(result["different"]) == expected
    assert set(result["at_start"].values()) == {0.0}
    assert max(result["different"].values()) <= 1e-13
    assert max(result["largest_difference"].values()) <= 1e-13
    # Training moved all of it by more than that, and every step was clipped.
    assert min(result["moved"].values()) > 1e-4
    one, two = result["losses"]
    for name, values in one.items():
        assert len(values) == STEPS
        # The first consistency is the rounding of 0.
        np.testing.assert_allclose(two[name], values, rtol=1e-12, atol=1e-14)
        assert "gradient_norm" not in name or min(values) > MAX_GRADIENT_NORM
    return set(one)


def check_evaluation(result):
    assert result["replicas"] == 2
    alone, together, without_gates = result["evaluations"]
    assert together[0] == alone[0]
    assert np.sum(together[0]) == 5 * 16 * 16
    np.testing.assert_allclose(together[1], alone[1], atol=1e-12)
    assert together[2] == alone[2]
    assert without_gates == [together[0], None, together[2]]


@pytest.fixture(scope="module")
def replicas():
    """What two replicas in one process make of every algorithm."""
    return result_of(start(",".join(NETWORKS)))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("kind", "loss"),
    [
        ("supervised", "budget"),
        ("mean_teacher", "jigsaw"),
        ("cross_pseudo", "cross_pseudo"),
    ],
)
def test_two_replicas_train_as_one_does(replicas, kind, loss):
    assert loss in check_training(kind, replicas["trained"][kind])


@pytest.mark.slow
def test_two_replicas_count_as_one_does(replicas):
    check_evaluation(replicas)


@pytest.mark.soak
def test_two_workers_train_as_one_process_does():
    """`test_two_workers_make_one_run` asks it of the command, in float32."""
    workers = [f"localhost:{port}" for port in free_ports(2)]
    processes = []
    for number in range(2):
        task = {"type": "worker", "index": number}
        config = json.dumps({"cluster": {"worker": workers}, "task": task})
        processes.append(start("mean_teacher", str(number), TF_CONFIG=config))
    results = [result_of(process) for process in processes]
    for result in results:
        check_training("mean_teacher", result["trained"]["mean_teacher"])
        check_evaluation(result)
    losses = [result["trained"]["mean_teacher"]["losses"][1] for result in results]
    assert losses[0] == losses[1]
