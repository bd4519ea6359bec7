import numpy as np
import pytest

from selene_tf.data.datasets import dataset_info
from selene_tf.data.datasets.cityscapes import Cityscapes
from selene_tf.data.files import pillow_reading
from tests.data.datasets.cityscapes_files import make_folders, packed
from tests.data.datasets.contract import ListsContract
from tests.data.datasets.layout_files import save, write
from tests.refusals import assert_refused


def make_packed(folder, train, val):
    """The layout with images and segmentation; values fill the masks."""
    for split, values in {"train": train, "val": val}.items():
        lines = []
        for number, value in enumerate(values):
            image, label = packed(f"ulm_000000_{number:06}", split)
            save(folder, image[1:], np.zeros((2, 3, 3)))
            save(folder, label[1:], np.full((2, 3), value))
            lines.append(f"{image}\t{label}")
        write(folder, f"{split}.txt", *reversed(lines))
    return Cityscapes(folder)


class TestPackedLayout(ListsContract):
    open = staticmethod(Cityscapes)
    train = tuple(
        (
            f"images/train/ulm_000000_00000{number}.png",
            f"segmentation/train/ulm_000000_00000{number}_gtFine.png",
        )
        for number in (2, 0, 1)
    )
    validation = (
        (
            "images/val/ulm_000001_000000.png",
            "segmentation/val/ulm_000001_000000_gtFine.png",
        ),
    )


def test_the_packed_layout_needs_no_note(tmp_path):
    data = make_packed(tmp_path, train=[0, 0], val=[0])
    assert data.notes == data.rule_notes == ()


def read_masks(data, part):
    """The class ids in the masks of a part, as its reader is told to read them."""
    reader = data.make_reader(data.read_part(part, 1), (2, 3))
    assert reader.image_size == (2, 3)
    return [int(reader.read_checked(i)[1][0, 0]) for i in range(reader.size)]


@pytest.mark.parametrize("first", ["train", "val"])
@pytest.mark.parametrize(
    ("train", "val", "train_classes", "val_classes"),
    # Road, vegetation, bicycle and the licence plate, which is not scored.
    [([7, 21, 255], [33], [255, 8, 0], [18]), ([7, 18, 255], [0], [255, 18, 7], [0])],
    ids=["raw ids", "class ids"],
)
def test_values_tell_raw_ids_from_class_ids(
    tmp_path, first, train, val, train_classes, val_classes
):
    data = make_packed(tmp_path, train, val)
    read_masks(data, first)
    assert read_masks(data, "train") == train_classes
    assert read_masks(data, "val") == val_classes


def test_masks_are_searched_to_the_end_of_a_long_list(tmp_path):
    data = make_packed(tmp_path, train=[21, 21, *[7] * 58], val=[7])
    assert read_masks(data, "train") == [0] * 58 + [8, 8]


def test_parts_agree_on_the_meaning_of_masks(tmp_path):
    data = make_packed(tmp_path, train=[23], val=[7])
    assert read_masks(data, "train") == [10]
    assert read_masks(data, "val") == [0]


def listed_mask(folder, *numbers):
    """The class id in the first mask of a list that names some training frames."""
    lines = ["\t".join(packed(f"ulm_000000_{number:06}")) for number in numbers]
    list_file = write(folder, "listed.txt", *lines)
    data = Cityscapes(folder)
    reader = data.make_reader(data.read_listed(list_file, 1), None)
    return int(reader.read_checked(0)[1][0, 0])


@pytest.mark.parametrize(("train", "val"), [([7, 7, 26], [7]), ([7, 7, 7], [26])])
def test_masks_of_low_raw_ids_are_known_by_those_of_the_parts(tmp_path, train, val):
    make_packed(tmp_path, train, val)
    assert listed_mask(tmp_path, 0, 1) == 0


def test_masks_in_no_part_are_searched_too(tmp_path):
    make_packed(tmp_path, train=[7, 26], val=[7])
    write(tmp_path, "train.txt", packed("ulm_000000_000000")[0])
    assert listed_mask(tmp_path, 0, 1) == 0


def test_lists_that_cannot_be_read_do_not_stop_the_search(tmp_path):
    make_packed(tmp_path, train=[7, 26], val=[26])
    outside = "../outside.png\t../outside_gtFine.png"
    first = "\t".join(packed("ulm_000000_000001"))
    write(tmp_path, "train.txt", first, outside, first)
    (tmp_path / "val.txt").unlink()
    assert listed_mask(tmp_path, 0) == 0


def test_a_mask_that_leads_out_of_the_folder_is_not_searched(tmp_path):
    make_packed(tmp_path / "data", train=[7, 7], val=[7])
    save(tmp_path, "outside.png", np.full((2, 3), 26))
    mask = tmp_path / "data" / packed("ulm_000000_000001")[1][1:]
    mask.unlink()
    mask.symlink_to(tmp_path / "outside.png")
    assert listed_mask(tmp_path / "data", 0) == 7


def test_listed_masks_that_are_missing_take_no_place_in_the_search(tmp_path):
    make_packed(tmp_path, train=[7] * 60 + [26] + [7] * 60, val=[7])
    for number in range(121):
        if number not in (0, 60):
            (tmp_path / packed(f"ulm_000000_{number:06}")[1][1:]).unlink()
    assert listed_mask(tmp_path, 0) == 0


def test_masks_whose_names_say_what_they_hold_are_not_opened(tmp_path):
    make_folders(tmp_path)  # The files are empty.
    data = Cityscapes(tmp_path)
    for mask_every in (1, 0):
        reader = data.make_reader(data.read_part("train", mask_every), None)
        assert reader.labels == dataset_info.CITYSCAPES.labels


def test_unreadable_masks_do_not_hide_raw_ids(tmp_path):
    data = make_packed(tmp_path, train=[0, 26], val=[0])
    damaged = tmp_path / "segmentation/train/ulm_000000_000001_gtFine.png"
    damaged.write_bytes(b"no image")
    save(tmp_path, "segmentation/train/ulm_000000_000000_gtFine.png", [[26]])
    reader = data.make_reader(data.read_part("train", 1), None)
    assert_refused(lambda: reader.read_checked(0), damaged)
    assert pillow_reading.read_mask(reader.examples[1].mask, reader.labels) == [[13]]
