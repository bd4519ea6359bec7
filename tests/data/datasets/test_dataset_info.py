import pytest

from selene_tf.data.datasets import camvid_colours, dataset_info
from selene_tf.errors import UserError

BUILT_IN = [
    dataset_info.SCENES,
    dataset_info.CAMVID,
    dataset_info.CITYSCAPES,
    dataset_info.PASCAL_VOC,
]

# As published, with the names of the classes: colour and id in *_labelIds.png.
CITYSCAPES_CLASSES = [
    ("road", (128, 64, 128), 7),
    ("sidewalk", (244, 35, 232), 8),
    ("building", (70, 70, 70), 11),
    ("wall", (102, 102, 156), 12),
    ("fence", (190, 153, 153), 13),
    ("pole", (153, 153, 153), 17),
    ("traffic light", (250, 170, 30), 19),
    ("traffic sign", (220, 220, 0), 20),
    ("vegetation", (107, 142, 35), 21),
    ("terrain", (152, 251, 152), 22),
    ("sky", (70, 130, 180), 23),
    ("person", (220, 20, 60), 24),
    ("rider", (255, 0, 0), 25),
    ("car", (0, 0, 142), 26),
    ("truck", (0, 0, 70), 27),
    ("bus", (0, 60, 100), 28),
    ("train", (0, 80, 100), 31),
    ("motorcycle", (0, 0, 230), 32),
    ("bicycle", (119, 11, 32), 33),
]

# CamVid's label_colors.txt, sorted by name as there, with the class of SegNet.
CAMVID_THINGS = [
    ("Animal", (64, 128, 64), "pedestrian"),
    ("Archway", (192, 0, 128), "building"),
    ("Bicyclist", (0, 128, 192), "bicyclist"),
    ("Bridge", (0, 128, 64), "building"),
    ("Building", (128, 0, 0), "building"),
    ("Car", (64, 0, 128), "car"),
    ("CartLuggagePram", (64, 0, 192), "pedestrian"),
    ("Child", (192, 128, 64), "pedestrian"),
    ("Column_Pole", (192, 192, 128), "pole"),
    ("Fence", (64, 64, 128), "fence"),
    ("LaneMkgsDriv", (128, 0, 192), "road"),
    ("LaneMkgsNonDriv", (192, 0, 64), "road"),
    ("Misc_Text", (128, 128, 64), "sign_symbol"),
    ("MotorcycleScooter", (192, 0, 192), "bicyclist"),
    ("OtherMoving", (128, 64, 64), "car"),
    ("ParkingBlock", (64, 192, 128), "pavement"),
    ("Pedestrian", (64, 64, 0), "pedestrian"),
    ("Road", (128, 64, 128), "road"),
    ("RoadShoulder", (128, 128, 192), "pavement"),
    ("SUVPickupTruck", (64, 128, 192), "car"),
    ("Sidewalk", (0, 0, 192), "pavement"),
    ("SignSymbol", (192, 128, 128), "sign_symbol"),
    ("Sky", (128, 128, 128), "sky"),
    ("TrafficCone", (0, 0, 64), "pole"),
    ("TrafficLight", (0, 64, 64), "sign_symbol"),
    ("Train", (192, 64, 128), "car"),
    ("Tree", (128, 128, 0), "tree"),
    ("Truck_Bus", (192, 128, 192), "car"),
    ("Tunnel", (64, 0, 64), "building"),
    ("VegetationMisc", (192, 192, 0), "tree"),
    ("Void", (0, 0, 0), None),
    ("Wall", (64, 192, 0), "building"),
]


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
    assert dataset_info.CAMVID.labels.ids[11] == 255
    assert dataset_info.CAMVID.labels.ids[10] == 10
    assert 255 not in dataset_info.CAMVID.labels.ids
    assert dataset_info.CAMVID.class_names[0] == "sky"
    assert dataset_info.CAMVID.class_names[10] == "bicyclist"


def test_cityscapes_has_the_published_classes_colours_and_ids():
    names, colours, values = zip(*CITYSCAPES_CLASSES, strict=True)
    assert dataset_info.CITYSCAPES.class_names == names
    assert dataset_info.CITYSCAPES.colours == colours
    expected = dict.fromkeys((*range(34), 255), 255)
    expected.update({value: class_id for class_id, value in enumerate(values)})
    assert expected == dataset_info.CITYSCAPES_RAW_IDS


def test_camvid_has_the_published_things_and_their_classes():
    class_ids = {
        name: number for number, name in enumerate(dataset_info.CAMVID.class_names)
    }
    class_ids[None] = 255
    things = [(name, colour, class_ids[of]) for name, colour, of in CAMVID_THINGS]
    assert sorted(camvid_colours.THINGS) == things
    colours = {colour: class_id for _, colour, class_id in things}
    assert colours == dataset_info.CAMVID.labels.colours
    assert len(colours) == 32
    # Each class has the colour of the thing that it is named after.
    for class_id, colour in enumerate(dataset_info.CAMVID.colours):
        assert colours[colour] == class_id


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
    assert dataset_info.bit_colour(number) == colour


def test_folder_gives_254_classes_colours_of_their_own_and_none_is_black():
    info = dataset_info.folder_info([f"class {number}" for number in range(254)], 255)
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
        dataset_info.folder_info(class_names, ignore_label)
    assert "\n" not in str(caught.value)
