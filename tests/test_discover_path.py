"""The command's work on a run of random weights; it looks at two drawn scenes."""

import json

import numpy as np
import pytest
from PIL import Image

from selene_tf import experiment
from selene_tf.architectures import routing, routing_path
from selene_tf.data.pipeline import batching
from selene_tf.discover_path import discover_run, text
from selene_tf.evaluation import evaluate
from selene_tf.search import discover, path_for_cost
from tests.commands import assert_one_line, run
from tests.experiment.saved_runs import TINY, save_path, save_run
from tests.refusals import assert_refused

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
    trained = experiment.load_run(run_dir)
    dataset = batching.evaluation(trained.source, 1)
    predict = evaluate.predictor(trained.network)
    result = evaluate.evaluate(predict, dataset, trained.info.num_classes)
    return trained, result.gates


def assert_same(found, expected):
    for name in ("kept", "bypassed"):
        np.testing.assert_array_equal(getattr(found, name), getattr(expected, name))
    np.testing.assert_allclose(found.mean_gate, expected.mean_gate, atol=1e-6)
    assert found.metadata == expected.metadata


@pytest.mark.parametrize("options", [{}, {"path_threshold": 0.5, "gates": "fold"}])
def test_the_threshold_rule(run_dir, looked, tmp_path, options):
    trained, gates = looked
    found, file = discover_run(run_dir, output=tmp_path / "a.json", **options)
    expected = discover.discover(
        gates, trained.architecture, SIZE, 0.5, counts_gates="gates" not in options
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
    for keep, macs, rule, name in (
        (0.99, None, "keep<=0.99", "path-keep_0.99.json"),
        (None, supernet * 1.0, f"macs<={supernet}", f"path-macs_{supernet}.json"),
    ):
        found, file = discover_run(run_dir, keep=keep, path_macs=macs)
        assert file == run_dir / name
        target = (keep or 1) * supernet
        expected = path_for_cost.within(gates, trained.architecture, SIZE, target, rule)
        assert_same(routing_path.read(file), expected)
        assert found.metadata["macs"] <= target
        assert found.metadata["rule"] == rule
        assert (run_dir / name).with_suffix(".png").is_file()


def test_the_labelled_training_images_have_a_name_of_their_own(run_dir):
    found, file = discover_run(run_dir, split="train", path_threshold=0)
    assert file == run_dir / "path-threshold_0-train.json"
    assert found.metadata["images"] == 2


def test_a_pruned_run_finds_a_part_of_its_path(tmp_path):
    earlier = save_path(tmp_path / "path.json", without=[(1, 1, None), (2, 1, "up")])
    save_run(tmp_path / "run", path=str(tmp_path / "path.json"))
    for options in ({"keep": 1.0}, {"path_threshold": 0.5}):
        found, _ = discover_run(tmp_path / "run", **options)
        assert not (found.kept & ~earlier.kept).any()
        assert found.metadata["macs"] <= earlier.metadata["macs"]
    assert found.num_layers == TINY["num_layers"]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"keep": 0.0}, ("--keep", "0")),
        ({"keep": 1.5}, ("--keep", "1.5")),
        ({"keep": -1.0}, ("--keep", "-1")),
        ({"keep": float("nan")}, ("--keep", "nan")),
        ({"path_macs": 0.0}, ("--path_macs", "0")),
        ({"path_macs": float("inf")}, ("--path_macs", "inf")),
        ({"path_macs": float("nan")}, ("--path_macs", "nan")),
        ({"path_threshold": 1.1}, ("--path_threshold", "1.1")),
        ({"path_threshold": float("nan")}, ("--path_threshold", "nan")),
        ({"path_macs": 1e9, "keep": 0.5}, ("--path_macs, --keep", "2 rules")),
        ({"path_threshold": 0.5, "keep": 0.5}, ("--path_threshold, --keep",)),
        ({"output": "path.png"}, ("--output", "path.png", ".json")),
        ({"output": "/nowhere/at/all/path.json"}, ("--output", "/nowhere/at/all")),
        ({"network": "teacher"}, ("--network", "teacher")),
    ],
)
def test_mistakes_are_one_line_and_write_nothing(run_dir, options, words):
    before = set(run_dir.iterdir())
    assert_refused(lambda: discover_run(run_dir, **options), *words)
    assert set(run_dir.iterdir()) == before


def test_no_run_is_one_line(tmp_path):
    for missing in ("", tmp_path / "nothing", tmp_path):
        assert_refused(lambda missing=missing: discover_run(missing), "--run_dir")


def test_too_small_a_target_says_what_is_possible(run_dir, tmp_path):
    file = tmp_path / "path.json"
    assert_refused(
        lambda: discover_run(run_dir, path_macs=10, output=file),
        "10 MACs at 32x64",
        "--path_macs=",
        "--keep=0.",
    )
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("there", ["path.json", "path.png"])
def test_an_existing_file_stays(run_dir, tmp_path, there):
    (tmp_path / there).write_text("mine")
    output = tmp_path / "path.json"
    assert_refused(lambda: discover_run(run_dir, output=output), there, "--overwrite")
    assert [(file.name, file.read_text()) for file in tmp_path.iterdir()] == [
        (there, "mine")
    ]


def test_an_existing_file_may_be_written_over(run_dir, tmp_path):
    for name in ("path.json", "path.png"):
        (tmp_path / name).write_text("mine")
    discover_run(run_dir, output=tmp_path / "path.json", overwrite=True)
    assert routing_path.read(tmp_path / "path.json").num_layers == 3
    with Image.open(tmp_path / "path.png") as image:
        assert image.format == "PNG"


def test_text_says_how_much_is_left():
    shape = (4, 4, 3)
    kept, bypassed = np.zeros(shape, bool), np.zeros(shape[:2], bool)
    kept[[0, 1, 3], 0, 0], bypassed[2, 0] = True, True
    metadata = {
        **{"macs": 5_000_000, "supernet_macs": 20_000_000},
        **{"parameters": 1234, "supernet_parameters": 4936},
        **{"rule": "keep<=0.3", "images": 7, "image_size": [64, 96]},
    }
    found = routing_path.RoutingPath(
        kept, bypassed, np.zeros(shape), np.zeros(shape), metadata
    )
    # Layers of 1, 2, 3, 4 cells, with 2, 2 + 3, 2 + 3 + 3 and 4 routes.
    assert text(found) == (
        "5.0 of 20.0 MMACs at 64x96 (25.0%), 1,234 of 4,936 parameters (25.0%)\n"
        "keep<=0.3 over 7 images: of 10 cells 3 are computed and 1 pass their input "
        "on, 3 of 19 routes are open"
    )


@pytest.mark.slow
def test_the_command(run_dir, tmp_path):
    command = ["-m", "selene_tf.discover_path", f"--run_dir={run_dir}"]
    output = tmp_path / "found.json"
    result = run(*command, "--keep=0.99", f"--output={output}")
    assert result.returncode == 0, result.stderr
    assert result.stdout == f"{output}: {text(routing_path.read(output))}\n"
    assert json.loads(output.read_text())["rule"] == "keep<=0.99"
    assert_one_line(run(*command, "--path_macs=abc"), "--path_macs", "abc")
    assert_one_line(run(*command, "--keep=nan"), "--keep", "nan")
    assert_one_line(run(*command, f"--output={output}"), "--overwrite")
