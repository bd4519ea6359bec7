"""The path of a run of random weights; it looks at two drawn scenes."""

import numpy as np
import pytest
from PIL import Image

from selene_tf import experiment
from selene_tf.architectures import routing, routing_path
from selene_tf.data.pipeline import batching
from selene_tf.evaluation import evaluate
from selene_tf.experiment.path_discovery import discover_path
from selene_tf.search import discover, path_for_cost
from selene_tf.search.path_rule import PathRule
from tests.experiment.saved_runs import TINY, save_path, save_run
from tests.refusals import assert_refused

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")

SIZE = (32, 64)


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs") / "my run"
    save_run(folder)
    # An old run's path must be in nobody's way.
    (folder / "path.json").write_text('{"version": 2}')
    return folder


@pytest.fixture(scope="module")
def looked(run_dir):
    """The run's network and what it does with the images."""
    # The run is supervised: the labelled images are all that it is trained on.
    trained = experiment.load_run(run_dir, split="train")
    dataset = batching.evaluation(trained.source, 1)
    predict = evaluate.predictor(trained.network)
    result = evaluate.evaluate(predict, dataset, trained.info.num_classes)
    return trained, result.gates


def assert_same(found, expected):
    for name in ("kept", "bypassed"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    np.testing.assert_allclose(found.mean_gate, expected.mean_gate, atol=1e-6)
    assert found.metadata == expected.metadata


@pytest.mark.parametrize("counts_gates", [True, False])
def test_the_threshold_rule(run_dir, looked, tmp_path, counts_gates):
    trained, gates = looked
    found, file = discover_path(
        run_dir, output=tmp_path / "a.json", counts_gates=counts_gates
    )
    expected = discover.discover(
        gates, trained.architecture, SIZE, 0.5, counts_gates=counts_gates
    )
    assert_same(found, expected)
    assert_same(routing_path.read(file), expected)
    assert found.metadata["rule"] == "threshold=0.5"
    routing_path.check_fits(found, trained.architecture, file)
    with Image.open(tmp_path / "a.png") as image:
        assert image.format == "PNG"
    assert {file.name for file in tmp_path.iterdir()} == {"a.json", "a.png"}


def test_a_target_goes_to_a_file_of_its_name(run_dir, looked):
    trained, gates = looked
    supernet = routing.macs_table(trained.architecture, *SIZE).supernet
    for kind, value, target, rule, name in (
        ("keep", 0.99, 0.99 * supernet, "keep<=0.99", "path-keep_0.99.json"),
        (
            "macs",
            supernet * 1.0,
            supernet,
            f"macs<={supernet}",
            f"path-macs_{supernet}.json",
        ),
    ):
        found, file = discover_path(run_dir, PathRule(kind, value))
        assert file == run_dir / name
        expected = path_for_cost.within(gates, trained.architecture, SIZE, target, rule)
        assert_same(routing_path.read(file), expected)
        assert found.metadata["macs"] <= target
        assert found.metadata["rule"] == rule
        assert (run_dir / name).with_suffix(".png").is_file()


def test_validation_images_are_looked_at_if_asked_for_and_have_a_name(run_dir):
    path, file = discover_path(run_dir, PathRule("threshold", 0), split="val")
    assert file == run_dir / "path-threshold_0-val.json"
    validation = experiment.load_run(run_dir, split="val")
    predict = evaluate.predictor(validation.network)
    result = experiment.evaluate(validation, predict)
    np.testing.assert_allclose(path.mean_gate, result.gates.mean(0), atol=1e-6)


def test_labelled_and_unlabelled_training_images_are_looked_at(tmp_path):
    save_run(tmp_path / "run", algorithm="mean_teacher")
    path, _ = discover_path(tmp_path / "run")
    assert path.metadata["images"] == 4


def test_a_pruned_run_finds_a_part_of_its_path(tmp_path):
    earlier = save_path(tmp_path / "path.json", without=[(1, 1, None), (2, 1, "up")])
    save_run(tmp_path / "run", path=str(tmp_path / "path.json"))
    for rule in (PathRule("keep", 1.0), PathRule("threshold", 0.5)):
        found, _ = discover_path(tmp_path / "run", rule)
        assert not (found.kept & ~earlier.kept).any()
        assert found.metadata["macs"] <= earlier.metadata["macs"]
    assert found.num_layers == TINY["num_layers"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"output": "path.png"}, ("--output", "path.png", ".json")),
        ({"output": "/nowhere/at/all/path.json"}, ("--output", "/nowhere/at/all")),
        ({"network": "teacher"}, ("--network", "teacher")),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(run_dir, options, words):
    before = set(run_dir.iterdir())
    assert_refused(lambda: discover_path(run_dir, **options), *words)
    assert set(run_dir.iterdir()) == before


def test_no_run_is_one_line(tmp_path):
    for missing in ("", tmp_path / "nothing", tmp_path):
        assert_refused(lambda missing=missing: discover_path(missing), "--run_dir")


def test_too_small_a_target_says_what_is_possible(run_dir, tmp_path):
    file = tmp_path / "path.json"
    assert_refused(
        lambda: discover_path(run_dir, PathRule("macs", 10), output=file),
        "10 MACs at 32x64",
        "--path_macs=",
        "--keep=0.",
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("there", ["path.json", "path.png"])
def test_an_existing_file_stays(run_dir, tmp_path, there):
    (tmp_path / there).write_text("mine")
    output = tmp_path / "path.json"
    assert_refused(lambda: discover_path(run_dir, output=output), there, "--overwrite")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [
        (there, "mine")
    ]


def test_an_existing_file_may_be_written_over(run_dir, tmp_path):
    for name in ("path.json", "path.png"):
        (tmp_path / name).write_text("mine")
    discover_path(run_dir, output=tmp_path / "path.json", overwrite=True)
    assert routing_path.read(tmp_path / "path.json").num_layers == 3
    with Image.open(tmp_path / "path.png") as image:
        assert image.format == "PNG"
