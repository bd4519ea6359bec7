"""The commands as a user runs them, on drawn scenes and on bad input."""

import functools
import json
import resource
import shutil
import signal
import subprocess
import sys
import time

import numpy as np
import pytest
from PIL import Image

from selene_tf.experiment import pruned_network
from selene_tf.training.log import TrainingLog
from tests.commands import (
    ROOT,
    SHORT,
    TINY,
    assert_one_line,
    run,
    run_process,
    train,
    users_environment,
    variables_of,
)

# All that a run has to remember: a second network, a head, draws of several kinds.
WHOLE = [*TINY, "--pretext=jigsaw", "--strong_augmentation", "--ema_warm_up"]


@pytest.fixture(scope="module")
def finished(tmp_path_factory):
    """A finished run of mean teacher, in graphs, and what train.py printed."""
    run_dir = tmp_path_factory.mktemp("runs") / "mean teacher"
    result = train(run_dir, *WHOLE, "--write_report")
    assert result.returncode == 0, result.stderr
    return run_dir, result


def test_a_run_folder_holds_what_it_should(finished):
    run_dir, _ = finished
    names = {path.name for path in run_dir.iterdir()}
    assert names >= {
        *("config.cfg", "log.jsonl", "tensorboard", "checkpoints", "summary.json"),
        *("path.json", "path.png", "curve.png", "predictions"),
        *("image_scores.npz", "examples", "report.html"),
    }
    assert "Best, median and worst images" in (run_dir / "report.html").read_text()
    summary = json.loads((run_dir / "summary.json").read_text())
    assert summary["step"] == 8
    assert 0 <= summary["mean_iou"] <= summary["best_mean_iou"] <= 1
    assert set(summary["macs"]) == {"mean", "min", "max", "supernet"}
    assert summary["macs"]["min"] <= summary["macs"]["mean"] <= summary["macs"]["max"]
    assert summary["macs"]["max"] <= summary["macs"]["supernet"]
    assert summary["seed"] == 0
    assert summary["seconds"] > 0


def test_the_log_names_every_loss_and_both_networks(finished):
    run_dir, _ = finished
    lines = [json.loads(x) for x in (run_dir / "log.jsonl").read_text().splitlines()]
    losses = [line for line in lines if "loss" in line]
    assert [line["step"] for line in losses] == [2, 4, 6, 8]
    for line in losses:
        parts = line["supervised"] + line["consistency"] + line["jigsaw"]
        assert line["loss"] == pytest.approx(parts, rel=1e-5)
        assert line["learning_rate"] > 0
    assert losses[-1]["images_per_second"] > 0
    scores = [line for line in lines if "mean_iou" in line]
    assert [line["step"] for line in scores] == [4, 8]
    assert all(line["mean_iou"] == line["mean_iou_teacher"] for line in scores)
    assert all("mean_iou_student" in line for line in scores)


def test_prediction_images_are_three_side_by_side(finished):
    run_dir, _ = finished
    files = sorted((run_dir / "predictions").glob("*.png"))
    assert len(files) == 2
    assert Image.open(files[0]).size == (3 * 64 + 8, 48)


def test_starting_a_finished_run_again_changes_nothing(finished):
    run_dir, _ = finished
    before = (run_dir / "summary.json").read_bytes()
    result = train(run_dir, *WHOLE)
    assert result.returncode == 0, result.stderr
    assert "finished" in result.stderr
    assert (run_dir / "summary.json").read_bytes() == before


@pytest.fixture
def old_run(finished, tmp_path):
    """The finished run as an earlier version wrote its flags."""
    copy = tmp_path / "old"
    shutil.copytree(finished[0], copy)
    lines = (copy / "config.cfg").read_text().splitlines()
    lines.remove("--cutmix=true")
    lines[lines.index("--strong_augmentation=true")] = "--strong_view=true"
    (copy / "config.cfg").write_text("\n".join(lines) + "\n")
    return copy


@pytest.mark.parametrize("flag", ["--strong_view", "--strong_augmentation"])
def test_a_run_of_an_earlier_version_is_started_again(old_run, flag):
    flags = [flag if name == "--strong_augmentation" else name for name in WHOLE]
    result = train(old_run, *flags)
    assert result.returncode == 0, result.stderr
    assert "finished" in result.stderr


def test_a_run_of_an_earlier_version_is_scored(old_run):
    result = run("evaluate.py", f"--run_dir={old_run}")
    assert result.returncode == 0, result.stderr


def test_a_run_of_an_earlier_version_mixed_images(old_run):
    result = train(old_run, *WHOLE, "--nocutmix")
    assert_one_line(result, "--cutmix: found 'false'", "'true'", str(old_run))


def test_evaluation_repeats_the_summary(finished):
    run_dir, _ = finished
    result = run("evaluate.py", f"--run_dir={run_dir}")
    assert result.returncode == 0, result.stderr
    scores = json.loads((run_dir / "evaluation-val.json").read_text())
    summary = json.loads((run_dir / "summary.json").read_text())
    for name in ("mean_iou", "iou", "macs", "parameters", "images", "pixel_accuracy"):
        assert scores[name] == summary[name]
    assert scores["latency_ms"] > 0
    assert f"{scores['mean_iou']:.4f}" in result.stdout


@pytest.mark.slow
@pytest.mark.usefixtures("eager_here")
@pytest.mark.parametrize("kind", ["saved_model", "tflite", "onnx"])
def test_an_exported_network_scores_the_same(
    finished, tmp_path, kind, capfd, prepare_once, monkeypatch
):
    run_dir, _ = finished
    monkeypatch.setattr(pruned_network, "prepare", prepare_once)
    output = tmp_path / ("saved model" if kind == "saved_model" else f"a.{kind}")
    command = ["-m", f"export.{kind}", f"--run_dir={run_dir}", f"--output={output}"]
    command += ["--gates=keep"]
    result = run(*command)
    assert (result.returncode, result.stderr) == (0, "")
    # Converters write past Python's streams.
    assert capfd.readouterr() == ("", "")
    assert f"wrote {output}: " in result.stdout
    result = run("evaluate.py", f"--run_dir={run_dir}", f"--model={output}")
    assert result.returncode == 0, result.stderr
    exported = json.loads((run_dir / f"evaluation-val-{kind}.json").read_text())
    summary = json.loads((run_dir / "summary.json").read_text())
    # A pixel whose two likeliest classes are equal but for rounding may be either.
    few_pixels = 3 / (4 * 48 * 64)
    accuracy = pytest.approx(summary["pixel_accuracy"], abs=few_pixels)
    assert exported["pixel_accuracy"] == accuracy
    assert exported["mean_iou"] == pytest.approx(summary["mean_iou"], abs=1e-4)
    expected = "version 1" if kind == "saved_model" else "exists already"
    assert_one_line(run(*command), "--output", expected)


def test_another_configuration_in_the_same_folder_is_refused(finished):
    run_dir, _ = finished
    assert_one_line(
        train(run_dir, *WHOLE, "--learning_rate=0.5"), "--learning_rate", "0.5"
    )


@pytest.mark.slow
def test_a_killed_run_ends_where_an_uninterrupted_one_does_to_the_bit(
    finished, tmp_path
):
    uninterrupted, _ = finished
    run_dir = tmp_path / "killed"
    process = subprocess.Popen(
        [sys.executable, "train.py", *WHOLE, f"--run_dir={run_dir}"],
        cwd=ROOT,
        stderr=subprocess.DEVNULL,
    )
    deadline = time.time() + 120
    while not list(run_dir.glob("checkpoints/step-*")) and time.time() < deadline:
        time.sleep(0.01)
    process.send_signal(signal.SIGKILL)
    process.wait()
    assert not (run_dir / "summary.json").exists(), "it was killed too late to test"
    result = train(run_dir, *WHOLE)
    assert result.returncode == 0, result.stderr
    assert "resuming" in result.stderr
    expected, resumed = variables_of(uninterrupted), variables_of(run_dir)
    assert expected.keys() == resumed.keys()
    assert len(expected) > 100
    for name, value in expected.items():
        np.testing.assert_array_equal(value, resumed[name], err_msg=name)
    scores = [
        json.loads((d / "summary.json").read_text()) for d in (uninterrupted, run_dir)
    ]
    assert scores[0]["mean_iou"] == scores[1]["mean_iou"]
    assert scores[0]["best_mean_iou"] == scores[1]["best_mean_iou"]


@pytest.fixture(params=["SIGTERM", "SIGINT", "SIGHUP"])
def stopped_at_first_line(request, monkeypatch):
    """The signal comes with the first scores; nobody but train.py listens to it."""
    add, signal_number = TrainingLog.add, getattr(signal, request.param)

    def add_and_stop(log, values):
        add(log, values)
        signal.raise_signal(signal_number)

    def fail(number, frame):
        del frame
        raise AssertionError(f"train.py does not listen to signal {number}")

    monkeypatch.setattr(TrainingLog, "add", add_and_stop)
    before = signal.signal(signal_number, fail)
    yield signal_number
    assert signal.signal(signal_number, before) is fail


@pytest.mark.slow
@pytest.mark.usefixtures("eager_here")
def test_a_run_that_is_told_to_stop_saves_and_says_so(tmp_path, stopped_at_first_line):
    arguments = ["--evaluate_every=1", "--checkpoint_every=50000", "--steps=100000"]
    result = train(tmp_path / "run", "--algorithm=supervised", *arguments)
    assert result.returncode == 128 + stopped_at_first_line
    assert result.stderr.endswith("stopped; the same command goes on.\n")
    (checkpoint,) = (tmp_path / "run/checkpoints").glob("step-*")
    assert checkpoint.name in ("step-00000001", "step-00000002")


@pytest.fixture
def full_disk():
    """No file may grow beyond 100 kB: a disk that fills up, for this process."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, before[1]))
    yield
    resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.mark.slow
@pytest.mark.usefixtures("full_disk", "eager_here")
def test_a_disk_that_fills_up_ends_a_run_with_one_line_and_no_summary(tmp_path):
    result = train(tmp_path / "run", "--algorithm=supervised")
    assert result.returncode == 2, result.stderr
    last = result.stderr.strip().splitlines()[-1]
    assert last.startswith("error: cannot write the checkpoint")
    assert not (tmp_path / "run/summary.json").exists()
    assert list((tmp_path / "run/checkpoints").iterdir()) == []


@pytest.mark.slow
def test_a_folder_that_cannot_be_made_is_one_line():
    """Nobody, root neither, may make a folder in /proc."""
    assert_one_line(train("/proc/selene"), "/proc/selene")


@pytest.mark.slow
def test_supervised_training_of_one_image_at_a_time_runs_too(tmp_path):
    """TensorFlow 2.21's gradient of a strided 1x1 convolution, by oneDNN, crashed."""
    result = train(
        tmp_path / "run",
        *("--algorithm=supervised", "--batch_size=1", *SHORT),
        run=functools.partial(run_process, env=users_environment()),
    )
    assert result.returncode == 0, result.stderr
    lines = (tmp_path / "run/log.jsonl").read_text()
    assert "consistency" not in lines
    assert "mean_iou_student" in lines
