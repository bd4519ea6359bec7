"""Label maps in the data set's own ids."""

import numpy as np
import pytest
from PIL import Image

from selene_tf.data.datasets import dataset_info, description_file
from selene_tf.data.files import pillow_reading
from selene_tf.inference import label_values
from selene_tf.inference.label_values import LabelValues
from tests.inference.toy_models import Pixelwise
from tests.refusals import assert_refused

DESCRIBED = """
class_names = ["road", "sky"]
label_map = { 40 = "sky", 7 = "road", 9 = "road", 0 = "ignore" }
"""
BY_COLOUR = """
class_names = ["road", "sky"]
colours = [[0, 0, 255], [9, 9, 9]]
mask_colours = { "255,0,0" = "road", "200,0,0" = "road", "9,9,9" = "sky" }
masks = "colours"
"""


def described(tmp_path, text):
    (tmp_path / "dataset.toml").write_text(text)
    return description_file.read(tmp_path / "dataset.toml")


def test_cityscapes_has_its_label_ids():
    info = dataset_info.CITYSCAPES
    assert info.mask_values() == [7, 8, 11, 12, 13, 17, *range(19, 29), 31, 32, 33]
    assert info.mask_palette() is None


def test_pascal_voc_has_its_palette(tmp_path):
    info = dataset_info.PASCAL_VOC
    values = LabelValues(tuple(info.mask_values()), tuple(info.mask_palette()))
    values.image(np.array([[0, 1, 15]], np.uint8)).save(tmp_path / "a.png")
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "P"
        assert np.asarray(image).tolist() == [[0, 1, 15]]
        shown = np.asarray(image.convert("RGB"))[0].tolist()
    # As published: background, aeroplane, person.
    assert shown == [[0, 0, 0], [128, 0, 0], [192, 128, 128]]


def test_a_label_map_goes_back_to_its_values(tmp_path):
    info = described(tmp_path, DESCRIBED)
    # Of two values of a class the lower one.
    assert (info.mask_values(), info.mask_palette()) == ([7, 40], None)


def test_colours_are_those_of_the_masks(tmp_path):
    info = described(tmp_path, BY_COLOUR)
    # Road's own colour is none that its masks have.
    assert info.mask_palette() == [[200, 0, 0], [9, 9, 9]]


@pytest.mark.parametrize("name", ["CAMVID", "CITYSCAPES", "PASCAL_VOC", "SCENES", ""])
def test_what_is_written_is_read_as_the_same_classes(tmp_path, name):
    info = getattr(dataset_info, name) if name else described(tmp_path, BY_COLOUR)
    values, palette = info.mask_values(), info.mask_palette()
    values = LabelValues(tuple(values), palette and tuple(map(tuple, palette)))
    labels = np.arange(info.num_classes, dtype=np.uint8)[None].repeat(3, axis=0)
    file = tmp_path / "a_labelIds.png"
    values.image(labels).save(file)
    np.testing.assert_array_equal(pillow_reading.read_mask(file, info.labels), labels)


def test_class_ids_stay_what_they_are():
    labels = np.array([[0, 2]], np.uint8)
    assert np.asarray(LabelValues().image(labels)).tolist() == [[0, 2]]


def test_the_values_are_what_the_model_says():
    metadata = {"mask_values": [7, 8, 9], "mask_palette": None}
    values = label_values.of_dataset(Pixelwise(metadata=metadata))
    assert values == LabelValues((7, 8, 9))


def test_a_model_of_an_earlier_version_says_nothing():
    words = ["--ids=dataset", "'toy'", "export it again"]
    assert_refused(lambda: label_values.of_dataset(Pixelwise()), *words)
