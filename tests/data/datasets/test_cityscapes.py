import numpy as np
import pytest

from selene_tf.data.datasets.cityscapes import Cityscapes
from selene_tf.data.datasets.splits import make_split, take_every
from tests.data.datasets.cityscapes_files import (
    AACHEN,
    BREMEN,
    ULM,
    frames_of,
    image_name,
    make_folders,
    mask,
    packed,
)
from tests.data.datasets.contract import FoldersContract
from tests.data.datasets.layout_files import names, save, touch, write
from tests.refusals import assert_refused


class TestOwnFolders(FoldersContract):
    open = staticmethod(Cityscapes)
    kind = "labelTrainIds"

    @property
    def train(self):
        return self.pairs("train", AACHEN + BREMEN)

    @property
    def validation(self):
        return self.pairs("val", ULM)

    def pairs(self, split, frames):
        return [
            (image_name(split, frame), mask(split, frame, self.kind))
            for frame in frames
        ]

    def make(self, folder):
        super().make(folder)
        touch(folder, mask("train", AACHEN[0], "color"), ".DS_Store")


class TestOwnFoldersWithRawIds(TestOwnFolders):
    kind = "labelIds"


def test_class_ids_go_before_raw_ids(tmp_path):
    make_folders(tmp_path)
    touch(tmp_path, mask("train", AACHEN[1], "labelTrainIds"))
    masks = [item.mask.name for item in Cityscapes(tmp_path).read_part("train", 1)]
    assert masks[:2] == [
        "aachen_000000_000010_gtFine_labelIds.png",
        "aachen_000000_000011_gtFine_labelTrainIds.png",
    ]


def test_a_city_that_begins_like_another_comes_after_it(tmp_path):
    touch(tmp_path, image_name("train", "bad-honnef_000000_000000"))
    touch(tmp_path, image_name("train", "bad_000000_000000"), ".DS_Store")
    touch(tmp_path, "leftImg8bit/train/bad/._bad_000000_000000_leftImg8bit.png")
    examples = Cityscapes(tmp_path).read_part("train", 0)
    cities = [item.image.parent.name for item in examples]
    assert cities == ["bad", "bad-honnef"]


def test_without_the_published_list_sorted_names_are_divided(tmp_path):
    make_folders(tmp_path)
    data = Cityscapes(tmp_path)
    labelled, unlabelled = take_every(data.read_part("train", 4), 4)
    assert frames_of(labelled) == [AACHEN[0], BREMEN[1]]
    assert frames_of(unlabelled) == [*AACHEN[1:], BREMEN[0]]
    # It does not hold if lists choose the labelled images.
    assert data.notes == ()
    (note,) = data.rule_notes
    assert "train.txt" in note
    assert "--labelled_list" in note


def test_the_published_list_decides_the_order(tmp_path):
    make_folders(tmp_path)
    order = [BREMEN[1], AACHEN[2], AACHEN[0], BREMEN[0], AACHEN[1]]
    write(tmp_path, "train.txt", *["\t".join(packed(frame)) for frame in order])
    data = Cityscapes(tmp_path)
    assert data.notes == data.rule_notes == ()
    split = make_split(data, labelled_ratio=2)
    assert frames_of(split.labelled) == order[::2]
    assert frames_of(split.unlabelled) == order[1::2]
    assert names(tmp_path, split.labelled[:1]) == [
        (image_name("train", BREMEN[1]), mask("train", BREMEN[1]))
    ]
    assert frames_of(split.validation) == ULM


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "line",
    [
        lambda frame: "\t".join(packed(frame)),
        lambda frame: f"{image_name('train', frame)} {mask('train', frame)}",
        lambda frame: (
            f"{image_name('train', frame)} {mask('train', frame, 'labelTrainIds')}"
        ),
        lambda frame: "/" + image_name("train", frame),
        lambda frame: packed(frame)[0],
        lambda frame: f"{frame}_leftImg8bit.png",
    ],
    ids=["packed", "paths", "class ids", "image", "packed image", "name"],
)
def test_lists_of_any_layout_find_the_own_folders(tmp_path, line, end):
    make_folders(tmp_path)
    list_file = write(tmp_path, "list.txt", line(BREMEN[0]), line(AACHEN[2]), end=end)
    expected = [
        (image_name("train", frame), mask("train", frame))
        for frame in (BREMEN[0], AACHEN[2])
    ]
    data = Cityscapes(tmp_path)
    assert names(tmp_path, data.read_listed(list_file, 1)) == expected
    expected = [(path, None) for path, _ in expected]
    assert names(tmp_path, data.read_listed(list_file, 0)) == expected


def test_a_listed_path_that_exists_is_taken_as_it_stands(tmp_path):
    make_folders(tmp_path)
    touch(tmp_path, f"mine/{AACHEN[0]}.png", f"mine/{AACHEN[0]}_mask.png")
    touch(tmp_path, "mine/street.png", "mine/street_labelIds.png")
    list_file = write(
        tmp_path,
        "list.txt",
        f"/mine/{AACHEN[0]}.png mine/{AACHEN[0]}_mask.png",
        "mine/street.png mine/street_labelTrainIds.png",
    )
    assert names(tmp_path, Cityscapes(tmp_path).read_listed(list_file, 1)) == [
        (f"mine/{AACHEN[0]}.png", f"mine/{AACHEN[0]}_mask.png"),
        ("mine/street.png", "mine/street_labelIds.png"),
    ]


def test_the_split_that_a_list_names_is_looked_in_first(tmp_path):
    touch(tmp_path, image_name("train", ULM[0]), image_name("val", ULM[0]))
    val = write(tmp_path, "a.txt", packed(ULM[0], "val")[0])
    unsaid = write(tmp_path, "b.txt", f"{ULM[0]}.png")
    data = Cityscapes(tmp_path)
    assert names(tmp_path, data.read_listed(val, 0)) == [
        (image_name("val", ULM[0]), None)
    ]
    expected = [(image_name("train", ULM[0]), None)]
    assert names(tmp_path, data.read_listed(unsaid, 0)) == expected


def test_names_found_nowhere_are_left_for_reading_to_report(tmp_path):
    make_folders(tmp_path)
    data = Cityscapes(tmp_path)
    list_file = write(tmp_path, "a.txt", "images/other.png x/other.png")
    expected = [("images/other.png", "x/other.png")]
    assert names(tmp_path, data.read_listed(list_file, 1)) == expected
    list_file = write(tmp_path, "b.txt", "/images/ulm_000009_000009.png\tx\0.png")
    assert_refused(lambda: data.read_listed(list_file, 1), ":1:", "zero byte")


def test_own_images_and_both_kinds_of_masks_are_read(tmp_path):
    save(tmp_path, image_name("train", AACHEN[0]), np.full((1, 3, 3), 9))
    save(tmp_path, mask("train", AACHEN[0], "labelIds"), [[0, 7, 33]])
    save(tmp_path, image_name("train", AACHEN[1]), np.full((1, 3, 3), 9))
    save(tmp_path, mask("train", AACHEN[1], "labelTrainIds"), [[255, 7, 18]])
    data = Cityscapes(tmp_path)
    reader = data.make_reader(data.read_part("train", 1), None)
    image, raw = reader.read_checked(0)
    assert image.shape == (1, 3, 3)
    assert raw.tolist() == [[255, 0, 18]]
    assert reader.read_checked(1)[1].tolist() == [[255, 7, 18]]


@pytest.mark.parametrize("present", [(), ("gtFine/a",), ("images/a",), ("train.txt",)])
def test_folders_of_neither_layout_are_refused(tmp_path, present):
    touch(tmp_path, *present)
    assert_refused(
        lambda: Cityscapes(tmp_path), tmp_path, "leftImg8bit", "segmentation"
    )


def test_missing_parts_are_refused(tmp_path):
    touch(tmp_path, "own/leftImg8bit/train/ulm/notes.txt")
    own = Cityscapes(tmp_path / "own")
    assert_refused(lambda: own.read_part("train", 0), "leftImg8bit/train", "CITY")
    assert_refused(lambda: own.read_part("val", 0), "leftImg8bit/val")
    touch(tmp_path, "packed/images/a.png", "packed/segmentation/a.png")
    anew = Cityscapes(tmp_path / "packed")
    assert_refused(lambda: anew.read_part("train", 0), "packed/train.txt")
