import csv
import io
import json

import pytest

from selene_tf.evaluation import study_table
from selene_tf.studies import results, runner, tables
from tests.studies import study_case


@pytest.fixture
def finished(tmp_path):
    study = study_case.read(tmp_path)
    by_name = study_case.of(study, tmp_path / "out")
    for name, score in (
        ("plain, all, seed 0", 0.40),
        ("plain, all, seed 1", 0.44),
        ("other, all, seed 0", 0.45),
        ("other, all, seed 1", 0.47),
    ):
        study_case.finish(by_name[name], score)
    return study, list(by_name.values())


def test_differences_are_taken_seed_by_seed(finished):
    control, other = results.rows(*finished)
    assert (control.variant, other.variant) == ("plain", "other")
    assert control.difference is None
    assert control.mean_iou["val"].mean == pytest.approx(0.42)
    over_seeds = other.difference.over_seeds
    # 0.05 and 0.03; their standard deviation is 0.02 / sqrt 2.
    assert over_seeds.mean == pytest.approx(0.04)
    assert over_seeds.deviation == pytest.approx(0.02 / 2**0.5)
    assert over_seeds.interval == pytest.approx(
        (0.04 - 0.12706, 0.04 + 0.12706), abs=1e-4
    )
    # All images are alike, so drawing others changes nothing.
    low, high = other.difference.over_images
    assert low == pytest.approx(high, abs=1e-9)
    assert low == pytest.approx(0.04, abs=1e-3)


def test_a_seed_without_its_control_is_not_compared(tmp_path):
    study = study_case.read(tmp_path)
    by_name = study_case.of(study, tmp_path / "out")
    study_case.finish(by_name["plain, all, seed 0"], 0.4)
    study_case.finish(by_name["other, all, seed 1"], 0.5)
    control, other = results.rows(study, list(by_name.values()))
    assert (control.seeds, other.seeds) == ((0,), (1,))
    assert other.difference is None


def test_the_tables_say_the_same_in_every_form(finished, tmp_path):
    study, all_runs = finished
    rows = results.rows(study, all_runs)
    output = tmp_path / "out"
    runner.write(study, all_runs, {"x": "status 1: gone"}, output)
    text = (output / "study.txt").read_text()
    assert "0.460 ± 0.014" in text
    assert "+4.0" in text
    lines = list(csv.DictReader(io.StringIO((output / "study.csv").read_text())))
    assert float(lines[1]["mean_iou_val"]) == pytest.approx(0.46)
    assert float(lines[1]["difference"]) == pytest.approx(0.04)
    assert lines[0]["difference"] == ""
    content = json.loads((output / "study.json").read_text())
    assert content["failures"] == {"x": "status 1: gone"}
    assert content["rows"][1]["difference"]["over_seeds"]["mean"] == pytest.approx(0.04)
    markdown = (output / "study.md").read_text().splitlines()
    assert len({line.count("|") for line in markdown}) == 1
    # What the report shows: variants in rows, subsets in columns, as papers do.
    table = study_table.read(output)
    assert table["pivot_heads"] == ["mean IoU, %", "all"]
    assert table["pivot"] == [["plain", "42.00 ± 2.83"], ["other", "46.00 ± 1.41"]]
    assert table["heads"] == tables.cells(rows)[0]
