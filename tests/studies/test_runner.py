"""A study's processes; what they run is a stand-in for train.py, but for one test."""

import json
import os
import signal
import subprocess
import sys
import time

import pytest

from selene_tf.errors import UserError
from selene_tf.studies import estimates, processes, runner, runs
from selene_tf.training import run_lock
from tests.commands import ROOT, run
from tests.studies import study_case

# Writes a summary unless its seed is to fail; then says why.
TRAIN = """
import json, pathlib, sys
flags = dict(a[2:].split("=", 1) for a in sys.argv[1:])
folder = pathlib.Path(flags["run_dir"])
folder.mkdir(parents=True, exist_ok=True)
(folder / "config.cfg").write_text("\\n".join(sys.argv[1:]))
with open(folder / "started", "a") as file:
    file.write("x")
if flags["seed"] == "1" and "learning_rate" in flags:
    print("error: --learning_rate: too low")
    sys.exit(2)
summary = {"mean_iou": 0.5, "macs": {"mean": 1e6}, "parameters": 9, "seconds": 1.0}
(folder / "summary.json").write_text(json.dumps(summary))
print("done")
"""


@pytest.fixture
def stand_in(tmp_path, monkeypatch):
    (tmp_path / "train.py").write_text(TRAIN)
    (tmp_path / "evaluate.py").write_text("")
    monkeypatch.setattr(runs, "_CHECKOUT", tmp_path)
    monkeypatch.setattr(processes, "_POLL_SECONDS", 0.02)
    return study_case.read(tmp_path), tmp_path / "out"


@pytest.mark.parametrize("jobs", [1, 3])
def test_a_failed_run_is_reported_and_does_not_stop_the_others(stand_in, capsys, jobs):
    study, output = stand_in
    rows, failures = runner.run(study, output, jobs)
    assert list(failures) == ["other, all, seed 1"]
    assert "status 2: error: --learning_rate: too low" in failures["other, all, seed 1"]
    assert [(row.variant, row.seeds) for row in rows] == [
        ("plain", (0, 1)),
        ("other", (0,)),
    ]
    assert "other, all, seed 1: FAILED" in capsys.readouterr().err
    assert (output / "logs/other-all-seed_1.log").read_text().startswith("error")


def test_finished_runs_are_not_repeated_and_others_are(stand_in):
    study, output = stand_in
    for _ in range(2):
        runner.run(study, output)
    starts = {
        str(file.parent.relative_to(output)): len(file.read_text())
        for file in output.glob("*/*/*/started")
    }
    assert starts == {
        "plain/all/seed_0": 1,
        "plain/all/seed_1": 1,
        "other/all/seed_0": 1,
        "other/all/seed_1": 2,
    }


def test_a_finished_run_of_other_flags_is_not_taken_for_this_one(stand_in, tmp_path):
    study, output = stand_in
    runner.run(study, output)
    changed = study_case.read(tmp_path, study_case.TEXT.replace("0.01", "0.02"))
    with pytest.raises(UserError, match="other, all, seed 0: --learning_rate: found"):
        runner.run(changed, output)


def test_a_damaged_run_is_a_failure_and_the_table_has_the_others(stand_in):
    study, output = stand_in
    runner.run(study, output)
    (output / "plain/all/seed_0/summary.json").write_text("{")
    rows, failures = runner.run(study, output)
    assert "summary.json" in failures["plain, all, seed 0"]
    assert [(row.variant, row.seeds) for row in rows] == [
        ("plain", (1,)),
        ("other", (0,)),
    ]


def test_what_is_there_is_shown_while_a_study_runs(stand_in, monkeypatch):
    """A study that is killed has a table of what was finished."""
    study, output = stand_in
    content = []
    write = runner.write

    def write_and_read(*arguments):
        rows = write(*arguments)
        content.append(json.loads((output / "study.json").read_text()))
        return rows

    monkeypatch.setattr(runner, "write", write_and_read)
    runner.run(study, output)
    counts = [sum(len(row["seeds"]) for row in each["rows"]) for each in content]
    assert counts == [0, 1, 2, 3, 3, 3]
    assert content[0]["runs"] == [
        "plain/all/seed_0",
        "other/all/seed_0",
        "plain/all/seed_1",
        "other/all/seed_1",
    ]


def test_a_log_that_cannot_be_written_is_one_line(stand_in):
    study, output = stand_in
    output.mkdir()
    (output / "logs").write_text("")
    with pytest.raises(UserError, match="logs"):
        runner.run(study, output)


def test_two_studies_in_one_folder_are_refused(stand_in):
    study, output = stand_in
    output.mkdir()
    with run_lock.locked(output), pytest.raises(UserError, match="--output: .* in use"):
        runner.run(study, output)


@pytest.mark.parametrize(
    ("jobs", "gpus", "seen"),
    [
        (1, ["0", "1"], [None]),
        (2, ["0", "1"], ["0", "1"]),
        (3, ["0", "1"], ["0", "1", "0"]),
        (2, [], [None, None]),
    ],
)
def test_trainings_at_a_time_share_gpus_and_cores(monkeypatch, jobs, gpus, seen):
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    monkeypatch.delenv("TF_FORCE_GPU_ALLOW_GROWTH", raising=False)
    made = [processes.environment(jobs, slot, gpus) for slot in range(jobs)]
    assert [own.get("CUDA_VISIBLE_DEVICES") for own in made] == seen
    grows = "true" if gpus and jobs > len(gpus) else None
    assert {own.get("TF_FORCE_GPU_ALLOW_GROWTH") for own in made} == {grows}


def test_a_run_that_another_process_still_saves_is_waited_for(stand_in, monkeypatch):
    study, output = stand_in
    held = iter([True, True, False])
    asked = []

    def is_held(folder):
        asked.append(folder)
        return next(held, False)

    monkeypatch.setattr(run_lock, "is_held", is_held)
    _, failures = runner.run(study, output)
    assert len(failures) == 1
    assert len(asked) > 4


def test_a_held_folder_is_known_to_be_held(tmp_path):
    assert not run_lock.is_held(tmp_path)
    with run_lock.locked(tmp_path):
        call = f"print(run_lock.is_held({str(tmp_path)!r}))"
        code = f"from selene_tf.training import run_lock; {call}"
        result = subprocess.run(
            [sys.executable, "-c", code],
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=True,
        )
        assert result.stdout.strip() == "True"
    assert not run_lock.is_held(tmp_path)


@pytest.mark.skipif(sys.platform != "linux", reason="prctl is Linux's")
def test_what_it_started_ends_when_it_is_killed(tmp_path):
    """By kill -9, after which nothing of its own runs any more."""
    child = "import os, time; open('pid', 'w').write(str(os.getpid())); time.sleep(60)"
    parent = (
        "import sys, pathlib; from selene_tf.studies.processes import Pool\n"
        f"for _ in Pool(1).run({{'a': [sys.executable, '-c', {child!r}]}}, "
        "lambda name: pathlib.Path('log')): pass"
    )
    process = subprocess.Popen(
        [sys.executable, "-c", parent],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
    )
    number = _number_in(tmp_path / "pid")
    process.send_signal(signal.SIGKILL)
    process.wait()
    deadline = time.monotonic() + 20
    while _is_running(number):
        assert time.monotonic() < deadline
        time.sleep(0.05)


def _number_in(file):
    deadline = time.monotonic() + 60
    while not (file.is_file() and file.read_text()):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return int(file.read_text())


def _is_running(number):
    try:
        state = (f"/proc/{number}/stat", "rb")
        with open(*state) as file:
            return file.read().rpartition(b")")[2].split()[0] != b"Z"
    except FileNotFoundError:
        return False


@pytest.mark.usefixtures("stand_in")
def test_the_command_says_what_it_would_run_and_trains_nothing(tmp_path, monkeypatch):
    monkeypatch.setattr(
        estimates, "seconds_per_step", lambda *_: {"plain": 1800.0, "other": 900.0}
    )
    file = tmp_path / "tiny.toml"
    result = run(
        "-m", "selene_tf.study", f"--study={file}", "--output=out", "--dry_run"
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.count("train.py") == 4
    # Two runs of two steps of each: 2 * 2 * (1800 + 900) s.
    assert "hours left, one at a time: 3.00" in result.stdout
    assert not (ROOT / "out").exists()


def test_the_command_ends_with_one_line_if_a_run_failed(stand_in, tmp_path):
    file = tmp_path / "tiny.toml"
    result = run("-m", "selene_tf.study", f"--study={file}", f"--output={stand_in[1]}")
    assert result.returncode == 2
    assert "1 runs failed" in result.stderr.splitlines()[-1]
    assert "plain" in result.stdout
