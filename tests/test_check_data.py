"""The check of a data set before a training: what it finds, says and writes."""

import json

import numpy as np
import pytest
from PIL import Image

from selene_tf import check_data
from selene_tf.config import Config
from selene_tf.experiment import data_check
from tests.commands import assert_one_line, run
from tests.refusals import assert_refused

CLASSES = ("ground", "thing", "ghost")
HEIGHT, WIDTH = 4, 6


class Data:
    """A folder of small pictures with lists, 2 of 4 training pictures labelled."""

    def __init__(self, folder):
        self.folder = folder
        self.random = np.random.default_rng(0)
        for part in ("train", "val"):
            (folder / part).mkdir(parents=True)
        for number in range(4):
            self.add("train", f"{number}", np.eye(HEIGHT, WIDTH))
        for number in range(2):
            self.add("val", f"{number}", np.zeros((HEIGHT, WIDTH)))

    def add(self, part, name, mask):
        """Writes a picture and its mask, and adds them to the part's list."""
        mask = np.asarray(mask, np.uint8)
        image = self.random.integers(0, 256, (*mask.shape, 3), dtype=np.uint8)
        Image.fromarray(image).save(self.image(part, name))
        Image.fromarray(mask).save(self.mask(part, name))
        with open(self.folder / f"{part}.txt", "a") as file:
            file.write(f"{part}/{name}.png {part}/{name}_mask.png\n")

    def image(self, part, name):
        return self.folder / part / f"{name}.png"

    def mask(self, part, name):
        return self.folder / part / f"{name}_mask.png"

    def check(self, progress=None, **changes):
        values = {
            "dataset": "folder",
            "class_names": CLASSES[:2],
            "data_dir": str(self.folder),
            "labelled_ratio": 2,
        }
        return data_check.check(Config(**values | changes), progress)

    def run(self, *arguments):
        return run(
            *("-m", "selene_tf.check_data", "--dataset=folder", "--labelled_ratio=2"),
            *(f"--class_names={','.join(CLASSES[:2])}", f"--data_dir={self.folder}"),
            *arguments,
        )


@pytest.fixture
def data(tmp_path):
    return Data(tmp_path.resolve() / "data")


def test_the_command_finds_nothing_wrong_and_writes_its_files(data, tmp_path):
    report, browse = tmp_path / "report.json", tmp_path / "browse.png"
    report.write_text("of an earlier check")
    result = data.run(f"--report={report}", f"--browse={browse}")
    assert (result.returncode, result.stderr) == (0, "")
    assert result.stdout.splitlines()[-1] == "no problems in 6 pictures"
    assert json.loads(report.read_text()) == {
        "dataset": "folder",
        "data_dir": str(data.folder),
        "class_names": ["ground", "thing"],
        "parts": {
            "labelled": {
                "pictures": 2,
                "labelled": 2,
                "sizes": [[4, 6, 2]],
                "class_pixels": {"ground": 40, "thing": 8},
                "class_pictures": {"ground": 2, "thing": 2},
                "ignored_pixels": 0,
                "problems": [],
            },
            "unlabelled": {
                "pictures": 2,
                "labelled": 0,
                "sizes": [[4, 6, 2]],
                "class_pixels": {"ground": 0, "thing": 0},
                "class_pictures": {"ground": 0, "thing": 0},
                "ignored_pixels": 0,
                "problems": [],
            },
            "validation": {
                "pictures": 2,
                "labelled": 2,
                "sizes": [[4, 6, 2]],
                "class_pixels": {"ground": 48, "thing": 0},
                "class_pictures": {"ground": 2, "thing": 0},
                "ignored_pixels": 0,
                "problems": [],
            },
        },
        "warnings": [],
        "problems": [],
    }
    with Image.open(browse) as picture:
        assert picture.width > 4 * 240


def test_the_command_lists_all_problems_and_ends_with_status_2(data, tmp_path):
    data.image("train", "0").write_bytes(b"")
    data.image("train", "3").unlink()
    content = data.image("train", "2").read_bytes()
    data.image("val", "1").write_bytes(content)
    report, browse = tmp_path / "report.json", tmp_path / "browse.png"
    result = data.run(f"--report={report}", f"--browse={browse}")
    assert_one_line(
        result,
        "error: 2 of 6 pictures cannot be used, and 1 other problem; mend or remove "
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


def test_what_cannot_be_written_is_one_line(data, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patches, check_data.writing("report", "r.json"):
        patches.setattr("os.fsync", full)
    del data, tmp_path


def spoil_image(data, kind):
    """Spoils a labelled picture; returns words of the problem."""
    data.add("train", kind, np.eye(HEIGHT, WIDTH))
    data.add("train", f"{kind} is unlabelled".replace(" ", "_"), np.eye(HEIGHT, WIDTH))
    path = data.image("train", kind)
    content = path.read_bytes()
    picture = Image.open(path)
    if kind == "truncated":
        path.write_bytes(content[:-30])
    elif kind == "empty":
        path.write_bytes(b"")
    elif kind == "text":
        path.write_text("version https://git-lfs.github.com/spec/v1")
    elif kind == "16-bit":
        Image.fromarray(np.zeros((HEIGHT, WIDTH), np.uint16)).save(path)
    elif kind == "CMYK":
        picture.convert("CMYK").save(path, "JPEG")
    elif kind == "EXIF":
        entries = Image.Exif()
        entries[274] = 6
        picture.save(path, "JPEG", exif=entries)
    return path
