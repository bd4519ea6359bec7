import json

import pytest

from selene_tf.config import Config
from selene_tf.errors import UserError
from selene_tf.experiment.devices import check_fits, make_devices

STRONG = {"strong_augmentation": True}
WORKERS = {"worker": ["localhost:2222", "localhost:2223"]}


def refused(function, *arguments):
    with pytest.raises(UserError) as caught:
        function(*arguments)
    assert "\n" not in str(caught.value)
    return str(caught.value)


@pytest.mark.parametrize("strategy", ["auto", "one"])
def test_a_single_device_needs_no_strategy(strategy, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    devices = make_devices(Config(strategy=strategy))
    assert (devices.replicas, devices.num_workers) == (1, 1)
    assert devices.is_chief
    assert devices.describe() in ("one CPU", "one GPU")


def test_several_workers_need_tf_config(monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    message = refused(make_devices, Config(strategy="multi_worker"))
    assert message.startswith("--strategy:")
    assert "TF_CONFIG" in message


@pytest.mark.parametrize(
    "text",
    [
        "{",
        "[]",
        json.dumps({"cluster": WORKERS}),
        json.dumps({"cluster": WORKERS, "task": {"type": "worker", "index": 2}}),
        json.dumps({"cluster": WORKERS, "task": {"type": "evaluator", "index": 0}}),
        json.dumps({"cluster": WORKERS, "task": {"type": "worker", "index": "one"}}),
    ],
)
def test_a_tf_config_that_says_nothing_is_refused(text, monkeypatch):
    monkeypatch.setenv("TF_CONFIG", text)
    assert refused(make_devices, Config()).startswith("TF_CONFIG:")


@pytest.mark.parametrize(
    ("changes", "replicas", "flag"),
    [
        ({"batch_size": 8}, 3, "--batch_size"),
        ({"batch_size": 8, "accumulate_steps": 4}, 4, "--batch_size"),
        ({"batch_size": 6, **STRONG}, 2, "--batch_size"),
        (
            {"batch_size": 6, **STRONG, "accumulate_steps": 2},
            1,
            "--batch",
        ),
        ({"jit_compile": True}, 2, "--jit_compile"),
    ],
)
def test_what_devices_cannot_share_is_refused(changes, replicas, flag):
    assert refused(check_fits, Config(**changes), replicas).startswith(flag)


@pytest.mark.parametrize(
    ("changes", "replicas"),
    [
        ({"batch_size": 8, "accumulate_steps": 2}, 4),
        ({"batch_size": 8, **STRONG}, 4),
        # Alone a device mixes what it has, and one image is left over.
        ({"batch_size": 5, **STRONG}, 1),
        ({"batch_size": 6, **STRONG, "cutmix": False}, 2),
        ({"batch_size": 6, **STRONG, "algorithm": "supervised"}, 2),
        ({"jit_compile": True}, 1),
    ],
)
def test_what_they_can_share_is_not(changes, replicas):
    check_fits(Config(**changes), replicas)
