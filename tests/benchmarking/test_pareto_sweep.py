"""A sweep of a tiny run: files, points and the front."""

import json

import numpy as np
import pytest
from absl import flags
from PIL import Image

from selene_tf import experiment, sweep
from selene_tf.architectures import routing_path
from selene_tf.benchmarking import latency, pareto_sweep
from selene_tf.experiment import RunOptions, gates, pruned_network
from selene_tf.inference import scoring
from tests.experiment.saved_runs import save_run
from tests.refusals import assert_refused

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture(scope="module", autouse=True)
def each_network_is_made_once(prepare_once):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(pruned_network, "prepare", prepare_once)
        # Timed in earnest in tests/test_sweep.py and by test_latency.py.
        patch.setattr(latency, "of_network", lambda *_: 1.5)
        yield


@pytest.fixture(scope="module")
def swept(saved_run, tmp_path_factory):
    """The folder of a sweep, and what it returned."""
    folder = tmp_path_factory.mktemp("sweep")
    save_run(folder / "tuned", path=str(saved_run / "path.json"))
    options = RunOptions(run_dir=saved_run, statistics_batches=1)
    content = pareto_sweep.sweep(
        options, [1.0, 0.99, 0.01], folder / "out", tuned_runs=[folder / "tuned"]
    )
    return folder / "out", content


def test_each_point_is_a_pruned_network(swept, saved_run):
    output, content = swept
    supernet, everything, cheaper, tuned = content["points"]
    assert supernet["macs"] == everything["macs"]
    assert cheaper["macs"] <= 0.99 * supernet["macs"] < supernet["macs"]
    file = output / "path-keep_0.99.json"
    assert cheaper["macs"] == routing_path.read(file).metadata["macs"]
    for point, fields in (
        (supernet, {}),
        (cheaper, {"path": str(file), "statistics_batches": 1}),
    ):
        options = RunOptions(run_dir=saved_run, **fields)
        scored = scoring.evaluate_run(options)
        assert point["mean_iou"] == pytest.approx(scored["mean_iou"], abs=1e-9)
        assert point["parameters"] == scored["parameters"]
        assert point["macs"] == scored["macs"]["supernet"]
    assert tuned["name"] == "tuned"
    assert all(point["latency_ms"] == 1.5 for point in content["points"])
    (why,) = content["skipped"]
    assert "0.01" in why
    assert "--targets" in why
    assert "--keep" not in why


def test_paths_are_found_on_training_images(swept, saved_run, prepare_once):
    network = prepare_once(RunOptions(run_dir=saved_run)).network
    path = routing_path.read(swept[0] / "path-keep_0.99.json")
    means = {}
    for split in ("train", "val"):
        source = experiment.load_split(saved_run, split)
        image_gates, _ = gates.collect(network, [source])
        means[split] = image_gates.mean(axis=0)
    np.testing.assert_allclose(path.mean_gate, means["train"], atol=1e-6)
    assert np.abs(path.mean_gate - means["val"]).max() > 1e-4


def test_it_is_written_down(swept):
    output, content = swept
    assert json.loads((output / "sweep.json").read_text()) == content
    with Image.open(output / "sweep.png") as image:
        assert image.size[0] > 300
    text = pareto_sweep.table(content)
    for point in content["points"]:
        assert point["name"] in text
        assert f"{point['mean_iou']:.4f}" in text


def test_the_front_has_what_none_beats():
    points = [(1, 0.1), (2, 0.3), (3, 0.2), (2, 0.3), (4, 0.3), (5, 0.5)]
    marked = pareto_sweep.mark_front(
        [{"macs": macs, "mean_iou": score} for macs, score in points]
    )
    front = [point["on_front"] for point in marked]
    assert front == [True, True, False, True, False, True]


def test_a_folder_that_exists_is_left_alone(tmp_path):
    """Said before the run, which is none, is looked at."""
    options = RunOptions(run_dir="/nowhere")
    assert_refused(lambda: pareto_sweep.sweep(options, [1.0], tmp_path), "--output")
    assert not any(tmp_path.iterdir())


def test_tuned_runs_have_the_same_images(saved_run, tmp_path):
    save_run(tmp_path / "other", num_validation_scenes=3)
    options, tuned = RunOptions(run_dir=saved_run), [tmp_path / "other"]
    assert_refused(
        lambda: pareto_sweep.sweep(options, [], tmp_path / "new", tuned_runs=tuned),
        *("--tuned_runs", tmp_path / "other", "other images or classes"),
    )
    assert not (tmp_path / "new").exists()


def test_tuned_runs_are_runs(tmp_path):
    options = RunOptions(run_dir="/nowhere")
    assert_refused(
        lambda: pareto_sweep.sweep(
            options, [1.0], tmp_path / "new", tuned_runs=["/none/at/all"]
        ),
        *("--tuned_runs", "/none/at/all"),
    )


@pytest.mark.parametrize("targets", ["0.5,2", "a", "", "nan", "0"])
def test_targets_are_shares(targets, tmp_path, monkeypatch):
    values = flags.FlagValues()
    flags.DEFINE_list("targets", targets, "", flag_values=values)
    flags.DEFINE_string("run_dir", str(tmp_path), "", flag_values=values)
    flags.DEFINE_string("output", "", "", flag_values=values)
    values.mark_as_parsed()
    monkeypatch.setattr(flags, "FLAGS", values)
    assert_refused(sweep.main, "--targets", f"'{targets}'")
