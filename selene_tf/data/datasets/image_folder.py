"""A folder of the user's own images: list files, or folders of each part."""

import os
from pathlib import Path

from selene_tf.data.datasets.dataset import DataFolder
from selene_tf.data.datasets.examples import (
    IMAGE_SUFFIXES,
    MASK_SUFFIXES,
    read_folder,
    read_list,
)
from selene_tf.data.files.image_reader import FileReader
from selene_tf.errors import UserError

# What `read_folder` reads.
_READ = {
    "train/images": IMAGE_SUFFIXES,
    "train/masks": MASK_SUFFIXES,
    "val/images": IMAGE_SUFFIXES,
    "val/masks": MASK_SUFFIXES,
    "unlabelled/images": IMAGE_SUFFIXES,
}
# Made by the system, or notes of a person; no one takes them for images.
_NO_IMAGES = (".ini", ".db", ".txt", ".json", ".toml", ".csv", ".md")


class ImageFolder(DataFolder):
    """Opens a folder of the user's own images and masks.

    It holds train.txt and val.txt, or train/images and so on. Its unlabelled part are
    the images of unlabelled.txt, or of the folder unlabelled/images, if there is one.
    Its notes name what is passed over in such folders.

    Args:
        data_dir: The folder.
        labels: The `LabelFormat` of the masks.
        exif: What is done about images that are stored turned, see `FileReader`.

    Example:
        >>> from selene_tf.data.files import label_map
        >>> _ = Path("train.txt").write_text("a.png a_mask.png")
        >>> folder = ImageFolder(".", label_map.index(2))
        >>> [example.image.name for example in folder.read_part("train", 1)]
        ['a.png']
    """

    def __init__(self, data_dir, labels, exif="refuse"):
        self.data_dir = str(data_dir)
        self.notes = tuple(_notes(data_dir))
        self._labels, self._exif = labels, exif

    def read_part(self, part, mask_every):
        if find_layout(self.data_dir) == "lists":
            path = Path(self.data_dir) / f"{part}.txt"
            if part == "unlabelled" and not path.exists():
                return ()
            has_masks = part != "unlabelled"
            return read_list(path, self.data_dir, mask_every, has_masks=has_masks)
        if part == "unlabelled" and not os.path.isdir(Path(self.data_dir) / part):
            return ()
        return read_folder(self.data_dir, part, mask_every)

    def read_listed(self, list_file, mask_every):
        # A list that is asked for no mask at all is one of unlabelled images.
        return read_list(list_file, self.data_dir, mask_every, has_masks=mask_every > 0)

    def make_reader(self, examples, image_size):
        return FileReader(examples, self._labels, image_size, self._exif)


def find_layout(data_dir):
    """Returns "lists" if `data_dir` holds train.txt, else "folder".

    Raises:
        UserError: `data_dir` holds neither train.txt nor a folder train/images.
    """
    if _has_lists(data_dir):
        return "lists"
    if (Path(data_dir) / "train" / "images").is_dir():
        return "folder"
    raise UserError(
        f"--data_dir: found no data in '{data_dir}', expected train.txt and val.txt, "
        "or the folders train/images, train/masks, val/images and val/masks."
    )


def _has_lists(data_dir):
    return (Path(data_dir) / "train.txt").is_file()


def _notes(data_dir):
    """A line for each folder that holds something that is not read."""
    if _has_lists(data_dir):
        return
    for folder, suffixes in _READ.items():
        names = sorted(_names(Path(data_dir) / folder))
        unused = [name for name in names if _is_unused(name, suffixes)]
        if unused:
            yield (
                f"{folder}: not used are {len(unused)} of the files and folders in it, "
                f"such as {unused[0]!r}; read are {', '.join(suffixes)} that lie in "
                "the folder itself."
            )


def _names(folder):
    try:
        return os.listdir(folder)
    except OSError:
        return []  # A missing folder is reported when it is read.


def _is_unused(name, suffixes):
    suffix = Path(name).suffix.lower()
    return not name.startswith(".") and suffix not in (*suffixes, *_NO_IMAGES)
