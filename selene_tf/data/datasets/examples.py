"""Which files make up a split: read from list files or from folders."""

import contextlib
import gc
import os
import unicodedata
from pathlib import Path

from selene_tf.data.datasets.example import Example
from selene_tf.data.datasets.safe_paths import DataRoot
from selene_tf.errors import UserError

SPLITS = ("train", "val", "unlabelled")
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg")
MASK_SUFFIXES = (".png",)


def read_list(list_file, data_dir, mask_every, complete=None, has_masks=True):
    """Reads the examples that a list file names, in the order of its lines.

    A line is 'image mask' or 'image', separated by a tab or by spaces; names
    that hold a space need the tab. Paths are relative to `data_dir`; a leading '/'
    is too, as in the lists of Cityscapes. Blank lines, a byte order mark and
    Windows line ends do no harm.

    Args:
        list_file: Path of the list.
        data_dir: Folder in which all files must lie, links followed.
        mask_every: Every n-th image, the first included, must have a mask
            beside it; 0 for none. Masks of the others are dropped unopened.
        complete: Function from the one or two names of a line to one or two paths
            relative to `data_dir`, for data sets whose lists hold less or other than
            paths; None to take the names as they are.
        has_masks: False for a list of unlabelled images: in a line with spaces that
            names an image they are part of its name, and a second name has to be a
            file.

    Returns:
        A non-empty tuple of `Example`.

    Raises:
        UserError: The list is missing, empty or not text; or a line has too few or
            too many names, leads out of `data_dir` or repeats an image.

    Example:
        >>> _ = Path("train.txt").write_text("a.png a_mask.png")
        >>> [example] = read_list("train.txt", data_dir=".", mask_every=1)
        >>> example.image.name, example.mask.name
        ('a.png', 'a_mask.png')
    """
    root = DataRoot(real_folder(data_dir))
    with _collector_paused():
        examples = _read_lines(list_file, root, mask_every, complete, has_masks)
    if not examples:
        raise UserError(
            f"{list_file} names no image; write one image a line"
            f"{', followed by a tab and its mask' if mask_every else ''}."
        )
    return tuple(examples)


@contextlib.contextmanager
def _collector_paused():
    """Python looks at all objects again and again while a million more are made."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def _read_lines(list_file, root, mask_every, complete, has_masks):
    examples, first_lines, number = [], {}, 0

    def place():
        return f"{list_file}:{number}"

    for number, line in enumerate(_lines(list_file), start=1):
        if not line or line.isspace():
            continue
        need_mask = mask_every > 0 and len(examples) % mask_every == 0
        names = None
        if complete is None and not has_masks and "\t" not in line:
            names = _unlabelled_names(line, root.root, place)
        names = names or _names(line, place)
        if complete is not None:
            names = complete(names)
        if need_mask:
            _check_has_mask(names, place)
        image = root.resolve(_listed_path(root.root, names[0], place), place)
        first = first_lines.setdefault(image, number)
        if first != number:
            raise UserError(
                f"{place()}: '{names[0]}' is the image of line {first} again; each "
                "image may stand in a list once. Remove one of the lines."
            )
        mask = None
        if need_mask:
            mask = root.resolve(_listed_path(root.root, names[1], place), place)
            if mask == image:
                raise UserError(
                    f"{place()}: '{names[0]}' is its own mask; write the mask after "
                    "the image."
                )
        examples.append(Example(image, mask))
    return examples


def read_folder(data_dir, split, mask_every):
    """Reads the examples of a split from folders, sorted by file name.

    Images are `<data_dir>/<split>/images/*.png|jpg|jpeg`; the mask of
    `images/x.jpg` is `masks/x.png`.

    Args:
        data_dir: Folder that holds the splits.
        split: "train", "val" or "unlabelled".
        mask_every: Every n-th image, the first included, must have a mask; 0 for
            none. Masks of the others are not looked at.

    Returns:
        A non-empty tuple of `Example`.

    Raises:
        UserError: A folder is missing or empty, an image has no mask, a mask has
            no image, two files share a stem, or a link leads out of `data_dir`.
    """
    if split not in SPLITS:
        raise UserError(f"'{split}' is no split; choose from {', '.join(SPLITS)}.")
    root = DataRoot(real_folder(data_dir))
    images = _files(Path(data_dir) / split / "images", IMAGE_SUFFIXES, split)
    masks = {}
    if mask_every:
        masks = _files(Path(data_dir) / split / "masks", MASK_SUFFIXES, split)
        labelled = list(images)[::mask_every]
        _check_pairs(images, masks, labelled, split)
        masks = {stem: root.resolve(os.path.abspath(masks[stem])) for stem in labelled}
    return tuple(
        Example(root.resolve(os.path.abspath(path)), masks.get(stem))
        for stem, path in images.items()
    )


def _lines(list_file):
    try:
        # utf-8-sig drops the byte order mark that Windows editors write.
        text = Path(list_file).read_text(encoding="utf-8-sig")
    except UnicodeDecodeError:
        raise UserError(
            f"{list_file} is not UTF-8 text; a list holds one 'image mask' a line."
        ) from None
    except OSError as error:
        raise UserError(
            f"Cannot read the list {list_file} ({error.strerror}); expected a text "
            "file with one 'image mask' a line. Check the path."
        ) from None
    # Not splitlines: it would also split names at rare Unicode separators.
    return text.split("\n")


def _names(line, place):
    if "\t" in line:
        names = [name for part in line.split("\t") if (name := part.strip())]
    else:
        names = line.split()
    if len(names) > 2:
        raise UserError(
            f"{place()}: found {len(names)} names, expected an image and a mask; "
            "separate the two by a tab if a name holds a space."
        )
    return names


def _unlabelled_names(line, root, place):
    """Names of a line with spaces in a list without masks; None for other lines.

    There a space belongs to the image's name, if there is such an image, and the
    second word is its mask only if that is there.
    """
    whole = line.strip()
    if " " not in whole or os.path.isfile(_listed_path(root, whole, place)):
        return [whole]
    names = whole.split()
    if len(names) > 2 or not os.path.isfile(_listed_path(root, names[-1], place)):
        raise UserError(
            f"{place()}: found no file '{whole}', and '{names[-1]}' is no mask that is "
            "there; expected the path of an image. Check the name; beside a mask that "
            "is not needed, separate the two by a tab."
        )
    return names


def _check_has_mask(names, place):
    if len(names) < 2:
        raise UserError(
            f"{place()}: '{names[0]}' has no mask beside it; write the mask after the "
            "image, or name the image in an unlabelled list."
        )


def _listed_path(root, name, place):
    if "\0" in name:
        raise UserError(f"{place()}: a file name holds a zero byte; save it as text.")
    if "\\" in name and not os.path.exists(os.path.join(root, name)):
        raise UserError(
            f"{place()}: found no file '{name}'; write '/' between folders in place of "
            "'\\', as Windows has it."
        )
    if not name.startswith("/"):
        return as_on_disk(f"{root}/{name}")
    path = as_on_disk(os.path.join(root, name.lstrip("/")))
    name = as_on_disk(name)
    # A leading '/' means the data folder, unless only the true absolute path exists.
    return name if not os.path.exists(path) and os.path.exists(name) else path


def as_on_disk(path):
    """A path whose letters and accents are apart, or not, as the file has them.

    macOS and its zips keep them apart, lists that were written elsewhere do not.
    """
    if path.isascii():
        return path
    forms = (path, *(unicodedata.normalize(form, path) for form in ("NFC", "NFD")))
    return next((form for form in forms if os.path.exists(form)), path)


def real_folder(data_dir):
    """The data folder with all links followed, as a string.

    Raises:
        UserError: There is no such folder.
    """
    if not os.path.isdir(data_dir):
        raise UserError(
            f"The data folder '{data_dir}' does not exist or is not a folder; "
            "check the path."
        )
    return os.path.realpath(data_dir)


def _files(folder, suffixes, split):
    """Returns {stem, composed: path}, sorted by file name."""
    layout = f"{split}/images/NAME.png or .jpg with {split}/masks/NAME.png"
    try:
        names = sorted(os.listdir(folder))
    except OSError as error:
        raise UserError(
            f"Cannot read the folder {folder} of split '{split}' ({error.strerror}); "
            f"expected {layout}."
        ) from None
    files = {}
    for path in (folder / name for name in names if not name.startswith(".")):
        if path.suffix.lower() not in suffixes:
            continue
        # A zip of macOS holds letters and their accents apart.
        stem = unicodedata.normalize("NFC", path.stem)
        other = files.setdefault(stem, path)
        if other != path:
            raise UserError(
                f"{other} and {path} share the stem '{path.stem}', so their mask is "
                "ambiguous; rename or remove one."
            )
    if not files:
        raise UserError(
            f"Split '{split}' is empty: {folder} holds no {', '.join(suffixes)} file; "
            f"expected {layout}."
        )
    return files


def _check_pairs(images, masks, labelled, split):
    bare = [images[stem] for stem in labelled if stem not in masks]
    if bare:
        raise UserError(
            f"{bare[0]} has no mask{_and_others(bare)}: expected {split}/masks/"
            f"{bare[0].stem}.png; add it or move the image to unlabelled/images."
        )
    lonely = [path for stem, path in masks.items() if stem not in images]
    if lonely:
        raise UserError(
            f"{lonely[0]} has no image{_and_others(lonely)}: expected {split}/images/"
            f"{lonely[0].stem}.png or .jpg; add it or remove the mask."
        )


def _and_others(paths):
    """How many more there are, with the names of some."""
    others = [path.name for path in paths[1:]]
    if not others:
        return ""
    names = ", ".join(others[:5]) + (", ..." if len(others) > 5 else "")
    return f", nor have {len(others)} others ({names})"
