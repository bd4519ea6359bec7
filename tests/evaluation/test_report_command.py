"""Reports of studies and searches, and the command that writes reports."""

import json

import pytest

from tests.commands import assert_one_line, run
from tests.evaluation.report_case import outline, write_run, written
from tests.refusals import assert_refused


def study(folder, runs=("plain/all/seed_0", "other/all/seed_0")):
    spread = {"mean": 0.5, "deviation": None}
    rows = [
        {"subset": "all", "variant": name, "mean_iou": {"val": spread}}
        for name in ("plain", "other")
    ]
    table = {"heads": ["subset", "variant"], "lines": [["all", "plain"]]}
    folder.mkdir(parents=True, exist_ok=True)
    content = {"runs": list(runs), "rows": rows, "table": table}
    (folder / "study.json").write_text(json.dumps(content))
    return folder


def test_a_studys_runs_are_those_that_it_lists(tmp_path):
    folder = study(tmp_path / "study")
    write_run(folder / "plain/all/seed_0")
    write_run(folder / "left over/all/seed_0")
    found = outline(written([folder], tmp_path))
    assert "Study" in found.headings
    assert "seed_0" in found.headings
    assert not any("left" in heading for heading in found.headings)


def test_a_study_of_which_nothing_has_begun_is_one_line(tmp_path):
    folder = study(tmp_path / "study")
    assert_refused(lambda: written([folder], tmp_path), "no run of", "has begun")


def test_a_searchs_trials_are_shown(tmp_path):
    folder = tmp_path / "search"
    for number in range(2):
        write_run(folder / f"trial_000{number}")
    (folder / "tuning.journal").write_text("")
    headings = outline(written([folder], tmp_path)).headings
    assert {"trial_0000", "trial_0001"} <= set(headings)


def test_the_command_takes_folders_and_flags_in_any_order(tmp_path):
    run_dir = write_run(tmp_path / "a")
    output = tmp_path / "page.html"
    result = run("-m", "selene_tf.report", str(run_dir), f"--output={output}")
    assert result.returncode == 0, result.stderr
    again = run("-m", "selene_tf.report", f"--output={output}", str(run_dir))
    assert again.returncode == 0, again.stderr


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], ["RUN", "nothing"]),
        (["{folder}"], ["no config.cfg", "{folder}"]),
        (["{folder}/none"], ["{folder}/none"]),
        (["{folder}", "--output=a.pdf"], ["--output", "a.pdf"]),
        (["{folder}", "--output="], ["--output", "report.html"]),
        (["{folder}", "--outptu=a.html"], ["outptu"]),
    ],
)
def test_the_commands_mistakes_are_one_line(tmp_path, arguments, words):
    given = [a.format(folder=tmp_path) for a in arguments]
    result = run("-m", "selene_tf.report", *given)
    assert_one_line(result, *(word.format(folder=tmp_path) for word in words))
