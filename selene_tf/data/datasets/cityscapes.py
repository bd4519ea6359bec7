"""Cityscapes: in its own folders, or packed anew with lists of the images."""

import contextlib
import dataclasses
import functools
import os
import re

from selene_tf.data.datasets import dataset_info
from selene_tf.data.datasets.dataset import DataFolder
from selene_tf.data.datasets.examples import Example, read_list, real_folder
from selene_tf.data.datasets.safe_paths import DataRoot
from selene_tf.data.files import label_map, pillow_reading
from selene_tf.data.files.image_reader import FileReader
from selene_tf.errors import UserError

_IMAGES = "leftImg8bit"
_IMAGE_END = "_leftImg8bit.png"
_TRAIN_IDS_END, _RAW_IDS_END = "_labelTrainIds.png", "_labelIds.png"
_SPLITS = ("train", "val", "test")
# City, sequence and frame, as in aachen_000000_000019.
_FRAME = re.compile(r"(?P<city>[^_]+)_\d{6}_\d{6}(?!\d)")
_RAW_IDS_ONLY = range(19, 34)
_MOST_SEARCHED = 50
_NOTE = (
    "Cityscapes has no train.txt here, so every n-th of the sorted names is labelled. "
    "The published partitions go by a list that is not sorted within cities: as many "
    "images, but others. For theirs, put the published train.txt into the folder, "
    "or name --labelled_list and --unlabelled_list."
)


class Cityscapes(DataFolder):
    """Opens Cityscapes in its own folders, or packed with lists of the images.

    The folder holds leftImg8bit and gtFine, or images and segmentation.

    A part is read from train.txt or val.txt, if there is one, in the order of its
    lines, and else from leftImg8bit and gtFine, sorted by city, sequence and frame.
    There is no unlabelled part. A mask that holds class ids, *_labelTrainIds.png,
    goes before one of raw ids, *_labelIds.png. Lists may be written for either
    layout: what they name and is not there is looked for in leftImg8bit and gtFine.

    If the names of masks do not say what they hold, they and those of the folder's
    lists are searched for raw ids when the first reader of any is made.

    Args:
        data_dir: The folder.

    Raises:
        UserError: The folder does not exist or has neither layout.
    """

    def __init__(self, data_dir):
        self.data_dir = str(data_dir)
        self._files = _Files(real_folder(data_dir))
        _check_layout(self._files, data_dir)
        self._labels = _Labels(self._files)
        is_sorted = self._files.holds(_IMAGES) and not self._files.holds("train.txt")
        self.rule_notes = (_NOTE,) if is_sorted else ()

    def read_part(self, part, mask_every):
        if part == "unlabelled":
            return ()
        list_name = f"{part}.txt"
        if self._files.holds(list_name) or not self._files.holds(_IMAGES):
            path = os.path.join(self._files.root, list_name)
            return self.read_listed(path, mask_every)
        return _read_folders(self._files, part, mask_every)

    def read_listed(self, list_file, mask_every):
        complete = functools.partial(_complete, self._files)
        return read_list(list_file, self._files.root, mask_every, complete)

    def make_reader(self, examples, image_size):
        return FileReader(examples, self._labels.of(examples), image_size)


class _Files:
    """What lies in a folder. Each folder in it is listed once, then remembered."""

    def __init__(self, root):
        self.root = root
        self.names = functools.cache(self._names)
        self._data_root = DataRoot(root)

    def holds(self, path):
        """Whether there is something at a path relative to the root."""
        folder, name = os.path.split(path)
        return name in self.names(folder)

    def first(self, paths):
        """The first of the paths where there is something, or None."""
        return next((path for path in paths if self.holds(path)), None)

    def resolve(self, path):
        """The path with all links followed, which must not leave the root."""
        return self._data_root.resolve(path)

    def _names(self, folder):
        try:
            names = os.listdir(os.path.join(self.root, folder))
        except (OSError, ValueError):  # ValueError: a zero byte in the name.
            return frozenset()
        return frozenset(name for name in names if not name.startswith("."))


class _Labels:
    """What the masks mean; if their names do not say it, it is found out once."""

    def __init__(self, files):
        self._files = files
        self._known = None

    def of(self, examples):
        labels = dataset_info.CITYSCAPES.labels
        unclear = _unclear(example.mask_path for example in examples)
        if self._known is None and unclear:
            self._known = labels
            # The few of one part may all hold low ids, and no other part may then be
            # read in another way.
            unclear |= _unclear(_listed_masks(self._files))
            if _hold_raw_ids(sorted(unclear)):
                ids = dataset_info.CITYSCAPES_RAW_IDS
                self._known = dataclasses.replace(labels, ids=ids)
        return self._known or labels


def _unclear(masks):
    """Those whose names do not say what they hold."""
    number_of = dataset_info.CITYSCAPES.labels.number_of
    return {mask for mask in masks if mask is not None and number_of(mask) == 0}


def _listed_masks(files):
    """The masks that train.txt and val.txt name, as far as they can be read."""
    masks = []

    def complete(names):
        paths = _complete(files, names)
        masks.extend(mask for mask in paths[1:] if files.holds(mask))
        return paths

    for part in ("train", "val"):
        # What is wrong with a list is said when it is read for training.
        with contextlib.suppress(UserError):
            read_list(os.path.join(files.root, f"{part}.txt"), files.root, 0, complete)
    for mask in masks:
        with contextlib.suppress(UserError):
            yield files.resolve(mask)


def _hold_raw_ids(masks):
    """Whether any of up to 50 masks, evenly spread, holds what no class id is."""
    step = -(-len(masks) // _MOST_SEARCHED)
    any_byte = label_map.index(label_map.MAX_CLASSES)
    for mask in masks[::step]:
        try:
            values = pillow_reading.read_mask(mask, any_byte)
        except UserError:
            # What is wrong with it is said when it is read for training.
            continue
        if ((values >= _RAW_IDS_ONLY[0]) & (values <= _RAW_IDS_ONLY[-1])).any():
            return True
    return False


def _check_layout(files, data_dir):
    is_packed_anew = files.holds("images") and files.holds("segmentation")
    if not (is_packed_anew or files.holds(_IMAGES)):
        raise UserError(
            f"--data_dir: found neither {_IMAGES} nor images and segmentation in "
            f"'{data_dir}'; expected Cityscapes as {_IMAGES}/train/CITY and "
            "gtFine/train/CITY, or its images in images and its masks in "
            "segmentation with train.txt and val.txt. Name the folder that holds them."
        )


def _read_folders(files, split, mask_every):
    examples = []
    for number, (city, frame) in enumerate(_frames(files, split)):
        image = files.resolve(_image_paths(split, city, frame)[0])
        mask = None
        if mask_every and number % mask_every == 0:
            mask = files.resolve(_known_mask(files, image, split, city, frame))
        examples.append(Example(image, mask))
    return tuple(examples)


def _frames(files, split):
    """The cities and names of all images of a split, sorted by both."""
    folder = f"{_IMAGES}/{split}"
    frames = [
        (city, name.removesuffix(_IMAGE_END))
        for city in sorted(files.names(folder))
        for name in sorted(files.names(f"{folder}/{city}"))
        if name.endswith(_IMAGE_END)
    ]
    if not frames:
        raise UserError(
            f"{files.root}/{folder} holds no images; expected "
            f"{folder}/CITY/NAME{_IMAGE_END}. Unpack Cityscapes into the data folder."
        )
    return frames


def _known_mask(files, image, split, city, frame):
    places = _mask_paths(split, city, frame)
    mask = files.first(places)
    if mask is None:
        raise UserError(
            f"{image} has no mask: expected {' or '.join(places)}; unpack gtFine "
            "into the data folder, or use fewer labels."
        )
    return mask


def _image_paths(split, city, frame):
    return [f"{_IMAGES}/{split}/{city}/{frame}{_IMAGE_END}"]


def _mask_paths(split, city, frame):
    """Where a mask may lie, class ids before raw ids."""
    start = f"gtFine/{split}/{city}/{frame}_gtFine"
    return [start + _TRAIN_IDS_END, start + _RAW_IDS_END]


def _complete(files, names):
    """Finds what a line of a list names, for `read_list`."""
    image, *masks = names
    paths = [_find(files, image, _places(image, _image_paths))]
    if masks:
        return [*paths, _find(files, masks[0], _places_of_mask(masks[0]))]
    mask = files.first(_places(image, _mask_paths))
    return paths if mask is None else [*paths, mask]


def _find(files, name, places):
    """A listed name if it is there as it stands, else the first place that is."""
    path = name.lstrip("/")
    return path if files.holds(path) else files.first(places) or name


def _places_of_mask(name):
    places = _places(name, _mask_paths)
    if not name.endswith(_TRAIN_IDS_END):
        return places
    return [name.lstrip("/").removesuffix(_TRAIN_IDS_END) + _RAW_IDS_END, *places]


def _places(name, paths):
    """Where Cityscapes' own folders keep an image or mask that a list names."""
    *folders, file_name = name.split("/")
    frame = _FRAME.match(file_name)
    if frame is None:
        return []
    # The split that the list names comes first; a city is in one split only.
    splits = sorted(_SPLITS, key=lambda split: split not in folders)
    return [path for split in splits for path in paths(split, frame["city"], frame[0])]
