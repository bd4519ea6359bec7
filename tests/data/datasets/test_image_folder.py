import functools

import pytest

from selene_tf.data.datasets.examples import read_folder
from selene_tf.data.datasets.image_folder import ImageFolder
from selene_tf.data.files.label_map import index
from tests.data.datasets.contract import FoldersContract, ListsContract
from tests.data.datasets.layout_files import touch

IMAGES = ["a.png", "b.jpg", "c.JPEG"]
JUNK = [
    *(".hidden.bmp", "Thumbs.db", "desktop.ini", "notes.txt", "polygons.json"),
    *("README.md", "meta.csv", "info.toml"),
]


class TestLists(ListsContract):
    open = staticmethod(functools.partial(ImageFolder, labels=index(2)))
    train = tuple((f"b/{name}.png", f"m/{name}.png") for name in "cab")
    validation = (("b/z.png", "m/z.png"),)


class TestFolders(FoldersContract):
    open = staticmethod(functools.partial(ImageFolder, labels=index(2)))
    train = tuple(
        (f"train/images/{name}", f"train/masks/{name[0]}.png") for name in IMAGES
    )
    validation = (("val/images/z.png", "val/masks/z.png"),)

    def make(self, folder):
        super().make(folder)
        touch(folder, *[f"train/images/{name}" for name in JUNK])


def make_folders(folder):
    for part in ("train", "val"):
        touch(folder, *[f"{part}/images/{name}" for name in (*IMAGES, *JUNK)])
        touch(folder, *[f"{part}/masks/{name}" for name in ("a.png", "b.png", *JUNK)])
        touch(folder, f"{part}/masks/c.png")
    touch(folder, *[f"unlabelled/images/{name}" for name in ("d.png", *JUNK)])


def notes_of(folder):
    return ImageFolder(folder, labels=None).notes


def test_folders_of_what_is_read_need_no_note(tmp_path):
    make_folders(tmp_path)
    assert notes_of(tmp_path) == ()
    assert len(read_folder(tmp_path, "train", 1)) == len(IMAGES)


@pytest.mark.parametrize("name", ["city/b1.jpg", "b.bmp", "b.TIF", "b.webp", "b.gif"])
@pytest.mark.parametrize(
    ("folder", "read"),
    [
        ("train/images", ".png, .jpg, .jpeg that"),
        ("train/masks", "read are .png that"),
        ("val/images", ".png, .jpg, .jpeg that"),
        ("val/masks", "read are .png that"),
        ("unlabelled/images", ".png, .jpg, .jpeg that"),
    ],
)
def test_what_is_passed_over_is_named(tmp_path, folder, read, name):
    make_folders(tmp_path)
    touch(tmp_path, f"{folder}/{name}")
    (note,) = notes_of(tmp_path)
    assert note.startswith(f"{folder}: not used are 1 ")
    assert f"'{name.split('/')[0]}'" in note
    assert read in note


def test_a_folder_has_one_note_of_one_line(tmp_path):
    make_folders(tmp_path)
    touch(tmp_path, "train/images/z.bmp", "train/images/a\nb.bmp", "train/masks/a.jpg")
    touch(tmp_path, *[f"train/images/city/{number}.jpg" for number in range(3)])
    first, second = notes_of(tmp_path)
    assert "not used are 3 of" in first
    assert r"'a\nb.bmp'" in first
    assert "\n" not in first
    assert "'a.jpg'" in second


def test_beside_lists_nothing_is_passed_over(tmp_path):
    make_folders(tmp_path)
    touch(tmp_path, "train/images/z.bmp", "train.txt")
    assert notes_of(tmp_path) == ()


def test_missing_folders_are_left_for_reading_to_report(tmp_path):
    assert notes_of(tmp_path / "no") == ()
    touch(tmp_path, "train/images")
    assert notes_of(tmp_path) == ()
