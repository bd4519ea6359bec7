"""What the check of a data set finds."""

import json

import numpy as np
import pytest
from PIL import Image

from selene_tf.config import Config
from selene_tf.experiment import data_check
from selene_tf.reports import data_tables
from tests.checked_data import CLASSES, HEIGHT, WIDTH, Data
from tests.data.datasets import tfds_files
from tests.refusals import assert_refused


@pytest.fixture
def data(tmp_path):
    return Data(tmp_path.resolve() / "data")


def spoil_images(data):
    """Spoils labelled images; returns (file, words of the problem) in list order."""
    kinds = ("truncated", "empty", "text", "16-bit", "CMYK", "turned", "missing")
    for kind in kinds:
        data.add("train", kind, np.eye(HEIGHT, WIDTH))
        data.add("train", f"{kind}_unlabelled", np.eye(HEIGHT, WIDTH))
    truncated, empty, text, deep, cmyk, turned, missing = files = [
        data.image("train", kind) for kind in kinds
    ]
    truncated.write_bytes(truncated.read_bytes()[:-30])
    empty.write_bytes(b"")
    text.write_text("version https://git-lfs.github.com/spec/v1")
    Image.fromarray(np.zeros((HEIGHT, WIDTH), np.uint16)).save(deep)
    Image.new("CMYK", (WIDTH, HEIGHT)).save(cmyk, "JPEG")
    entries = Image.Exif()
    entries[274] = 6
    Image.new("RGB", (WIDTH, HEIGHT)).save(turned, "JPEG", exif=entries)
    missing.unlink()
    words = ["damaged", "empty", "version", "16-bit", "CMYK", "EXIF", "No such file"]
    return [(file, [word]) for file, word in zip(files, words, strict=True)]


def spoil_masks(data):
    """Likewise for masks, of validation."""
    kinds = ("id", "colours", "large", "missing")
    for kind in kinds:
        data.add("val", kind, np.zeros((HEIGHT, WIDTH)))
    wrong_id, colours, large, missing = files = [data.mask("val", k) for k in kinds]
    ids = np.zeros((HEIGHT, WIDTH), np.uint8)
    ids[1, 4] = ids[3, 0] = ids[3, 5] = 9
    Image.fromarray(ids).save(wrong_id)
    Image.new("RGB", (WIDTH, HEIGHT)).save(colours)
    Image.fromarray(np.zeros((7, 5), np.uint8)).save(large)
    missing.unlink()
    words = [
        ["id 9 in 3 pixels", "(row, column) = (1, 4)", "0 to 1"],
        ["8-bit colour"],
        ["6 x 4", "5 x 7", str(data.image("val", "large"))],
        ["No such file"],
    ]
    return list(zip(files, words, strict=True))


def test_every_kind_of_fault_is_listed_at_once_in_list_order(data):
    expected = {"labelled": spoil_images(data), "validation": spoil_masks(data)}
    found = data.check()
    reports = {part.name: part.report for part in found.parts}
    for name, faults in expected.items():
        for (file, words), line in zip(faults, reports[name].problems, strict=True):
            assert all(word in line for word in [str(file), *words])
            assert "\n" not in line
    assert reports["unlabelled"].problems == ()
    assert found.problems == [
        f"{name}: {line}" for name in expected for line in reports[name].problems
    ]
    # Of 6, 14 and 4 images in the three lists.
    assert (found.unusable, found.images) == (11, 24)
    assert [len(part.files) for part in found.parts] == [2, 9, 2]
    message = "11 of 24 images cannot be used; mend or remove them (listed above)"
    assert_refused(lambda: data_tables.conclusion(found), message)


def copy(data, source, target):
    data.image(*target).write_bytes(data.image(*source).read_bytes())


def test_a_image_under_two_names_in_two_parts_is_a_problem(data):
    copy(data, ("train", "0"), ("val", "1"))
    found = data.check()
    [line] = found.problems
    assert line.startswith(f"validation: {data.image('val', '1')} ")
    assert f"{data.image('train', '0')}, which is labelled" in line
    assert found.warnings == ()
    message = "1 problem in 6 images; mend what is listed above"
    assert_refused(lambda: data_tables.conclusion(found), message)


def test_a_image_under_two_names_in_one_part_is_a_warning(data):
    copy(data, ("train", "1"), ("train", "3"))
    found = data.check()
    assert found.problems == []
    [line] = found.warnings
    files = [data.image("train", name) for name in "31"]
    assert line == f"unlabelled: copies within the part, 1: {files[0]} of {files[1]}."


def test_images_by_their_names_in_two_parts_are_all_listed(data):
    lines = [f"val/{number}.png val/{number}_mask.png" for number in range(2)]
    (data.folder / "labelled.txt").write_text("\n".join(lines))
    found = data.check(labelled_list="labelled.txt")
    assert len(found.problems) == 2
    for number, problem in enumerate(found.problems):
        assert problem.startswith(str(data.image("val", str(number))))
        assert "listed as labelled and again as validation" in problem


def test_masks_that_no_training_reads_are_read_too(data):
    """Those of images that count as unlabelled."""
    Image.fromarray(np.full((HEIGHT, WIDTH), 77, np.uint8)).save(
        data.mask("train", "3")
    )
    found = data.check()
    assert len(found.problems) == 1
    assert found.problems[0].startswith(f"unlabelled: {data.mask('train', '3')}")
    assert "class id 77" in found.problems[0]


def test_images_that_count_as_unlabelled_may_have_no_masks(data):
    lines = (data.folder / "train.txt").read_text().splitlines()
    lines[1] = lines[1].split()[0]
    (data.folder / "train.txt").write_text("\n".join(lines))
    found = data.check()
    assert found.problems == []
    assert len(found.warnings) == 1
    assert "train.txt:2" in found.warnings[0]


def test_a_mask_of_two_images_is_a_warning(data):
    with open(data.folder / "val.txt", "a") as file:
        file.write("train/extra.png val/0_mask.png\n")
    pixels = np.arange(HEIGHT * WIDTH * 3, dtype=np.uint8)
    Image.fromarray(pixels.reshape(HEIGHT, WIDTH, 3)).save(data.image("train", "extra"))
    found = data.check()
    assert found.problems == []
    assert str(data.mask("val", "0")) in found.warnings[0]


def test_classes_without_a_label_and_masks_without_a_class_are_warnings(data):
    data.add("val", "ghost", np.full((HEIGHT, WIDTH), 2))
    data.add("val", "void", np.full((HEIGHT, WIDTH), 255))
    for name in "abcdef":
        data.add("train", name, np.full((HEIGHT, WIDTH), 255))
    found = data.check(class_names=(*CLASSES, "nowhere"))
    assert found.problems == []
    ghost, nowhere, of_labelled, of_unlabelled, of_validation = found.warnings
    assert "'ghost' is in 1 of 4 validation images but in no labelled" in ghost
    assert "'nowhere' is in no labelled and in no validation image" in nowhere
    files = ", ".join(str(data.image("train", name)) for name in "ace")
    assert of_labelled.startswith("labelled: 3 of 5 masks")
    assert of_labelled.endswith(f"{files}.")
    assert of_unlabelled.startswith("unlabelled: 3 of 5 masks")
    assert of_validation.startswith("validation: 1 of 4 masks")


def test_only_some_of_many_names_are_shown(data):
    for number in range(10):
        data.add("val", f"void_{number}", np.full((HEIGHT, WIDTH), 255))
    [line] = data.check().warnings
    assert line.endswith(f"{data.image('val', 'void_2')} and 7 more.")


@pytest.mark.parametrize(("part", "name"), [("train", "labelled"), ("val", "valid")])
def test_a_part_without_a_labelled_pixel_is_a_problem(data, part, name):
    for number in range(4 if part == "train" else 2):
        void = np.full((HEIGHT, WIDTH), 255, np.uint8)
        Image.fromarray(void).save(data.mask(part, number))
    found = data.check()
    [line] = found.problems
    assert line.startswith(name)
    assert "ignore label alone" in line
    assert found.warnings == ()


def test_what_a_training_refuses_of_a_whole_part_is_a_problem(data):
    [line] = data.check(labelled_ratio=1).problems
    assert line.startswith("unlabelled: there are no images")
    assert data.check(labelled_ratio=1, algorithm="supervised").problems == []
    data.add("val", "large", np.zeros((5, 7)))
    assert data.check().problems == []
    assert data.check(evaluation_batch_size=2, image_size=(32, 48)).problems == []
    [line] = data.check(evaluation_batch_size=2).problems
    assert line.startswith("validation: the images have 2 sizes")


def test_faults_of_unlabelled_images_that_no_one_uses_are_a_warning(data):
    (data.folder / "labelled.txt").write_text("train/0.png train/0_mask.png")
    (data.folder / "train.txt").write_text("train/0.png/../../../outside.png")
    changes = {"labelled_list": "labelled.txt"}
    assert_refused(lambda: data.check(**changes), "outside")
    found = data.check(algorithm="supervised", **changes)
    assert [len(part.files) for part in found.parts] == [1, 0, 2]
    assert found.problems == []
    assert "outside" in found.warnings[0]


def test_there_has_to_be_something_to_check(data):
    assert_refused(lambda: data_check.check(Config()), "--dataset", "scenes")
    missing = data.folder / "missing"
    assert_refused(lambda: data.check(data_dir=str(missing)), missing)
    (data.folder / "val.txt").write_text("")
    assert_refused(data.check, "val.txt", "no image")


def test_records_have_names_but_no_files_to_compare(tmp_path):
    examples = [tfds_files.example(1)] * 4
    tfds_files.write(tmp_path, {"train": [examples], "test": [examples[:2]]})
    (tmp_path / "map.json").write_text(
        json.dumps({"class_names": ["a", "b"], "label_map": {1: 0, 2: 1, 3: "ignore"}})
    )
    config = Config(
        dataset="tfds:shapes",
        data_dir=str(tmp_path),
        dataset_file="map.json",
        labelled_ratio=2,
    )
    found = data_check.check(config)
    assert found.problems == []
    assert found.warnings == ()
    assert len(found.notes) == 1
    assert [part.report.images for part in found.parts] == [2, 2, 2]
    assert found.parts[0].report.class_pixels == (16, 16)
    names = [name for name, _, _ in found.samples(3)]
    assert names == ["train[0]", "train[2]", "test[0] (validation)"]


def test_progress_counts_the_images_of_all_parts(data):
    seen = []
    data.check(progress=lambda *call: seen.append(call))
    assert seen == [(done, 6) for done in range(1, 7)]


def test_samples_are_spread_and_leave_out_what_cannot_be_read(data):
    for number in range(4, 10):
        data.add("train", f"{number}", np.eye(HEIGHT, WIDTH))
    data.image("train", "4").write_bytes(b"")
    found = data.check()
    names = ["0.png", "2.png", "6.png", "8.png"]
    validation = ["0.png (validation)", "1.png (validation)"]
    assert [name for name, _, _ in found.samples(2)] == [names[0], names[3]]
    assert [name for name, _, _ in found.samples(5)] == names + validation[:1]
    assert [name for name, _, _ in found.samples(99)] == names + validation
    for _, image, mask in found.samples(1):
        assert (image.shape, mask.shape) == ((4, 6, 3), (4, 6))


def test_lists_that_name_all_parts_need_no_layout(tmp_path):
    """Images and masks side by side in one folder, as some tools export them."""
    rng = np.random.default_rng(0)
    for part, count in (("train", 3), ("valid", 2)):
        (tmp_path / part).mkdir()
        for number in range(count):
            name = f"{part}/{number}"
            pixels = rng.integers(0, 256, (4, 6, 3), dtype=np.uint8)
            Image.fromarray(pixels).save(tmp_path / f"{name}.png")
            mask = rng.integers(0, 2, (4, 6), dtype=np.uint8)
            Image.fromarray(mask).save(tmp_path / f"{name}_mask.png")
        lines = [f"{part}/{n}.png {part}/{n}_mask.png" for n in range(count)]
        (tmp_path / f"{part}_list.txt").write_text("\n".join(lines))
    config = Config(
        dataset="folder",
        data_dir=str(tmp_path),
        labelled_list="train_list.txt",
        validation_list="valid_list.txt",
        class_names=("a", "b"),
        algorithm="supervised",
    )
    result = data_check.check(config)
    assert result.images == 5
    assert result.warnings == ()
    assert result.problems == []
