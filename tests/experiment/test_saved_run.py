"""A run's network along a path, to be looked at."""

import shutil

import numpy as np
import pytest
import tensorflow as tf

from selene_tf import experiment
from selene_tf.config import Config
from selene_tf.experiment import scoring
from selene_tf.experiment.devices import Devices
from tests.experiment.saved_runs import TINY, save_path, save_run
from tests.refusals import assert_refused

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 32, 64, 3)).astype("float32")
WITHOUT = [(1, 1, None), (2, 1, "up")]


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    _, algorithm = save_run(folder / "run")
    save_path(folder / "path.json", without=WITHOUT)
    return folder, algorithm.networks["student"]


def test_along_a_path_the_weights_are_the_runs_by_name(run):
    folder, network = run
    trained = experiment.load_run(folder / "run", path_file=folder / "path.json")
    expected = {variable.path: variable.numpy() for variable in network.weights}
    values = {variable.path: variable.numpy() for variable in trained.network.weights}
    assert 0 < len(values) < len(expected)
    for path, value in values.items():
        np.testing.assert_array_equal(value, expected[path])
    assert trained.path.bypassed[1, 1]
    unpruned = experiment.load_run(folder / "run")
    assert trained.architecture.supernet == unpruned.architecture
    assert unpruned.path is None


def test_a_path_of_everything_gives_what_the_whole_network_gives(run):
    folder, network = run
    save_path(folder / "all.json")
    trained = experiment.load_run(folder / "run", path_file=folder / "all.json")
    outputs, expected = trained.network(IMAGES), network(IMAGES)
    gates = np.asarray(expected["gates"])
    assert (gates == 0)[:, trained.path.kept].any(), "no image closes any gate"
    np.testing.assert_allclose(outputs["gates"], gates, atol=1e-6)
    scale = np.abs(expected["logits"]).max()
    np.testing.assert_allclose(outputs["logits"], expected["logits"], atol=1e-6 * scale)


def test_a_pruned_runs_network_is_always_pruned(run, tmp_path):
    folder, _ = run
    save_run(tmp_path / "pruned", path=str(folder / "path.json"))
    trained = experiment.load_run(tmp_path / "pruned")
    assert trained.path.bypassed[1, 1]
    save_path(tmp_path / "less.json", without=[*WITHOUT, (1, 0, "down")])
    less = experiment.load_run(tmp_path / "pruned", path_file=tmp_path / "less.json")
    assert less.path.kept.sum() < trained.path.kept.sum()
    assert len(less.network.weights) < len(trained.network.weights)
    more = tmp_path / "more.json"
    save_path(more)
    assert_refused(
        lambda: experiment.load_run(tmp_path / "pruned", path_file=more),
        *("--path", more, tmp_path / "pruned/given_path.json"),
    )


@pytest.mark.slow
def test_statistics_are_those_of_the_end_of_the_training(tmp_path):
    save_path(tmp_path / "path.json", without=WITHOUT)
    settings = {"algorithm": "mean_teacher", "path": str(tmp_path / "path.json")}
    config, networks = save_run(tmp_path / "run", **settings)
    trained = experiment.load_run(tmp_path / "run")
    before = [variable.numpy() for variable in trained.network.weights]
    experiment.recompute_statistics(trained, 2)
    config = Config(**TINY | settings, precise_bn_batches=2)
    devices = Devices(tf.distribute.get_strategy())
    data = experiment.make_sources(config)
    scoring.renew_statistics(config, devices, networks, data)
    expected = networks.networks[networks.deployed].weights
    moved = 0
    for new, wanted, old in zip(trained.network.weights, expected, before, strict=True):
        np.testing.assert_allclose(new, wanted, rtol=1e-5, atol=1e-6)
        changes = np.abs(new.numpy() - old).max() > 1e-3
        assert not changes or "moving_" in new.path
        moved += changes
    assert moved > 10


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (lambda text: text + b"--colour=red\n", ["colour"]),
        (lambda text: text.replace(b"--channels=4", b"--channels=four"), ["channels"]),
        (lambda text: text.replace(b"--channels=4", b"--channels=100000"), ["100000"]),
        (lambda text: text.replace(b"--channels=4", b"--channels=8"), ["checkpoint"]),
        (lambda text: text.replace(b"--num_layers=3", b"--num_layers=5"), []),
        (lambda text: text.replace(b"dataset=scenes", b"dataset=camvid"), []),
        (lambda text: text.replace(b"dataset=scenes", b"dataset=mine"), ["--dataset"]),
        (lambda text: text.replace(b"=supervised", b"=magic"), ["algorithm"]),
        (lambda text: text + b"--flagfile=/nowhere\n", ["/nowhere"]),
        (lambda text: b"\xff\xfe" + text, ["config.cfg"]),
        (lambda _: b"prose and no flags\n", ["prose"]),
    ],
)
def test_an_edited_configuration_is_one_line(run, tmp_path, edit, words):
    shutil.copytree(run[0] / "run", tmp_path / "run")
    file = tmp_path / "run/config.cfg"
    edited = edit(file.read_bytes())
    assert edited != file.read_bytes()
    file.write_bytes(edited)
    assert_refused(lambda: experiment.load_run(tmp_path / "run"), *words)
