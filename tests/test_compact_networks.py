"""Searched compact networks go through the same commands as the routing network."""

import dataclasses
import json
import pathlib
import shutil

import pytest

from selene_tf import experiment
from selene_tf.architectures import architecture_file, cost
from selene_tf.config import Config
from selene_tf.experiment import RunOptions, initial_state
from selene_tf.experiment.architecture import architecture_of
from selene_tf.export import exporter
from selene_tf.export.preparation import ExportOptions
from selene_tf.inference import scoring
from tests.commands import assert_one_line, run
from tests.experiment.saved_runs import TINY, save_run
from tests.refusals import assert_refused

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")
FOLDER = pathlib.Path(__file__).parents[1] / "configs/architectures"


@pytest.fixture(scope="module")
def small(tmp_path_factory):
    """A decoder with auxiliary cells of few channels, as a file."""
    content = json.loads((FOLDER / "auxiliary_arch1.json").read_text())
    file = tmp_path_factory.mktemp("architectures") / "small.json"
    file.write_text(json.dumps(content | {"channels": 8, "repeats": 1}))
    return file


@pytest.fixture(scope="module")
def trained(small, tmp_path_factory):
    run_dir = tmp_path_factory.mktemp("compact") / "run"
    settings = TINY | {"steps": 2, "evaluate_every": 2, "algorithm": "mean_teacher"}
    settings |= {"num_training_scenes": 6, "num_validation_scenes": 8}
    settings |= {"architecture": str(small), "auxiliary": "cell"}
    return run_dir, experiment.train(Config(**settings, run_dir=str(run_dir)))


def test_its_costs_are_those_of_the_deployed_network(trained, small):
    _, summary = trained
    architecture = architecture_file.read(small, len(summary["iou"]))
    assert summary["parameters"] == cost(architecture.deployed, 32, 64).parameters
    assert summary["macs"]["mean"] == cost(architecture.deployed, 32, 64).macs


def test_a_run_needs_the_file_no_more(trained, tmp_path):
    run_dir, summary = trained
    moved = tmp_path / "moved"
    shutil.copytree(run_dir, moved)
    text = (moved / "config.cfg").read_text()
    lines = [x for x in text.splitlines() if not x.startswith("--architecture")]
    (moved / "config.cfg").write_text("\n".join([*lines, "--architecture=/gone.json"]))
    content = scoring.evaluate_run(RunOptions(run_dir=str(moved)))
    assert content["mean_iou"] == pytest.approx(summary["mean_iou"], abs=1e-6)


def test_it_is_exported_without_what_only_learns(trained, tmp_path):
    run_dir, summary = trained
    options = ExportOptions(run_dir=str(run_dir), num_images=8)
    result = exporter.to_tflite(options, str(tmp_path / "a.tflite"))
    assert result["check"]["label_agreement"] > 0.999
    assert result["networks"]["network"]["parameters"] == summary["parameters"]
    network = experiment.load_run(str(run_dir), split=None).network
    assert network.output.keys() == {"logits", "features"}


def test_another_architecture_is_not_the_same_run(small, tmp_path):
    save_run(tmp_path / "run", architecture=str(small))
    other = tmp_path / "other.json"
    shutil.copy(FOLDER / "auxiliary_arch2.json", other)
    config = Config(**TINY, architecture=str(other), run_dir=str(tmp_path / "run"))
    assert_refused(lambda: experiment.train(config), "--architecture", other, "differs")
    # Where it is gone the run's own copy does.
    gone = dataclasses.replace(config, architecture=str(tmp_path / "gone.json"))
    own = initial_state.with_own_architecture(gone, tmp_path / "run")
    assert architecture_of(own).channels == 8


@pytest.mark.parametrize(
    ("flag", "words"),
    [
        ("--path=unet", ["--path", "routing"]),
        ("--budget_weight=1", ["--budget_weight"]),
        ("--network=routing_fixed", ["--network", "--architecture"]),
        ("--batch_size=1", ["--architecture", "2 or more images"]),
        ("--backbone=mobilenet_v2", ["--backbone", "deeplab_v3_plus"]),
        ("--architecture=/none.json", ["/none.json", "no such file"]),
    ],
)
def test_what_means_nothing_to_it_is_refused(small, tmp_path, flag, words):
    own = [f"--architecture={small}", f"--run_dir={tmp_path / 'run'}"]
    assert_one_line(run("train.py", *own, flag), *words)
    assert not (tmp_path / "run").exists()


def test_templates_have_no_auxiliary_cells():
    file = str(FOLDER / "templates_arch0.json")
    config = Config(**TINY, architecture=file, auxiliary="cell")
    assert_refused(lambda: architecture_of(config), "--auxiliary", "templates_arch0")


def test_its_flags_mean_nothing_to_others(tmp_path):
    result = run("train.py", f"--run_dir={tmp_path / 'run'}", "--auxiliary=cell")
    assert_one_line(result, "--auxiliary", "an --architecture")


def test_the_encoder_has_its_own_learning_rate_and_weights(small, tmp_path):
    settings = TINY | {"architecture": str(small), "encoder_first_block": "keras"}
    config = Config(
        **settings, encoder_learning_rate_multiplier=0.1, run_dir=str(tmp_path / "run")
    )
    optimizer = experiment.make_algorithm(config).optimizer
    assert optimizer.encoder_multiplier == 0.1
    slow = {path.partition("/")[0] for path in optimizer.encoder_paths}
    assert {"Conv1", "block_16_project", "block_16_project_BN"} <= slow
    assert not any(name.startswith(("adapt", "head", "logits")) for name in slow)
