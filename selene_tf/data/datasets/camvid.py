"""CamVid: as SegNet lists it, in folders of each part, or as it was first published."""

import dataclasses
import functools
import os
import re

from selene_tf.data.datasets import camvid_colours, dataset_info
from selene_tf.data.datasets.dataset import DataFolder
from selene_tf.data.datasets.examples import Example, read_list, real_folder
from selene_tf.data.datasets.safe_paths import DataRoot
from selene_tf.data.files.image_reader import FileReader
from selene_tf.errors import UserError

# Folders of all images and of all masks.
_UNDIVIDED = (("701_StillsRaw_full", "LabeledApproved_full"), ("images", "labels"))
_MASK_ENDS = ("_L.png", "_P.png")
_FRAME = re.compile(r"(?P<sequence>.+)_f?(?P<frame>\d+)")
_CLASS_OF = {name: class_id for name, _, class_id in camvid_colours.THINGS}


class CamVid(DataFolder):
    """Opens CamVid in one of three layouts, tried in this order.

    - train.txt and val.txt, and unlabelled.txt if there is one.
    - train, train_labels, val and val_labels; masks are NAME_L.png.
    - All images in 701_StillsRaw_full and all masks in LabeledApproved_full, or in
      images and labels, as NAME_L.png or NAME_P.png. They are divided as in SegNet's
      lists; its test images are in no part.

    Names of a list may start with folders of another machine: the last folder and
    the file are enough. A file codes.txt names the things whose numbers the masks
    NAME_P.png hold.

    Args:
        data_dir: The folder.

    Raises:
        UserError: The folder does not exist or has none of the layouts, or codes.txt
            names a thing that CamVid does not have.
    """

    def __init__(self, data_dir):
        self.data_dir = str(data_dir)
        self._root = real_folder(data_dir)
        self._labels = _labels(self._root)
        self._read_layout = _part_reader(self._root, data_dir)

    def read_part(self, part, mask_every):
        return self._read_layout(part, mask_every)

    def read_listed(self, list_file, mask_every):
        return _read_listed(self._root, list_file, mask_every)

    def make_reader(self, examples, image_size):
        return FileReader(examples, self._labels, image_size)


def _labels(root):
    codes = os.path.join(root, "codes.txt")
    if not os.path.isfile(codes):
        return dataset_info.CAMVID.labels
    with open(codes, encoding="utf-8", errors="replace") as file:
        things = file.read().split()
    for thing in things:
        if thing not in _CLASS_OF:
            raise UserError(
                f"{codes} names '{thing}'; expected the 32 names of CamVid's "
                "label_colors.txt, such as Sky and Column_Pole. Mend the name."
            )
    ids = {number: _CLASS_OF[thing] for number, thing in enumerate(things)}
    return dataclasses.replace(dataset_info.CAMVID.labels, by_suffix=(("_P.png", ids),))


def _part_reader(root, data_dir):
    """The function that reads a part, for the layout that is found."""
    if os.path.isfile(os.path.join(root, "train.txt")):
        return functools.partial(_read_listed_part, root)
    if _has_folders(root, "train", "train_labels"):
        return functools.partial(_read_divided, root)
    for folders in _UNDIVIDED:
        if _has_folders(root, *folders):
            return functools.partial(_read_undivided, root, *folders)
    raise UserError(
        f"--data_dir: found no CamVid in '{data_dir}'; expected train.txt and val.txt, "
        "or the folders train, train_labels, val and val_labels, or "
        f"{' and '.join(_UNDIVIDED[0])}, or images and labels. Name the folder that "
        "holds them."
    )


def _has_folders(root, *names):
    return all(os.path.isdir(os.path.join(root, name)) for name in names)


def _read_listed_part(root, part, mask_every):
    path = os.path.join(root, f"{part}.txt")
    if part == "unlabelled" and not os.path.exists(path):
        return ()
    return _read_listed(root, path, mask_every)


def _read_listed(root, list_file, mask_every):
    complete = functools.partial(_complete, root)
    return read_list(list_file, root, mask_every, complete)


def _complete(root, names):
    """Finds what a line of a list names, for `read_list`."""
    # SegNet's own lists end some lines with a semicolon.
    return [_find(root, name.rstrip(";")) for name in names]


def _find(root, name):
    """A listed name, or its last two parts if only these are there."""
    short = "/".join(name.split("/")[-2:])
    is_short = not os.path.exists(os.path.join(root, name.lstrip("/")))
    return short if is_short and os.path.exists(os.path.join(root, short)) else name


def _read_divided(root, part, mask_every):
    if part == "unlabelled":
        return ()
    names = _images(root, part)
    return _examples(root, part, f"{part}_labels", names, mask_every)


def _read_undivided(root, images, masks, part, mask_every):
    if part == "unlabelled":
        return ()
    names = [name for name in _images(root, images) if _part_of(name) == part]
    return _examples(root, images, masks, names, mask_every)


def _part_of(name):
    """The part of an image in SegNet's lists: "train", "val" or "test"."""
    match = _FRAME.fullmatch(name)
    if match is None:
        return "train"
    sequence, frame = match["sequence"], int(match["frame"])
    if sequence == "Seq05VD" or (sequence == "0001TP" and frame >= 8550):
        return "test"
    if sequence == "0016E5" and 7959 <= frame <= 8159:
        return "val"
    return "train"


def _images(root, folder):
    """The names of the images in a folder, sorted, without their ending."""
    return [
        name.removesuffix(".png")
        for name in _names(root, folder)
        if name.endswith(".png") and not name.startswith(".")
    ]


def _names(root, folder):
    path = os.path.join(root, folder)
    try:
        return sorted(os.listdir(path))
    except OSError as error:
        raise UserError(
            f"Cannot read the folder {path} ({error.strerror}); expected the images "
            "or masks of CamVid. Check the folder."
        ) from None


def _examples(root, images, masks, names, mask_every):
    if not names:
        raise UserError(
            f"{root}/{images} holds no images of this part; expected NAME.png, such "
            "as 0006R0_f00930.png for training and 0016E5_07959.png for validation. "
            "Add them."
        )
    present = set(_names(root, masks)) if mask_every else set()
    data_root, examples = DataRoot(root), []
    for number, name in enumerate(names):
        mask = None
        if mask_every and number % mask_every == 0:
            mask = _mask(root, images, masks, name, present)
            mask = data_root.resolve(os.path.join(masks, mask))
        image = data_root.resolve(os.path.join(images, f"{name}.png"))
        examples.append(Example(image, mask))
    return tuple(examples)


def _mask(root, images, masks, name, present):
    """The file name of an image's mask."""
    for end in _MASK_ENDS:
        if name + end in present:
            return name + end
    expected = " or ".join(f"{masks}/{name}{end}" for end in _MASK_ENDS)
    raise UserError(
        f"{root}/{images}/{name}.png has no mask: expected {expected}; add it, or use "
        "fewer labels."
    )
