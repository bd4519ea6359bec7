import numpy as np
import pytest
import tensorflow_datasets as tfds

from selene_tf.data.datasets.tfds_features import find_image, find_mask
from tests.data.datasets.tfds_files import GREY, features
from tests.refusals import assert_refused

COLOUR = tfds.features.Image()
MASK = tfds.features.Image(**GREY)


def array(*shape, dtype=np.int32):
    return tfds.features.Tensor(shape=shape, dtype=dtype)


def test_features_of_oxford_iiit_pet():
    builder = tfds.builder("oxford_iiit_pet", data_dir="/nowhere")
    assert find_image(builder.info.features, "") == "image"
    assert find_mask(builder.info.features, "") == "segmentation_mask"


def test_features_of_cityscapes():
    builder = tfds.builder("cityscapes", data_dir="/nowhere")
    assert find_image(builder.info.features, "") == "image_left"
    assert find_mask(builder.info.features, "") == "segmentation_label"


def test_masks_of_scene_parse150_must_be_named():
    builder = tfds.builder("scene_parse150", data_dir="/nowhere")
    assert find_image(builder.info.features, "") == "image"
    assert_refused(
        lambda: find_mask(builder.info.features, ""),
        "--tfds_mask: found none",
        "annotation (3-channel Image)",
    )
    assert find_mask(builder.info.features, "annotation") == "annotation"


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ({}, "image"),
        ({"image": None, "photo": COLOUR}, "photo"),
        ({"photo": COLOUR}, "image"),
        ({"image": None, "image_left": COLOUR, "image_right": COLOUR}, "image_left"),
        ({"image_left": COLOUR}, "image"),
        ({"image": tfds.features.Image(shape=(None, None, None))}, "image"),
    ],
)
def test_images_are_found(others, expected):
    assert find_image(features(**others), "") == expected


def test_images_of_several_features_or_none_are_refused():
    several = features(image=None, left=COLOUR, right=COLOUR)
    assert_refused(lambda: find_image(several, ""), "--tfds_image", "left, right")
    assert find_image(several, "right") == "right"
    none = features(image=None)
    assert_refused(
        lambda: find_image(none, ""),
        "found none",
        "label (ClassLabel)",
        "segmentation_mask (1-channel Image)",
    )


@pytest.mark.parametrize(
    ("name", "feature"),
    [
        ("label", None),
        ("nothing", None),
        ("deep", tfds.features.Image(dtype=np.uint16)),
        ("array", array(None, None, 3, dtype=np.uint8)),
    ],
)
def test_a_named_feature_without_images_is_refused(name, feature):
    others = {name: feature} if feature else {}
    assert_refused(
        lambda: find_image(features(**others), name),
        f"--tfds_image: found '{name}'",
        "colour images of 8 bits",
        "image (3-channel Image)",
    )


def test_grey_images_may_be_named():
    assert find_image(features(grey=MASK), "grey") == "grey"


@pytest.mark.parametrize(
    ("others", "expected"),
    [
        ({}, "segmentation_mask"),
        ({"segmentation_mask": None, "depth": MASK}, "depth"),
        ({"depth": MASK}, "segmentation_mask"),
        (
            {"segmentation_mask": None, "a": tfds.features.LabeledImage(labels=3)},
            "a",
        ),
        ({"segmentation_mask": None, "a": array(None, None)}, "a"),
        ({"segmentation_mask": None, "a": array(4, 6, 1, dtype=np.bool_)}, "a"),
        (
            {
                "segmentation_mask": None,
                "a": tfds.features.Image(**GREY, dtype=np.uint16),
            },
            "a",
        ),
        # Neither of these holds a whole number a pixel.
        ({"mask_box": tfds.features.BBoxFeature()}, "segmentation_mask"),
        ({"mask_rgb": array(None, None, 3)}, "segmentation_mask"),
        ({"mask_depth": array(None, None, dtype=np.float32)}, "segmentation_mask"),
        (
            {"mask_real": tfds.features.Image(**GREY, dtype=np.float32)},
            "segmentation_mask",
        ),
    ],
)
def test_masks_are_found(others, expected):
    assert find_mask(features(**others), "") == expected


def test_masks_of_several_features_are_refused():
    for others in (
        {"label_map": MASK},
        {"segmentation_mask": None, "a": MASK, "b": MASK},
    ):
        several = features(**others)
        assert_refused(
            lambda several=several: find_mask(several, ""), "--tfds_mask", ", "
        )
        assert find_mask(several, list(several)[-1]) == list(several)[-1]


@pytest.mark.parametrize("name", ["label", "nothing"])
def test_a_named_feature_without_masks_is_refused(name):
    assert_refused(
        lambda: find_mask(features(), name), f"--tfds_mask: found '{name}'", "image"
    )
