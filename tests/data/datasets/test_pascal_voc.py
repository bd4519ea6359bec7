import numpy as np
import pytest
from PIL import Image

from selene_tf.data.datasets import dataset_info, pascal_voc
from selene_tf.data.datasets.pascal_voc import PascalVoc
from tests.data.datasets.contract import FoldersContract
from tests.data.datasets.layout_files import names, touch, write
from tests.refusals import assert_refused

ORIGINAL = ["2007_000032", "2007_000039"]
AUGMENTED = ["2008_000002", "2008_000015", "2011_003271"]
VALIDATION = ["2007_000129", "2007_000033"]
LISTS = "ImageSets/Segmentation"


def image_name(name):
    return f"JPEGImages/{name}.jpg"


def original(name):
    return f"SegmentationClass/{name}.png"


def augmented(name):
    return f"SegmentationClassAug/{name}.png"


def make_original(folder):
    """What the data set itself holds."""
    every = ORIGINAL + AUGMENTED + VALIDATION
    touch(folder, *map(image_name, every))
    touch(folder, *map(original, ORIGINAL + VALIDATION))
    write(folder, f"{LISTS}/train.txt", *reversed(ORIGINAL))
    write(folder, f"{LISTS}/val.txt", *VALIDATION)


def make_augmented(folder):
    """With the masks of the augmented set; it holds those of validation too."""
    make_original(folder)
    touch(folder, *map(augmented, ORIGINAL + AUGMENTED + VALIDATION))


class TestOriginalSet(FoldersContract):
    open = staticmethod(PascalVoc)
    files = "VOC2012"
    names = (*ORIGINAL, "2008_000002")
    train = tuple((image_name(name), original(name)) for name in names)
    validation = tuple((image_name(name), original(name)) for name in VALIDATION)

    def make(self, folder):
        super().make(folder)
        write(folder / self.files, f"{LISTS}/train.txt", *reversed(self.names))
        write(folder / self.files, f"{LISTS}/val.txt", *VALIDATION)


class TestAugmentedSet(TestOriginalSet):
    """All augmented masks train but those for validation.

    Only the original masks of these have the borders that are not scored.
    """

    files = ""
    train = tuple((image_name(name), augmented(name)) for name in ORIGINAL + AUGMENTED)

    def make(self, folder):
        super().make(folder)
        touch(folder, *map(augmented, VALIDATION))
        # What is removed from the augmented set is no longer a part of it.
        write(folder, f"{LISTS}/train_aug.txt", *ORIGINAL, *AUGMENTED)


def test_all_augmented_masks_but_those_of_validation_train(tmp_path):
    make_augmented(tmp_path)
    assert names(tmp_path, PascalVoc(tmp_path).read_part("train", 1)) == [
        (image_name(name), augmented(name)) for name in ORIGINAL + AUGMENTED
    ]


def test_without_augmented_masks_a_note_says_how_to_make_them(tmp_path):
    make_original(tmp_path)
    (note,) = PascalVoc(tmp_path).notes
    assert "python -m selene_tf.convert_sbd" in note
    assert "1464" in note


def test_a_part_of_the_augmented_masks_is_noted(tmp_path):
    make_augmented(tmp_path)
    (note,) = PascalVoc(tmp_path).notes
    assert "validation: 5, where the published set has 10582. If" in note
    (tmp_path / augmented(ORIGINAL[0])).unlink()
    (note,) = PascalVoc(tmp_path).notes
    assert "validation: 4, where the published set has 10582, and 1 of " in note
    assert f"{LISTS}/train.txt" in note
    (tmp_path / LISTS / "train.txt").unlink()
    (note,) = PascalVoc(tmp_path).notes
    assert "validation: 4, where the published set has 10582. If" in note
    # Its lack is reported when the part is read.
    (tmp_path / LISTS / "val.txt").unlink()
    assert PascalVoc(tmp_path).notes == ()


def test_all_augmented_masks_are_no_news(tmp_path):
    make_augmented(tmp_path)
    for number in range(10582 - len(ORIGINAL + AUGMENTED)):
        (tmp_path / augmented(f"2012_{number:06}")).touch()
    assert PascalVoc(tmp_path).notes == ()
    # As many, but not the same.
    (tmp_path / augmented(ORIGINAL[0])).rename(tmp_path / augmented("2012_999999"))
    (note,) = PascalVoc(tmp_path).notes
    assert "validation: 10582, where" in note
    assert "and 1 of " in note


def test_validation_masks_may_lie_with_the_augmented_ones(tmp_path):
    make_augmented(tmp_path)
    (tmp_path / original(VALIDATION[0])).unlink()
    examples = PascalVoc(tmp_path).read_part("val", 1)
    masks = [mask for _, mask in names(tmp_path, examples)]
    assert masks == [augmented(VALIDATION[0]), original(VALIDATION[1])]


@pytest.mark.parametrize("folder", ["Segmentation", "SegmentationAug"])
@pytest.mark.parametrize("name", ["train_aug.txt", "trainaug.txt"])
@pytest.mark.parametrize(
    "line", [str, lambda name: f"/{image_name(name)} /{augmented(name)}"]
)
def test_a_list_of_the_augmented_set_decides_and_is_sorted(
    tmp_path, folder, name, line
):
    make_augmented(tmp_path)
    listed = [AUGMENTED[1], ORIGINAL[1], AUGMENTED[0]]
    write(tmp_path, f"ImageSets/{folder}/{name}", *map(line, listed), end="\r\n")
    data = PascalVoc(tmp_path)
    assert names(tmp_path, data.read_part("train", 1)) == [
        (image_name(name), augmented(name)) for name in sorted(listed)
    ]
    assert data.notes == ()


def test_masks_of_the_augmented_set_may_all_lie_with_the_original_ones(tmp_path):
    make_original(tmp_path)
    touch(tmp_path, *map(original, AUGMENTED))
    write(tmp_path, f"{LISTS}/train_aug.txt", *ORIGINAL, *AUGMENTED)
    assert names(tmp_path, PascalVoc(tmp_path).read_part("train", 1)) == [
        (image_name(name), original(name)) for name in ORIGINAL + AUGMENTED
    ]


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize(
    "line",
    [
        str,
        image_name,
        lambda name: f"{image_name(name)} {original(name)}",
        lambda name: f"/{image_name(name)}\t/{original(name)}",
        lambda name: f"{image_name(name)} {augmented(name)}",
    ],
    ids=["name", "image", "paths", "tab", "augmented"],
)
def test_lists_hold_names_or_paths(tmp_path, line, end):
    make_original(tmp_path)
    touch(tmp_path, augmented(AUGMENTED[0]))
    listed = [AUGMENTED[0], ORIGINAL[0], VALIDATION[0]]
    list_file = write(tmp_path, "list.txt", *map(line, listed), end=end)
    data = PascalVoc(tmp_path)
    assert names(tmp_path, data.read_listed(list_file, 1)) == [
        (image_name(AUGMENTED[0]), augmented(AUGMENTED[0])),
        (image_name(ORIGINAL[0]), original(ORIGINAL[0])),
        (image_name(VALIDATION[0]), original(VALIDATION[0])),
    ]
    assert names(tmp_path, data.read_listed(list_file, 0)) == [
        (image_name(name), None) for name in listed
    ]


def test_a_list_of_names_prefers_the_masks_that_its_part_would(tmp_path):
    make_augmented(tmp_path)
    list_file = write(tmp_path, "list.txt", ORIGINAL[0], VALIDATION[0])
    masks = [
        mask
        for _, mask in names(tmp_path, PascalVoc(tmp_path).read_listed(list_file, 1))
    ]
    assert masks == [augmented(ORIGINAL[0]), original(VALIDATION[0])]


def test_masks_that_are_nowhere_are_left_for_reading_to_report(tmp_path):
    make_original(tmp_path)
    name = AUGMENTED[0]
    lines = [name, f"{image_name(ORIGINAL[0])} {original('none')}"]
    list_file = write(tmp_path, "list.txt", *lines)
    assert names(tmp_path, PascalVoc(tmp_path).read_listed(list_file, 1)) == [
        (image_name(name), augmented(name)),
        (image_name(ORIGINAL[0]), original("none")),
    ]


@pytest.mark.parametrize("place", ["VOC2012", "VOCdevkit/VOC2012"])
def test_the_folder_may_lie_deeper(tmp_path, place):
    make_original(tmp_path / place)
    data = PascalVoc(tmp_path)
    assert data.data_dir == str(tmp_path / place)
    assert names(tmp_path / place, data.read_part("train", 1)) == [
        (image_name(name), original(name)) for name in ORIGINAL
    ]


def test_palette_masks_with_borders_are_read(tmp_path):
    make_original(tmp_path)
    Image.new("RGB", (3, 1), (1, 2, 3)).save(tmp_path / image_name(ORIGINAL[0]))
    values = np.array([[0, 20, 255]], np.uint8)
    mask = Image.fromarray(values, "P")
    mask.putpalette(
        [level for id_ in range(256) for level in dataset_info.bit_colour(id_)]
    )
    mask.save(tmp_path / original(ORIGINAL[0]))
    data = PascalVoc(tmp_path)
    reader = data.make_reader(data.read_part("train", 1), None)
    assert reader.image_size is None
    image, classes = reader.read_checked(0)
    assert image.shape == (1, 3, 3)
    assert classes.tolist() == values.tolist()


def test_the_folder_is_found_for_other_commands(tmp_path):
    make_original(tmp_path / "VOC2012")
    assert pascal_voc.find_root(tmp_path, "--voc_dir") == str(tmp_path / "VOC2012")
    # Not looked for in the working folder.
    assert_refused(lambda: pascal_voc.find_root("", "--voc_dir"), "--voc_dir: found no")


def test_missing_images_and_lists_are_refused(tmp_path):
    touch(tmp_path, "data/SegmentationClass/a.png")
    assert_refused(lambda: PascalVoc(tmp_path / "data"), "JPEGImages", "VOCdevkit")
    touch(tmp_path, "data/JPEGImages/a.jpg")
    data = PascalVoc(tmp_path / "data")
    assert_refused(lambda: data.read_part("train", 0), f"{LISTS}/train.txt")
    assert_refused(lambda: data.read_part("val", 1), f"{LISTS}/val.txt")
    touch(tmp_path, "data/SegmentationClassAug/a.png")
    data = PascalVoc(tmp_path / "data")
    assert_refused(lambda: data.read_part("train", 0), f"{LISTS}/val.txt")
    write(tmp_path, f"data/{LISTS}/val.txt", "a")
    data = PascalVoc(tmp_path / "data")
    assert_refused(lambda: data.read_part("train", 0), "SegmentationClassAug")
