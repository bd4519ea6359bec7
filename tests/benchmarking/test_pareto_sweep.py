"""A sweep of a tiny run: files, points and the front."""

import json

import pytest
from PIL import Image

from selene_tf.architectures import routing_path
from selene_tf.benchmarking import pareto_sweep
from selene_tf.experiment import pruned_network
from selene_tf.inference import scoring
from tests.commands import assert_one_line, run
from tests.experiment.saved_runs import save_path, save_run
from tests.refusals import assert_refused


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("sweep")
    save_run(folder / "run")
    save_path(folder / "path.json", without=[(2, 1, None)])
    save_run(folder / "tuned", path=str(folder / "path.json"))
    return folder


@pytest.fixture(scope="module")
def swept(runs):
    output = runs / "out"
    tuned = [str(runs / "tuned")]
    found = pareto_sweep.sweep(
        runs / "run",
        [1.0, 0.99, 0.01],
        output,
        tuned_runs=tuned,
        gates="keep",
        statistics_batches=1,
        split="train",
    )
    return output, found


def test_each_point_is_a_pruned_network(swept, runs):
    output, found = swept
    whole, kept, cheaper, tuned = found["points"]
    assert whole["macs"] == kept["macs"]
    assert cheaper["macs"] <= 0.99 * whole["macs"] < whole["macs"]
    file = output / "path-keep_0.99.json"
    prepared = pruned_network.prepare(runs / "run", path=str(file))
    cost = prepared.cost((32, 64))
    assert cheaper["macs"] == routing_path.read(file).metadata["macs"] == cost.macs
    assert cheaper["parameters"] == cost.parameters
    for point, options in ((whole, {}), (cheaper, {"statistics_batches": 1})):
        chosen = "none" if point is whole else str(file)
        scored = scoring.evaluate_run(runs / "run", "train", path=chosen, **options)
        assert point["mean_iou"] == pytest.approx(scored["mean_iou"], abs=1e-9)
    assert tuned["name"] == "tuned"
    assert all(point["latency_ms"] > 0 for point in found["points"])
    (why,) = found["skipped"]
    assert "0.01" in why
    assert "--targets" in why
    assert "--keep" not in why


def test_it_is_written_down(swept):
    output, found = swept
    assert json.loads((output / "sweep.json").read_text()) == found
    with Image.open(output / "sweep.png") as image:
        assert image.size[0] > 300
    text = pareto_sweep.table(found)
    for point in found["points"]:
        assert point["name"] in text
        assert f"{point['mean_iou']:.4f}" in text


def test_the_front_has_what_none_beats():
    points = [(1, 0.1), (2, 0.3), (3, 0.2), (2, 0.3), (4, 0.3), (5, 0.5)]
    marked = pareto_sweep.mark_front(
        [{"macs": macs, "mean_iou": score} for macs, score in points]
    )
    front = [point["on_front"] for point in marked]
    assert front == [True, True, False, True, False, True]


def test_what_is_wrong_is_said(runs, swept):
    output, _ = swept
    assert_refused(lambda: pareto_sweep.sweep(runs / "run", [1.0], output), "--output")
    save_run(runs / "other", num_validation_scenes=3)
    assert_refused(
        lambda: pareto_sweep.sweep(
            runs / "run", [], runs / "new", tuned_runs=[str(runs / "other")]
        ),
        "--tuned_runs",
    )
    assert not (runs / "new").exists()
    assert_refused(
        lambda: pareto_sweep.sweep(
            "/nowhere", [1.0], runs / "new", tuned_runs=["/none/at/all"]
        ),
        "--tuned_runs",
        "/none/at/all",
    )


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--targets=0.5,2"], ["--targets", "0.5,2"]),
        (["--targets=a"], ["--targets"]),
        (["--targets="], ["--targets"]),
    ],
)
def test_mistakes_are_one_line(arguments, words):
    assert_one_line(run("-m", "selene_tf.sweep", *arguments), *words)
