"""What the program knows about each data set: classes, colours, meaning of masks."""

import dataclasses

from selene_tf.data.datasets import camvid_colours
from selene_tf.data.files import label_map
from selene_tf.data.files.label_map import IGNORE_LABEL, LabelFormat
from selene_tf.data.scenes import draw
from selene_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class DatasetInfo:
    """Holds the metadata of a data set: classes, colours, meaning of masks.

    Args:
        name: What the user calls it, for example "camvid".
        class_names: One name per class id, in the order of the ids.
        colours: One (red, green, blue) of 0 to 255 per class, for images of labels.
        labels: What the values of its masks mean. Reading turns them into class
            ids, and into 255 for "no class".
        own_ids: The value of each class in masks for its test server, where that is
            none of `labels`.
        block: Neighbouring images that are nearly copies of each other, as frames of a
            video are; they count as one draw where images are resampled.
    """

    name: str
    class_names: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]
    labels: LabelFormat
    own_ids: tuple[int, ...] = ()
    block: int = 1

    @property
    def num_classes(self) -> int:
        """Number of classes; valid ids are 0 to `num_classes - 1`."""
        return len(self.class_names)

    def mask_values(self):
        """The value of each class in its masks, a list; of several the lowest."""
        return list(self.own_ids) or _first_of_each(self.labels.ids, self.num_classes)

    def mask_palette(self):
        """The colour of each class in its masks, a list; None where masks have none.

        Of several colours of a class it is that of `colours` if that is one of them.
        """
        meanings = self.labels.colours
        if not meanings:
            return None
        first = _first_of_each(meanings, self.num_classes)
        own = zip(self.colours, first, strict=True)
        return [
            list(colour if meanings.get(colour) == class_id else other)
            for class_id, (colour, other) in enumerate(own)
        ]

    def to_json(self):
        """What a trained network depends on: names, and the meaning of masks."""
        content = {
            "class_names": list(self.class_names),
            "masks": [_written(ids) for ids in self.labels.all_ids()],
            "mask_colours": _written(self.labels.colours),
        }
        # Runs of earlier versions have no such key.
        if self.labels.palettes_by_colour:
            content["palettes"] = "colours"
        return content


def _first_of_each(meanings, num_classes):
    """The lowest key of each class id, a list."""
    keys = {}
    for key in sorted(meanings, reverse=True):
        keys[meanings[key]] = key
    return [keys[class_id] for class_id in range(num_classes)]


def _written(meaning):
    """Keys as text, as JSON has them; a colour is "128,64,0"."""
    return {
        ",".join(map(str, key)) if isinstance(key, tuple) else str(key): class_id
        for key, class_id in meaning.items()
    }


def bit_colour(number: int) -> tuple[int, int, int]:
    """Returns the colour of the Pascal VOC colour map for a number of 0 to 255.

    The bits of the number are dealt to red, green, blue, red, ... from the lowest
    on, and each channel is filled from its highest bit, so that small numbers lie
    far apart and no two numbers share a colour.

    Example:
        >>> bit_colour(0), bit_colour(1), bit_colour(2)
        ((0, 0, 0), (128, 0, 0), (0, 128, 0))
    """
    channels = [0, 0, 0]
    for bit in range(8):
        channels[bit % 3] |= (number >> bit & 1) << (7 - bit // 3)
    return tuple(channels)


def folder_info(class_names: tuple[str, ...], ignore_label: int) -> DatasetInfo:
    """Describes the user's own data set, with a colour of its own for each class.

    Args:
        class_names: One name per class id, in the order of the ids.
        ignore_label: The value of 0 to 255 that means "no class" in the mask files.

    Raises:
        UserError: See `check_names` and `label_map.index`.

    Example:
        >>> info = folder_info(("road", "sky"), ignore_label=255)
        >>> info.num_classes, info.colours
        (2, ((128, 0, 0), (0, 128, 0)))
    """
    class_names = tuple(class_names)
    check_names(class_names)
    labels = label_map.index(len(class_names), ignore_label)
    return DatasetInfo("folder", class_names, own_colours(len(class_names)), labels)


def own_colours(num_classes):
    """A colour for each class of a data set that brings none."""
    # Number 0 of the colour map is black, which readers take for "no class".
    return tuple(bit_colour(number + 1) for number in range(num_classes))


def check_names(class_names):
    """Refuses names that would confuse, and too many of them.

    Raises:
        UserError: No names, more than 254, a name that is empty or stands twice.
    """
    if not 1 <= len(class_names) <= label_map.MAX_CLASSES:
        raise UserError(
            f"{len(class_names)} class names were given; give 1 to "
            f"{label_map.MAX_CLASSES}, one for each class, in the order of the ids."
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


SCENES = DatasetInfo(
    "scenes",
    tuple(draw.CLASS_NAMES),
    tuple(draw.COLOURS),
    label_map.index(len(draw.CLASS_NAMES)),
)

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
    labels=LabelFormat(ids=label_map.index(11, 11).ids, colours=camvid_colours.COLOURS),
    # Two thirds of a second of the validation clip.
    block=10,
)

# Of the 34 ids in *_labelIds.png files, those that are classes, in their order; the
# others are not scored. License plates have id -1, which a byte holds as 255.
_CITYSCAPES_IDS = (7, 8, 11, 12, 13, 17, *range(19, 29), 31, 32, 33)
CITYSCAPES_TRAIN_IDS = label_map.index(19).ids
CITYSCAPES_RAW_IDS = {
    **dict.fromkeys((*range(34), 255), IGNORE_LABEL),
    **{value: class_id for class_id, value in enumerate(_CITYSCAPES_IDS)},
}

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
    labels=LabelFormat(
        CITYSCAPES_TRAIN_IDS,
        by_suffix=(
            ("_labelIds.png", CITYSCAPES_RAW_IDS),
            ("_labelTrainIds.png", CITYSCAPES_TRAIN_IDS),
        ),
    ),
    own_ids=_CITYSCAPES_IDS,
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
    labels=LabelFormat(
        label_map.index(21).ids,
        # Masks that were saved with the palette's colours in place of its indices.
        colours={bit_colour(number): number for number in (*range(21), IGNORE_LABEL)},
    ),
)
