import pytest

from selene_tf.data import catalog
from selene_tf.errors import UserError

BUILT_IN = [catalog.SCENES, catalog.CAMVID, catalog.CITYSCAPES, catalog.PASCAL_VOC]


@pytest.mark.parametrize(
    ("info", "num_classes"),
    list(zip(BUILT_IN, [8, 11, 19, 21], strict=True)),
    ids=lambda value: getattr(value, "name", value),
)
def test_every_class_has_a_name_and_a_colour_of_its_own(info, num_classes):
    assert info.num_classes == num_classes
    assert len(set(info.class_names)) == num_classes
    assert len(set(info.colours)) == num_classes


def test_camvid_files_mark_void_by_11():
    assert catalog.CAMVID.labels.ids[11] == 255
    assert catalog.CAMVID.labels.ids[10] == 10
    assert 255 not in catalog.CAMVID.labels.ids
    assert catalog.CAMVID.class_names[0] == "sky"
    assert catalog.CAMVID.class_names[10] == "bicyclist"


@pytest.mark.parametrize(
    ("number", "colour"),
    [
        # Published entries of the Pascal VOC colour map.
        (0, (0, 0, 0)),
        (1, (128, 0, 0)),
        (6, (0, 128, 128)),
        (8, (64, 0, 0)),
        (15, (192, 128, 128)),
        (20, (0, 64, 128)),
        (255, (224, 224, 192)),
    ],
)
def test_bit_colour_is_the_colour_map_of_pascal_voc(number, colour):
    assert catalog.bit_colour(number) == colour


def test_folder_gives_254_classes_colours_of_their_own_and_none_is_black():
    info = catalog.folder([f"class {number}" for number in range(254)], 255)
    assert len(set(info.colours)) == info.num_classes == 254
    assert (0, 0, 0) not in info.colours


@pytest.mark.parametrize(
    ("class_names", "ignore_label", "expected"),
    [
        ([], 255, "0 class names"),
        ([str(number) for number in range(255)], 255, "255 class names"),
        (["road", " "], 255, "class 1 is empty"),
        (["road", "car", "road"], 255, "ids 0 and 2"),
        (["road"], 256, "ignore label is 256"),
        (["road", "car"], 1, "id of a class"),
    ],
)
def test_folder_refuses_what_cannot_be_trained(class_names, ignore_label, expected):
    with pytest.raises(UserError, match=expected) as caught:
        catalog.folder(class_names, ignore_label)
    assert "\n" not in str(caught.value)
