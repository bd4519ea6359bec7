"""What the program knows about each data set: classes, colours, ignore label."""

import dataclasses

from selene_tf.data import scenes
from selene_tf.errors import UserError

# Inside the program a pixel without a class is always this value; a data set's
# own ignore label exists in its files only.
IGNORE_LABEL = 255


@dataclasses.dataclass(frozen=True)
class DatasetInfo:
    """The facts of one data set.

    Args:
        name: What the user calls it, for example "camvid".
        class_names: One name per class id, in the order of the ids.
        colours: One (red, green, blue) of 0 to 255 per class, for pictures of labels.
        ignore_label: The value that means "no class" in the mask files. Reading
            turns it into 255.
    """

    name: str
    class_names: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]
    ignore_label: int = IGNORE_LABEL

    @property
    def num_classes(self) -> int:
        """Number of classes; valid ids are 0 to `num_classes - 1`."""
        return len(self.class_names)


def bit_colour(number: int) -> tuple[int, int, int]:
    """Returns the colour of the Pascal VOC colour map for a number of 0 to 255.

    The bits of the number are dealt to red, green, blue, red, ... from the lowest
    on, and each channel is filled from its highest bit, so that small numbers lie
    far apart and no two numbers share a colour.
    """
    channels = [0, 0, 0]
    for bit in range(8):
        channels[bit % 3] |= (number >> bit & 1) << (7 - bit // 3)
    return tuple(channels)


def folder(class_names: tuple[str, ...], ignore_label: int) -> DatasetInfo:
    """Describes the user's own data set, with a colour of its own for each class.

    Args:
        class_names: One name per class id, in the order of the ids.
        ignore_label: The value of 0 to 255 that means "no class" in the mask files.

    Raises:
        UserError: No names, more than 255, a name that is empty or stands twice,
            or an ignore label that is not a byte or is the id of a class.
    """
    class_names = tuple(class_names)
    _check_names(class_names)
    if not 0 <= ignore_label <= 255:
        raise UserError(
            f"The ignore label is {ignore_label}; masks hold bytes, so give a value "
            "from 0 to 255."
        )
    if ignore_label < len(class_names):
        raise UserError(
            f"The ignore label {ignore_label} is also the id of class "
            f"'{class_names[ignore_label]}', which would never be trained; give a "
            f"value from {len(class_names)} to 255."
        )
    # Number 0 of the colour map is black, which readers take for "no class".
    colours = tuple(bit_colour(number + 1) for number in range(len(class_names)))
    return DatasetInfo("folder", class_names, colours, ignore_label)


def _check_names(class_names):
    if not 1 <= len(class_names) <= 255:
        raise UserError(
            f"{len(class_names)} class names were given; give 1 to 255, one for each "
            "id in the masks, in the order of the ids."
        )
    for position, name in enumerate(class_names):
        if not name.strip():
            raise UserError(
                f"The name of class {position} is empty; give every class a name."
            )
        if name in class_names[:position]:
            raise UserError(
                f"The class name '{name}' stands twice, for ids "
                f"{class_names.index(name)} and {position}; give each class its own."
            )


SCENES = DatasetInfo("scenes", tuple(scenes.CLASS_NAMES), tuple(scenes.COLOURS))

CAMVID = DatasetInfo(
    name="camvid",
    class_names=(
        "sky",
        "building",
        "pole",
        "road",
        "pavement",
        "tree",
        "sign_symbol",
        "fence",
        "car",
        "pedestrian",
        "bicyclist",
    ),
    colours=(
        (128, 128, 128),
        (128, 0, 0),
        (192, 192, 128),
        (128, 64, 128),
        (0, 0, 192),
        (128, 128, 0),
        (192, 128, 128),
        (64, 64, 128),
        (64, 0, 128),
        (64, 64, 0),
        (0, 128, 192),
    ),
    ignore_label=11,
)

# Ids are the train ids, as in the *_labelTrainIds.png files.
CITYSCAPES = DatasetInfo(
    name="cityscapes",
    class_names=(
        "road",
        "sidewalk",
        "building",
        "wall",
        "fence",
        "pole",
        "traffic light",
        "traffic sign",
        "vegetation",
        "terrain",
        "sky",
        "person",
        "rider",
        "car",
        "truck",
        "bus",
        "train",
        "motorcycle",
        "bicycle",
    ),
    colours=(
        (128, 64, 128),
        (244, 35, 232),
        (70, 70, 70),
        (102, 102, 156),
        (190, 153, 153),
        (153, 153, 153),
        (250, 170, 30),
        (220, 220, 0),
        (107, 142, 35),
        (152, 251, 152),
        (70, 130, 180),
        (220, 20, 60),
        (255, 0, 0),
        (0, 0, 142),
        (0, 0, 70),
        (0, 60, 100),
        (0, 80, 100),
        (0, 0, 230),
        (119, 11, 32),
    ),
)

PASCAL_VOC = DatasetInfo(
    name="pascal_voc",
    class_names=(
        "background",
        "aeroplane",
        "bicycle",
        "bird",
        "boat",
        "bottle",
        "bus",
        "car",
        "cat",
        "chair",
        "cow",
        "diningtable",
        "dog",
        "horse",
        "motorbike",
        "person",
        "pottedplant",
        "sheep",
        "sofa",
        "train",
        "tvmonitor",
    ),
    colours=tuple(bit_colour(number) for number in range(21)),
)
