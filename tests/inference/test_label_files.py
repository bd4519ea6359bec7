import pathlib

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from selene_tf.data.datasets.dataset_info import CITYSCAPES, PASCAL_VOC
from selene_tf.data.pipeline.sources import MemorySource
from selene_tf.inference.label_files import LabelFiles
from tests.refusals import assert_refused


def source(names, count=2):
    made = MemorySource(
        np.zeros((count, 2, 3, 3), np.uint8), np.zeros((count, 2, 3), np.uint8)
    )
    made.names = names
    return made


def record(folder, info, names, labels):
    """Writes the labels of a prediction that knows them."""
    files = LabelFiles(folder, source(names, len(labels)), info)
    predict = files.recording(lambda images: {"labels": tf.constant(images)})
    for image in labels:
        predict(np.array(image, np.int32)[None])
    return {
        file.relative_to(folder).as_posix(): Image.open(file)
        for file in sorted(pathlib.Path(folder).rglob("*.png"))
    }


def test_cityscapes_gets_its_label_ids(tmp_path):
    name = "/data/leftImg8bit/val/lindau/lindau_000000_000019_leftImg8bit.png"
    images = record(tmp_path, CITYSCAPES, (name,), [[[0, 1, 18]] * 2])
    image = images["labels/lindau_000000_000019_leftImg8bit.png"]
    # road, sidewalk and bicycle of the official list.
    assert np.asarray(image)[0].tolist() == [7, 8, 33]


def test_pascal_voc_gets_a_palette(tmp_path):
    images = record(tmp_path, PASCAL_VOC, ("2007_000033.jpg",), [[[0, 1, 20]] * 2])
    image = images["labels/2007_000033.png"]
    assert image.mode == "P"
    assert np.asarray(image)[0].tolist() == [0, 1, 20]
    colours = np.asarray(image.convert("RGB"))[0].tolist()
    assert colours == [[0, 0, 0], [128, 0, 0], [0, 64, 128]]


def test_label_maps_are_as_large_as_the_files_and_not_as_the_run_sees_them(tmp_path):
    file = tmp_path / "a.png"
    Image.new("RGB", (6, 4)).save(file)
    images = record(
        tmp_path / "out", PASCAL_VOC, (str(file),), [[[0, 1, 2], [3, 3, 3]]]
    )
    labels = np.asarray(images["labels/a.png"])
    assert labels.tolist() == [[0, 0, 1, 1, 2, 2]] * 2 + [[3] * 6] * 2


def test_images_without_names_are_numbered(tmp_path):
    images = record(tmp_path, PASCAL_VOC, None, [[[0, 1, 2]] * 2, [[3, 3, 3]] * 2])
    assert list(images) == ["labels/00000.png", "labels/00001.png"]
    assert np.asarray(images["labels/00001.png"]).max() == 3


def test_two_images_of_one_name_are_refused(tmp_path):
    names = ("a/one.jpg", "b/one.png")
    assert_refused(
        lambda: LabelFiles(tmp_path, source(names), PASCAL_VOC),
        "--save_predictions",
        *names,
    )


@pytest.mark.parametrize("kind", ["file", "full"])
def test_a_folder_that_holds_something_is_refused(tmp_path, kind):
    folder = tmp_path / "out"
    if kind == "file":
        folder.write_text("")
    else:
        folder.mkdir()
        (folder / "a").write_text("")
    assert_refused(
        lambda: LabelFiles(folder, source(None), PASCAL_VOC),
        "--save_predictions",
        folder,
    )
