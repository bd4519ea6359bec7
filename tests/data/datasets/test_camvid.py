from pathlib import Path

import numpy as np
import pytest

from selene_tf.data.datasets.camvid import CamVid
from selene_tf.data.datasets.splits import take_every
from selene_tf.data.files import pillow_reading
from tests.data.datasets.contract import FoldersContract, ListsContract
from tests.data.datasets.layout_files import names, save, stems, touch, write
from tests.refusals import assert_refused

SHARED = Path(__file__).parents[3].parent / "shared" / "data" / "camvid"
UNDIVIDED = [("701_StillsRaw_full", "LabeledApproved_full"), ("images", "labels")]
TRAINING = ["0001TP_006690", "0001TP_008520", "0006R0_f03930", "0016E5_08161"]
VALIDATION = ["0016E5_07959", "0016E5_08159"]
TEST = ["0001TP_008550", "0001TP_010380", "Seq05VD_f00000", "Seq05VD_f05100"]


def make_undivided(folder, images, masks, end="_L.png"):
    for name in [*TEST, *reversed(TRAINING), *VALIDATION]:
        touch(folder, f"{images}/{name}.png", f"{masks}/{name}{end}")


def make_divided(folder):
    for name in ["0016E5_00390", "0006R0_f00930"]:
        touch(folder, f"train/{name}.png", f"train_labels/{name}_L.png")
    touch(folder, "val/0016E5_07959.png", "val_labels/0016E5_07959_L.png")
    touch(folder, "test/0001TP_008550.png", "test_labels/0001TP_008550_L.png")


def listed_pair(folder, name):
    return f"{folder}/{name}.png", f"{folder}annot/{name}.png"


class TestListedLayout(ListsContract):
    open = staticmethod(CamVid)
    train = tuple(listed_pair("train", name) for name in reversed(TRAINING))
    validation = tuple(listed_pair("val", name) for name in VALIDATION)


class TestDividedLayout(FoldersContract):
    open = staticmethod(CamVid)
    train = tuple(
        (f"train/{name}.png", f"train_labels/{name}_L.png") for name in TRAINING
    )
    validation = tuple(
        (f"val/{name}.png", f"val_labels/{name}_L.png") for name in VALIDATION
    )

    def make(self, folder):
        super().make(folder)
        touch(folder, "train/.hidden.png", "train/notes.txt", "test/a.png")


class TestUndividedLayout(FoldersContract):
    open = staticmethod(CamVid)
    train = tuple((f"images/{name}.png", f"labels/{name}_L.png") for name in TRAINING)
    validation = tuple(
        (f"images/{name}.png", f"labels/{name}_L.png") for name in VALIDATION
    )

    def make(self, folder):
        super().make(folder)
        for name in TEST:
            touch(folder, f"images/{name}.png", f"labels/{name}_L.png")


@pytest.mark.parametrize("start", ["", "/SegNet/CamVid/", "/"])
@pytest.mark.parametrize("end", ["\n", "\r\n", ";\n", ";\r\n"])
def test_lists_are_read_as_segnet_writes_them(tmp_path, start, end):
    pairs = [listed_pair("train", name) for name in reversed(TRAINING)]
    touch(tmp_path, *[path for pair in pairs for path in pair])
    lines = [f"{start}{image} {start}{mask}" for image, mask in pairs]
    write(tmp_path, "train.txt", *lines, end=end)
    data = CamVid(tmp_path)
    assert names(tmp_path, data.read_part("train", 1)) == pairs
    list_file = tmp_path / "train.txt"
    assert names(tmp_path, data.read_listed(list_file, 2)) == [
        (image, mask if number % 2 == 0 else None)
        for number, (image, mask) in enumerate(pairs)
    ]


def test_listed_layout_has_three_parts(tmp_path):
    write(tmp_path, "train.txt", "train/a.png trainannot/a.png")
    write(tmp_path, "val.txt", "val/b.png\tvalannot/b.png")
    data = CamVid(tmp_path)
    assert data.data_dir == str(tmp_path)
    expected = [("val/b.png", "valannot/b.png")]
    assert names(tmp_path, data.read_part("val", 1)) == expected
    assert data.read_part("unlabelled", 0) == ()
    write(tmp_path, "unlabelled.txt", "more/c.png")
    assert names(tmp_path, data.read_part("unlabelled", 0)) == [("more/c.png", None)]


def test_a_listed_path_that_exists_is_not_shortened(tmp_path):
    touch(tmp_path, "train/a.png", "old/train/a.png")
    write(tmp_path, "train.txt", "/old/train/a.png", "/far/train/a.png")
    examples = CamVid(tmp_path).read_part("train", 0)
    expected = [("old/train/a.png", None), ("train/a.png", None)]
    assert names(tmp_path, examples) == expected


def test_names_found_nowhere_are_left_for_reading_to_report(tmp_path):
    write(tmp_path, "train.txt", "/far/train/a.png")
    examples = CamVid(tmp_path).read_part("train", 0)
    assert names(tmp_path, examples) == [("far/train/a.png", None)]


@pytest.mark.parametrize("folders", UNDIVIDED)
@pytest.mark.parametrize("end", ["_L.png", "_P.png"])
def test_all_images_in_one_folder_are_divided_by_name(tmp_path, folders, end):
    images, masks = folders
    make_undivided(tmp_path, images, masks, end)
    data = CamVid(tmp_path)
    for part, expected in {"train": TRAINING, "val": VALIDATION}.items():
        assert names(tmp_path, data.read_part(part, 1)) == [
            (f"{images}/{name}.png", f"{masks}/{name}{end}") for name in expected
        ]


@pytest.mark.skipif(not SHARED.exists(), reason="needs shared/data/camvid")
def test_the_division_by_name_is_that_of_segnets_lists(tmp_path):
    listed = CamVid(SHARED)
    expected = {part: stems(listed.read_part(part, 1)) for part in ("train", "val")}
    assert [len(names_) for names_ in expected.values()] == [367, 101]
    every = [*expected["val"], *expected["train"], *TEST]
    touch(tmp_path, *[f"701_StillsRaw_full/{name}.png" for name in every])
    (tmp_path / "LabeledApproved_full").mkdir()
    data = CamVid(tmp_path)
    for part, listed_names in expected.items():
        assert stems(data.read_part(part, 0)) == sorted(listed_names)


@pytest.mark.skipif(not SHARED.exists(), reason="needs shared/data/camvid")
def test_the_480_x_360_distribution_is_read():
    data = CamVid(SHARED)
    examples = data.read_part("train", 8)
    labelled, unlabelled = take_every(examples, 8)
    assert (len(labelled), len(unlabelled)) == (46, 321)
    image, classes = data.make_reader(labelled, None).read_checked(0)
    assert image.shape == (360, 480, 3)
    assert set(np.unique(classes)) <= {*range(11), 255}


def test_masks_of_colours_and_of_class_ids_are_read(tmp_path):
    make_divided(tmp_path)
    for name in ["0006R0_f00930", "0016E5_00390"]:
        save(tmp_path, f"train/{name}.png", np.zeros((1, 3, 3)))
    # Lane markings are road, a lorry is a car, black is no class.
    colours = [[[128, 0, 192], [192, 128, 192], [0, 0, 0]]]
    save(tmp_path, "train_labels/0006R0_f00930_L.png", colours)
    save(tmp_path, "train_labels/0016E5_00390_L.png", [[3, 8, 11]])
    data = CamVid(tmp_path)
    reader = data.make_reader(data.read_part("train", 1), None)
    for number in range(2):
        _, classes = reader.read_checked(number)
        assert classes.tolist() == [[3, 8, 255]]


def test_codes_name_the_numbers_in_masks(tmp_path):
    make_undivided(tmp_path, *UNDIVIDED[1], end="_P.png")
    codes = ["Animal", "Bicyclist", "LaneMkgsDriv", "Void", "Wall"]
    write(tmp_path, "codes.txt", *codes, end="\r\n")
    save(tmp_path, f"labels/{TRAINING[0]}_P.png", [[0, 1, 2, 3, 4]])
    data = CamVid(tmp_path)
    reader = data.make_reader(data.read_part("train", 1), None)
    # Pedestrian, bicyclist, road, no class, building.
    classes = pillow_reading.read_mask(reader.examples[0].mask, reader.labels)
    assert classes.tolist() == [[9, 10, 3, 255, 1]]
    write(tmp_path, "codes.txt", "Sky", "Cow")
    assert_refused(lambda: CamVid(tmp_path), "codes.txt", "'Cow'")


@pytest.mark.parametrize(
    "present", [(), ("train/a.png",), ("701_StillsRaw_full/a.png",), ("images/a.png",)]
)
def test_folders_of_no_layout_are_refused(tmp_path, present):
    touch(tmp_path, *present)
    assert_refused(
        lambda: CamVid(tmp_path), tmp_path, "train_labels", "LabeledApproved_full"
    )


def test_empty_parts_are_refused(tmp_path):
    touch(tmp_path, "train/a.txt", "train_labels/a_L.png")
    data = CamVid(tmp_path)
    assert_refused(lambda: data.read_part("train", 0), "train", "no images")
    assert_refused(lambda: data.read_part("val", 1), tmp_path / "val")
