import json
import pathlib

import numpy as np
import pytest
import tensorflow_datasets as tfds

from selene_tf.data.datasets import description_file
from selene_tf.data.datasets.tfds import TfdsFolder
from selene_tf.data.files.label_map import LabelFormat
from tests.data.datasets.contract import DataFolderContract
from tests.data.datasets.tfds_files import GREY, example, features, write
from tests.refusals import assert_refused

PETS = LabelFormat({1: 0, 2: 1, 3: 2})
CONFIGS = pathlib.Path(__file__).parents[3] / "configs"


def write_shapes(folder, name="shapes", **options):
    """Seven training images in two files, and three others in one."""
    train = [[example(number) for number in range(4)]]
    train += [[example(number) for number in range(4, 7)]]
    test = [[example(number) for number in range(10, 13)]]
    return write(folder, {"train": train, "test": test}, name=name, **options)


def open_shapes(folder, name="shapes", image="", mask="", splits=()):
    return TfdsFolder(name, str(folder), image, mask, splits, PETS)


def brightness(data_folder, part):
    """The numbers that `example` made the images from."""
    records = data_folder.read_part(part, 0)
    reader = data_folder.make_reader(records, None)
    return [int(reader.read_checked(i)[0][0, 0, 0]) // 10 for i in range(reader.size)]


@pytest.fixture(scope="module")
def shapes(tmp_path_factory):
    folder = tmp_path_factory.mktemp("tfds")
    write_shapes(folder)
    return folder


class TestPrepared(DataFolderContract):
    train = tuple(
        (f"shapes/train[{number}]", f"shapes/train[{number}] segmentation_mask")
        for number in range(7)
    )
    validation = tuple(
        (f"shapes/test[{number}]", f"shapes/test[{number}] segmentation_mask")
        for number in range(3)
    )

    @pytest.fixture
    def folder(self, shapes):
        return shapes

    def open(self, folder):
        return open_shapes(folder)

    def names_of(self, _, examples):
        return [(record.image, record.mask) for record in examples]


def test_images_come_in_the_order_of_tfds(shapes):
    data_folder = open_shapes(shapes)
    builder = tfds.builder("shapes", data_dir=shapes)
    for part, split in (("train", "train"), ("val", "test")):
        dataset = builder.as_dataset(split, shuffle_files=False)
        expected = [item["image"][0, 0, 0] // 10 for item in tfds.as_numpy(dataset)]
        assert brightness(data_folder, part) == expected


def test_lists_are_refused(shapes):
    assert_refused(
        lambda: open_shapes(shapes).read_listed("my.txt", 1),
        "'my.txt'",
        "--labelled_ratio",
    )


def test_the_choice_of_features_and_splits_is_noted(shapes):
    (note,) = open_shapes(shapes).notes
    for text in ("shapes/1.0.0", "'image'", "'segmentation_mask'"):
        assert text in note
    assert "'train' (7 images), validating on 'test' (3)" in note


def test_parts_of_a_split(shapes):
    splits = ("train[:5]", "train[5:]")
    data_folder = open_shapes(shapes, splits=splits)
    assert brightness(data_folder, "train") == [0, 1, 2, 3, 4]
    assert brightness(data_folder, "val") == [5, 6]
    # Numbered as in the whole, so that no image has two names.
    names = [record.image for record in data_folder.read_part("val", 0)]
    assert names == ["shapes/train[5]", "shapes/train[6]"]


@pytest.mark.parametrize(
    ("others", "expected"),
    [(["validation", "test", "val"], 2), (["test", "val"], 2), (["test"], 1)],
)
def test_the_validation_split_is_found(tmp_path, others, expected):
    sizes = {"validation": 2, "val": 2, "test": 1}
    splits = {name: [[example(0)] * sizes[name]] for name in others}
    write(tmp_path, {"train": [[example(1)]], **splits})
    assert len(open_shapes(tmp_path).read_part("val", 1)) == expected


def test_a_single_split_must_be_parted(tmp_path):
    write(tmp_path, {"train": [[example(0)]]})
    assert_refused(
        lambda: open_shapes(tmp_path),
        "--tfds_splits",
        "has only train",
        "train[:80%],train[80%:]",
    )


@pytest.mark.parametrize(
    ("splits", "expected"),
    [
        (("train", "val"), ("found 'val'", "train, test")),
        (("train[:x]", "test"), ("found 'train[:x]'", "train[:80%]")),
        (("train[7:]", "test"), ("no image in 'train[7:]'",)),
    ],
)
def test_splits_that_do_not_exist_are_refused(shapes, splits, expected):
    assert_refused(
        lambda: open_shapes(shapes, splits=splits), "--tfds_splits", *expected
    )


def test_configurations_and_versions(tmp_path):
    place = write_shapes(tmp_path, name="shapes/small")
    for name in ("shapes/small", "shapes/small:1.0.0", "shapes/small:1.*.*"):
        assert open_shapes(tmp_path, name).data_dir == str(place)
    assert_refused(
        lambda: open_shapes(tmp_path, "shapes/large"),
        "--dataset: found 'tfds:shapes/large'",
        f"'{tmp_path}' holds shapes/small:1.0.0",
    )


def test_features_may_be_named(tmp_path):
    mask = tfds.features.Image(**GREY)
    form = features(photo=tfds.features.Image(), outline=mask)
    extra = {
        "photo": np.full((4, 6, 3), 7, np.uint8),
        "outline": np.ones((4, 6, 1), "u1"),
    }
    items = [[example(0) | extra]]
    write(tmp_path, {"train": items, "test": items}, form)
    data_folder = open_shapes(tmp_path, image="photo", mask="outline")
    reader = data_folder.make_reader(data_folder.read_part("train", 1), None)
    image, label = reader.read_checked(0)
    np.testing.assert_array_equal(image, extra["photo"])
    np.testing.assert_array_equal(label, np.zeros((4, 6)))
    assert_refused(
        lambda: open_shapes(tmp_path, image="species"), "--tfds_image", "'species'"
    )
    assert_refused(
        lambda: open_shapes(tmp_path, mask="species"), "--tfds_mask", "'species'"
    )


def test_known_data_sets_must_be_prepared(tmp_path, capfd):
    assert_refused(
        lambda: open_shapes(tmp_path, "oxford_iiit_pet"),
        "--data_dir: found no oxford_iiit_pet/",
        "holds no prepared data set",
        f"tfds.load('oxford_iiit_pet', data_dir='{tmp_path}')",
    )
    assert not list(tmp_path.iterdir())
    assert not capfd.readouterr().out


def test_a_prepared_version_that_is_not_the_newest_is_named(tmp_path):
    write_shapes(tmp_path, name="oxford_iiit_pet")
    assert_refused(
        lambda: open_shapes(tmp_path, "oxford_iiit_pet"), "holds oxford_iiit_pet:1.0.0"
    )
    name = "oxford_iiit_pet:1.0.0"
    assert len(open_shapes(tmp_path, name).read_part("train", 1)) == 7


@pytest.mark.parametrize(
    ("name", "reason"),
    [
        ("oxford_iiit_pet/big", "(BuilderConfig big not found"),
        ("oxford_iiit_pet:9.9.9", "cannot be loaded at version 9.9.9"),
    ],
)
def test_what_tfds_itself_refuses(tmp_path, name, reason):
    assert_refused(
        lambda: open_shapes(tmp_path, name), f"cannot open '{name}' (", reason
    )


@pytest.mark.parametrize("name", ["shape", "Shape", "shapes:2.0.0"])
def test_unknown_names_are_refused(shapes, name):
    assert_refused(
        lambda: open_shapes(shapes, name),
        f"--dataset: found 'tfds:{name}'",
        f"'{shapes}' holds shapes:1.0.0",
    )


@pytest.mark.parametrize("name", ["", "a b", "huggingface:mnist", "shapes:1", "a/b=1"])
def test_what_is_no_name_is_refused(shapes, name):
    assert_refused(
        lambda: open_shapes(shapes, name), f"found 'tfds:{name}'", "expected tfds:NAME"
    )


def test_other_files_than_tfrecord_are_refused(tmp_path):
    write_shapes(tmp_path, file_format="array_record")
    assert_refused(
        lambda: open_shapes(tmp_path),
        "array_record",
        "tfds build shapes --file_format=tfrecord",
    )


def test_a_damaged_description_is_refused(tmp_path):
    place = write_shapes(tmp_path)
    (place / "dataset_info.json").write_text("{")
    assert_refused(lambda: open_shapes(tmp_path), "cannot open 'shapes'")


def shard_of(place, number=1):
    return place / f"shapes-train.tfrecord-0000{number}-of-00002"


def test_a_file_that_is_cut_off_is_refused(tmp_path):
    shard = shard_of(write_shapes(tmp_path))
    shard.write_bytes(shard.read_bytes()[:-3])
    assert_refused(lambda: open_shapes(tmp_path), shard, "cut off", "record 2")


def test_a_missing_file_is_refused(tmp_path):
    shard = shard_of(write_shapes(tmp_path))
    shard.unlink()
    assert_refused(lambda: open_shapes(tmp_path), shard, "No such file")


def test_another_number_of_records_is_refused(tmp_path):
    place = write_shapes(tmp_path)
    shard_of(place, 1).write_bytes(shard_of(place, 0).read_bytes())
    assert_refused(
        lambda: open_shapes(tmp_path), shard_of(place), "holds 4 records", "says 3"
    )


def test_a_split_that_is_not_used_may_be_damaged(tmp_path):
    shard = shard_of(write_shapes(tmp_path))
    shard.unlink()
    splits = ("test[:1]", "test[1:]")
    assert brightness(open_shapes(tmp_path, splits=splits), "val") == [11, 12]


def test_records_without_named_features_are_refused(tmp_path):
    place = write_shapes(tmp_path)
    described = json.loads((place / "features.json").read_text())
    only = described["featuresDict"]["features"]["image"]
    (place / "features.json").write_text(json.dumps(only))
    assert_refused(lambda: open_shapes(tmp_path), "no named features")


def test_the_description_of_oxford_iiit_pet_fits_its_masks():
    info = description_file.read(CONFIGS / "oxford_iiit_pet.toml")
    assert info.class_names == ("pet", "background", "outline")
    assert info.labels.ids == {1: 0, 2: 1, 3: 2, 255: 255}
