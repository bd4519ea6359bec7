"""Pascal VOC 2012, with the masks of its augmented training set where they are."""

import contextlib
import functools
import os

from selene_tf.data.datasets import dataset_info
from selene_tf.data.datasets.dataset import DataFolder
from selene_tf.data.datasets.examples import Example, read_list, real_folder
from selene_tf.data.datasets.safe_paths import DataRoot
from selene_tf.errors import UserError

_PLACES = ("", "VOC2012", "VOCdevkit/VOC2012")
_IMAGES = "JPEGImages"
_ORIGINAL, _AUGMENTED = "SegmentationClass", "SegmentationClassAug"
_TRAINING_LIST = "ImageSets/Segmentation/train.txt"
_VALIDATION_LIST = "ImageSets/Segmentation/val.txt"
_AUGMENTED_LISTS = tuple(
    f"ImageSets/{folder}/{name}"
    for folder in ("Segmentation", "SegmentationAug")
    for name in ("train_aug.txt", "trainaug.txt")
)
_NUM_PUBLISHED = 10582
_NOT_AUGMENTED = (
    f"Pascal VOC has no {_AUGMENTED} and no list train_aug.txt here, so only the "
    f"images of {_TRAINING_LIST} train, 1464 of the published {_NUM_PUBLISHED}. For "
    f"all, put the masks into {_AUGMENTED}: `python -m selene_tf.convert_sbd` makes "
    "them."
)


class PascalVoc(DataFolder):
    """Opens Pascal VOC 2012: JPEGImages, there or in VOC2012 or VOCdevkit/VOC2012.

    The training part is sorted by name. It is what train_aug.txt (or trainaug.txt)
    lists in ImageSets/Segmentation or ImageSets/SegmentationAug; else all masks in
    SegmentationClassAug but those for validation; else the original training set.
    There is no unlabelled part. Masks for training come from SegmentationClassAug
    before SegmentationClass, those for validation the other way round. Lists may hold
    names without folder and ending, or paths of images and masks.

    Args:
        data_dir: The folder, or one above it. The attribute `data_dir` is the one
            that holds JPEGImages.

    Raises:
        UserError: The folder does not exist, or JPEGImages is not found.
    """

    def __init__(self, data_dir):
        real_folder(data_dir)
        self.data_dir = find_root(data_dir, "--data_dir")
        self._root = real_folder(self.data_dir)
        # Masks are found by listing their folders once.
        self._masks = {
            name: _names(self._root, name) for name in (_ORIGINAL, _AUGMENTED)
        }
        self._augmented_list = next(filter(self._is_file, _AUGMENTED_LISTS), None)
        self._data_root = DataRoot(self._root)
        self.notes = self._training_notes()

    def read_part(self, part, mask_every):
        if part == "unlabelled":
            return ()
        if part == "val":
            return self._examples(self._listed_images(_VALIDATION_LIST), mask_every)
        images = sorted(self._training_images().items())
        return self._examples(dict(images), mask_every)

    def read_listed(self, list_file, mask_every):
        return read_list(list_file, self._root, mask_every, self._complete)

    def make_reader(self, examples, image_size):
        # Here, since `convert_sbd` uses this file and does without TensorFlow.
        from selene_tf.data.files.image_reader import FileReader

        return FileReader(examples, dataset_info.PASCAL_VOC.labels, image_size)

    def _training_notes(self):
        """What the user should know of the training set, a line each."""
        if self._augmented_list:
            return ()
        if not self._masks[_AUGMENTED]:
            return (_NOT_AUGMENTED,)
        # What is wrong with a list is said when it is read for training.
        with contextlib.suppress(UserError):
            names = self._augmented_names()
            missing = 0
            if self._is_file(_TRAINING_LIST):
                missing = len(self._listed_images(_TRAINING_LIST).keys() - names)
            if missing or len(names) != _NUM_PUBLISHED:
                return (_incomplete(len(names), missing),)
        return ()

    def _training_images(self):
        """{name: path} of the training set."""
        if self._augmented_list:
            return self._listed_images(self._augmented_list)
        if not self._masks[_AUGMENTED]:
            return self._listed_images(_TRAINING_LIST)
        names = self._augmented_names()
        if not names:
            raise UserError(
                f"{self._root}/{_AUGMENTED} holds masks of {_VALIDATION_LIST} only; "
                "expected those of training images too. Add them."
            )
        return {name: self._data_root.resolve(_image(name)) for name in names}

    def _augmented_names(self):
        """The masks in SegmentationClassAug but those for validation."""
        names = {_stem(mask) for mask in self._masks[_AUGMENTED]}
        return names - self._listed_images(_VALIDATION_LIST).keys()

    def _listed_images(self, list_file):
        """{name: path} of the images of a list."""
        path = os.path.join(self._root, list_file)
        examples = read_list(path, self._root, 0, self._image_only)
        return {_stem(example.image): example.image for example in examples}

    def _examples(self, images, mask_every):
        examples = []
        for number, (name, image) in enumerate(images.items()):
            mask = None
            if mask_every and number % mask_every == 0:
                mask = self._data_root.resolve(self._known_mask(name))
            examples.append(Example(image, mask))
        return tuple(examples)

    def _known_mask(self, name):
        mask = self._mask(name)
        if mask is None:
            raise UserError(
                f"{self._root}/{_image(name)} has no mask: expected "
                f"{_AUGMENTED}/{name}.png or {_ORIGINAL}/{name}.png; add it, or use "
                "fewer labels."
            )
        return mask

    def _mask(self, name):
        """The path of an image's mask, or None."""
        folders = [_AUGMENTED, _ORIGINAL]
        if name in self._validation_names:
            folders.reverse()
        file_name = f"{name}.png"
        for folder in folders:
            if file_name in self._masks[folder]:
                return f"{folder}/{file_name}"
        return None

    @functools.cached_property
    def _validation_names(self):
        if not self._is_file(_VALIDATION_LIST):
            return frozenset()
        return self._listed_images(_VALIDATION_LIST).keys()

    def _complete(self, names):
        """Finds what a line of a list names, for `read_list`."""
        image, *masks = names
        if masks:
            return [_image(image), self._present(masks[0])]
        name = _stem(image)
        # If there is none, reading this one says so.
        return [_image(image), self._mask(name) or f"{_AUGMENTED}/{name}.png"]

    def _image_only(self, names):
        return [_image(names[0])]

    def _present(self, mask):
        """A listed mask, or the one of the same name in the other of the folders."""
        folder, file_name = os.path.split(mask.lstrip("/"))
        if folder not in self._masks or file_name in self._masks[folder]:
            return mask
        return self._mask(_stem(file_name)) or mask

    def _is_file(self, path):
        return os.path.isfile(os.path.join(self._root, path))


def find_root(folder, flag):
    """The folder that holds JPEGImages: the one given, or VOC2012 below it.

    Args:
        folder: The folder of the data set, or one above it.
        flag: The flag that named it, for the message.

    Raises:
        UserError: There is no such folder.
    """
    for place in _PLACES if folder else ():
        path = os.path.join(folder, place) if place else str(folder)
        if os.path.isdir(os.path.join(path, _IMAGES)):
            return path
    raise UserError(
        f"{flag}: found no {_IMAGES} in '{folder}'; expected Pascal VOC as "
        f"{_IMAGES}, {_ORIGINAL} and ImageSets/Segmentation, there or in VOC2012 or "
        "VOCdevkit/VOC2012. Name the folder that holds them."
    )


def _incomplete(count, missing):
    lacking = f", and {missing} of {_TRAINING_LIST} are not among them"
    return (
        f"The training set are the images that have a mask in {_AUGMENTED} and are "
        f"not for validation: {count}, where the published set has {_NUM_PUBLISHED}"
        f"{lacking if missing else ''}. If you want that set, remove {_AUGMENTED} and "
        "make it anew with `python -m selene_tf.convert_sbd`."
    )


def _names(root, folder):
    """The masks in a folder, none if it is missing."""
    try:
        names = os.listdir(os.path.join(root, folder))
    except OSError:
        return frozenset()
    return frozenset(
        name for name in names if name.endswith(".png") and not name.startswith(".")
    )


def _stem(path):
    return os.path.splitext(os.path.basename(path))[0]


def _image(name):
    """The path of an image that a list names, with or without folder and ending."""
    is_path = "/" in name or os.path.splitext(name)[1]
    return name if is_path else f"{_IMAGES}/{name}.jpg"
