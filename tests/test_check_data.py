"""The check of a data set before a training: what it finds, says and writes."""

import dataclasses
import json

import numpy as np
import pytest
from PIL import Image

from selene_tf.experiment import data_check_files
from selene_tf.reports import data_tables
from tests.checked_data import CLASSES, HEIGHT, Data
from tests.commands import assert_one_line
from tests.refusals import assert_refused


@pytest.fixture
def data(tmp_path):
    return Data(tmp_path.resolve() / "data")


def sound_part(labelled, **classes):
    """What the report says of a part of two; classes are (pixels, images)."""
    return {
        "images": 2,
        "labelled": labelled,
        "sizes": [[4, 6, 2]],
        "class_pixels": {name: pixels for name, (pixels, _) in classes.items()},
        "class_images": {name: count for name, (_, count) in classes.items()},
        "ignored_pixels": 0,
        "problems": [],
    }


def test_the_command_finds_nothing_wrong_and_writes_its_files(data, tmp_path):
    report, browse = tmp_path / "report.json", tmp_path / "browse.png"
    report.write_text("of an earlier check")
    result = data.run(f"--report={report}", f"--browse={browse}")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == "no problems in 6 images"
    assert json.loads(report.read_text()) == {
        "dataset": "folder",
        "data_dir": str(data.folder),
        "class_names": ["ground", "thing"],
        "parts": {
            "labelled": sound_part(2, ground=(40, 2), thing=(8, 2)),
            "unlabelled": sound_part(2, ground=(40, 2), thing=(8, 2)),
            "validation": sound_part(2, ground=(48, 2), thing=(0, 0)),
        },
        "warnings": [],
        "problems": [],
    }
    with Image.open(browse) as image:
        assert image.width > 4 * 240


def test_the_command_lists_all_problems_and_ends_with_status_2(data, tmp_path):
    data.image("train", "0").write_bytes(b"")
    data.image("train", "3").unlink()
    content = data.image("train", "2").read_bytes()
    data.image("val", "1").write_bytes(content)
    report, browse = tmp_path / "report.json", tmp_path / "browse.png"
    result = data.run(f"--report={report}", f"--browse={browse}")
    assert_one_line(
        result,
        "error: 2 of 6 images cannot be used, and 1 other problem; mend or remove "
        "them (listed above)",
    )
    content = json.loads(report.read_text())
    listed = result.stdout.splitlines()[-3:]
    assert listed == content["problems"]
    starts = ["labelled: ", "unlabelled: ", "validation: "]
    files = [("train", "0"), ("train", "3"), ("val", "1")]
    for line, start, file in zip(listed, starts, files, strict=True):
        assert line.startswith(start)
        assert str(data.image(*file)) in line
    assert content["parts"]["labelled"]["problems"] == [listed[0][len(starts[0]) :]]
    assert browse.exists()


def test_mistakes_in_the_flags_are_one_line_before_anything_is_read(data, tmp_path):
    places = {
        "--report": [tmp_path, tmp_path / "missing/report.json"],
        "--browse": [tmp_path / "browse.jpg", tmp_path / "missing/browse.png"],
    }
    for flag, paths in places.items():
        for path in paths:
            assert_one_line(data.run(f"{flag}={path}"), flag, str(tmp_path))
    assert_one_line(data.run("--num_browse=0"), "num_browse")


def test_what_cannot_be_written_is_one_line(data, tmp_path):
    check, name = data.check(), "a" * 300
    report, browse = tmp_path / f"{name}.json", tmp_path / f"{name}.png"
    assert_refused(
        lambda: data_check_files.write(check, report, "", 1), "--report", name
    )
    assert_refused(
        lambda: data_check_files.write(check, "", browse, 1), "--browse", name
    )


def test_the_text_is_two_tables_and_a_line_for_each_finding(data):
    for number in range(2, 9):
        data.add("val", f"{number}", np.zeros((HEIGHT, number)))
    data.add("val", "void", [[255] * 25 + [1] + [0] * 24])
    check = data.check(class_names=CLASSES)
    check = dataclasses.replace(check, notes=("Of a\nfile.",), other_problems=("Bad.",))
    lines = data_tables.text(check).splitlines()
    rows = [line.split() for line in lines]
    assert rows[0][:4] == ["part", "images", "labelled", "ignored"]
    assert rows[1] == ["labelled", "2", "2", "0.00%", *"4 x 6 (2)".split()]
    assert rows[2] == ["unlabelled", "2", "2", "0.00%", *"4 x 6 (2)".split()]
    assert lines[3].endswith("4 x 6 (3), 1 x 50 (1), 4 x 2 (1) and 5 other sizes")
    assert rows[6] == ["ground", "83.33%", "2", "99.53%", "10"]
    assert rows[7] == ["thing", "16.67%", "2", "0.47%", "1"]
    assert rows[8] == ["ghost", "0.00%", "0", "0.00%", "0"]
    assert lines[10] == "note: Of a file."
    assert lines[11].startswith("warning: class 'ghost'")
    assert lines[12:] == ["Bad."]
