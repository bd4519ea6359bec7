"""Trainings that cannot fit into the memory are refused before anything is built."""

import pytest
import tensorflow as tf

from selene_tf import experiment
from selene_tf.cli import memory
from selene_tf.config import Config
from selene_tf.errors import UserError
from selene_tf.experiment import memory_check
from tests.refusals import assert_refused


def check(**options):
    memory_check.check(Config(**options))


def test_what_is_common_passes(monkeypatch):
    monkeypatch.setattr(memory, "total_bytes", lambda: 4e9)
    check()
    check(algorithm="cross_pseudo", crop_size=(800, 800), num_layers=33)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"image_size": (60_000, 60_000)}, ["--image_size=60000,60000", "54.0 GB"]),
        ({"crop_size": (20_000, 20_000)}, ["--crop_size=20000,20000", "8 images"]),
        # Each level has twice as many channels: (4096 / 64)^2 times 17.8 million.
        ({"channels": 4096}, ["--channels=4096", "--num_layers=16", "parameters"]),
    ],
)
def test_what_cannot_fit_is_refused(monkeypatch, options, words):
    monkeypatch.setattr(memory, "total_bytes", lambda: 8e9)
    assert_refused(lambda: check(**options), *words, "8.0 GB")


def test_fewer_images_at_a_time_need_less(monkeypatch):
    monkeypatch.setattr(memory, "total_bytes", lambda: 1e9)
    options = {"crop_size": (1600, 1600), "dataset": "cityscapes", "data_dir": "."}
    assert_refused(lambda: check(**options), "8 images at a time")
    check(**options, accumulate_steps=8)


def test_a_training_is_refused_before_its_folder_is_made(monkeypatch, tmp_path):
    monkeypatch.setattr(memory, "total_bytes", lambda: 8e9)
    config = Config(channels=4096, run_dir=str(tmp_path / "run"))
    assert_refused(lambda: experiment.train(config), "--channels=4096")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("flag", ["channels", "num_layers"])
def test_numbers_that_no_machine_could_build_are_out_of_range(flag):
    assert_refused(lambda: Config(**{flag: 100_000}), f"--{flag}: found 100000")


def test_a_step_that_does_not_fit_is_one_line():
    error = tf.errors.ResourceExhaustedError(None, None, "OOM when allocating")
    with pytest.raises(
        UserError, match="--crop_size: there is not enough memory .*--image_size"
    ):
        with memory_check.named_exhaustion(Config()):
            raise error
