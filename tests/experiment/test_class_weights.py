"""What --class_weights makes of a run's labels."""

import numpy as np
import pytest

from selene_tf.config import Config
from selene_tf.data.pipeline.sources import MemorySource
from selene_tf.errors import UserError
from selene_tf.experiment import class_weights

FOLDER = {"dataset": "folder", "class_names": ("road", "sky"), "data_dir": "."}


def two_images():
    """The first has 3 pixels of road and 1 of sky, the second 2 and 2 of none."""
    labels = np.array([[[0, 0], [0, 1]], [[0, 255], [0, 255]]], np.uint8)
    return MemorySource(np.zeros((2, 2, 2, 3), np.uint8), labels)


def resolve(text):
    return class_weights.resolve(Config(class_weights=text, **FOLDER), two_images())


def test_all_classes_count_the_same_by_default():
    assert resolve("none") is None
    assert class_weights.notes(Config(**FOLDER), None) == []


def test_median_frequency_is_that_of_the_labelled_pixels():
    # Road: 5 of 6; sky: 1 of the 4 of the only image that shows it.
    frequencies = np.array([5 / 6, 1 / 4])
    expected = np.median(frequencies) / frequencies
    np.testing.assert_allclose(resolve("median_frequency"), expected)


def test_a_list_is_taken_as_it_is_and_told():
    weights = resolve("1,2.5")
    assert weights == (1.0, 2.5)
    (note,) = class_weights.notes(Config(**FOLDER), weights)
    assert note == "note: class weights road 1, sky 2.5"


def test_a_list_of_another_length_names_the_classes():
    with pytest.raises(UserError, match="found 3 numbers, .* 2 classes: road, sky"):
        resolve("1,2,3")


@pytest.mark.parametrize("text", ["", "median", "1,,2", "-1,2", "0,0", "nan,1", "1e9"])
def test_what_is_no_weight_is_refused(text):
    with pytest.raises(UserError, match="--class_weights: found"):
        Config(class_weights=text)
