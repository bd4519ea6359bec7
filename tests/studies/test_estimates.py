import dataclasses
import json

import pytest

from selene_tf.studies import estimates
from tests.studies import study_case


def write_log(run, seconds, flags=""):
    """Lines as a training logs them, of steps of so many seconds, two images each."""
    run.folder.mkdir(parents=True)
    text = (
        "--algorithm=supervised\n--batch_size=2\n--pretext=none\n--pretext_weight=1\n"
    )
    (run.folder / "config.cfg").write_text(text + flags)
    speed = {"images_per_second": 2 / seconds}
    lines = [{"step": 1, "images_per_second": None}, {"step": 1, **speed}]
    lines.append({"step": 1, **speed, "mean_iou": 0.5})
    log = "".join(json.dumps(line) + "\n" for line in lines)
    (run.folder / "log.jsonl").write_text(log)


def test_runs_that_have_begun_tell_how_long_a_step_takes(tmp_path, monkeypatch):
    study = study_case.read(tmp_path)
    by_name = study_case.of(study, tmp_path / "out")
    write_log(by_name["plain, all, seed 1"], seconds=0.25)
    monkeypatch.setattr(estimates, "_timed", lambda _: 7.0)
    all_runs = list(by_name.values())
    speeds = estimates.seconds_per_step(study, all_runs)
    assert speeds == {"plain": pytest.approx(0.25), "other": 7.0}
    # Of two steps each: one run has one left, one has two, and the others two each.
    seconds = 0.25 * (1 + 2) + 7.0 * (2 + 2)
    assert estimates.hours(all_runs, speeds) == pytest.approx(seconds / 3600)


def test_finished_runs_take_no_time_and_an_unknown_speed_is_unknown(tmp_path):
    study = study_case.read(tmp_path)
    by_name = study_case.of(study, tmp_path / "out")
    all_runs = list(by_name.values())
    assert estimates.hours(all_runs, {"plain": 1.0, "other": None}) is None
    for seed in (0, 1):
        study_case.finish(by_name[f"other, all, seed {seed}"], 0.5)
    hours = estimates.hours(all_runs, {"plain": 1.0, "other": None})
    assert hours == pytest.approx(4 / 3600)


@pytest.mark.parametrize(
    ("flags", "images"),
    [
        ("", 2),
        ("--algorithm=mean_teacher\n", 4),
        ("--pretext=jigsaw\n", 4),
        ("--pretext=jigsaw\n--pretext_weight=0\n", 2),
    ],
)
def test_unlabelled_images_count_where_a_step_reads_them(tmp_path, flags, images):
    study = study_case.read(tmp_path)
    run = study_case.of(study, tmp_path / "out")["plain, all, seed 0"]
    write_log(run, seconds=1.0, flags=flags)
    only = dataclasses.replace(study, variants={"plain": {}})
    speeds = estimates.seconds_per_step(only, [run])
    assert speeds["plain"] == pytest.approx(images / 2)
