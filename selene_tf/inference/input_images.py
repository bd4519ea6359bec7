"""What --input names: a picture, a folder of them, a list; and how they are read.

Pictures are read as a training reads them: grey and palette become RGB, an alpha
channel is dropped where it hides nothing; what is damaged, transparent, of 16 bits,
CMYK, or stored turned (by its EXIF entry) is refused, since the network would see
something else than the user. Beside PNG and JPEG, which a training takes, some more
formats can be read.
"""

import contextlib
import dataclasses
import os
import pathlib

import numpy as np
from PIL import Image

from selene_tf.data.datasets import examples
from selene_tf.data.files import image_files
from selene_tf.errors import UserError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"),
    *(".ppm", ".pgm", ".pbm"),
)
VIDEO_SUFFIXES = (".mp4", ".avi", ".mov", ".mkv", ".webm")


@dataclasses.dataclass(frozen=True)
class InputPicture:
    """A picture file.

    Attributes:
        name: What its results are called: its path below the input, without suffix.
        path: The file.
    """

    name: str
    path: pathlib.Path


@dataclasses.dataclass(frozen=True)
class Inputs:
    """What an --input holds.

    Attributes:
        pictures: The `InputPicture`s, one or more, each with a name of its own.
        others: Number of files in the folder that are no pictures by their suffix.
    """

    pictures: tuple[InputPicture, ...]
    others: int = 0


def is_video(path):
    """Whether a file is a video, by its suffix."""
    return pathlib.Path(path).suffix.lower() in VIDEO_SUFFIXES and not os.path.isdir(
        path
    )


def find(path):
    """The pictures that an --input names; none is opened.

    Args:
        path: A picture; a folder, of which all pictures are taken, in it and below,
            in the order of their paths; or a list, NAME.txt, of one picture a line,
            relative to the list's folder or absolute, to which the rules of the data
            sets' lists apply (see `examples.read_list`; masks are passed over).

    Returns:
        An `Inputs`.

    Raises:
        UserError: There is nothing of that name, no picture in it, or two pictures
            would have results of the same name.
    """
    if not path:
        raise UserError(
            "--input: found nothing, expected a picture, a folder of pictures, a list "
            "NAME.txt, or a video."
        )
    if "\0" in path or not os.path.exists(path):
        raise UserError(f"--input: found no file or folder {path!r}; check the path.")
    if os.path.isdir(path):
        return _in_folder(path)
    if path.lower().endswith(".txt"):
        return _in_list(path)
    return Inputs((InputPicture(pathlib.Path(path).stem, pathlib.Path(path)),))


def look(picture):
    """Height and width of a picture, by the beginning of its file.

    Raises:
        UserError: As `read`, as far as the beginning shows it.
    """
    path = picture.path
    with _large_files_named(path):
        image, header = image_files.look(path, FORMATS)
    image_files.check_image_kind(path, image, header)
    return image.size[::-1]


def read(picture):
    """The pixels of a picture, uint8 (height, width, 3), RGB.

    Args:
        picture: An `InputPicture`.

    Raises:
        UserError: The file is missing, damaged, too large or of another format; or it
            is transparent, of 16 bits, CMYK, stored turned, or moves.
    """
    path = picture.path
    with _large_files_named(path):
        image, content = image_files.read(path, FORMATS)
    image_files.check_image_kind(path, image, content)
    # In a camera's JPEG the others are previews, or what a second lens saw.
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        raise UserError(
            f"{path} holds {image.n_frames} pictures; expected a still picture. Save "
            "them one a file, or as a video."
        )
    if image.has_transparency_data:
        image = image.convert("RGBA")
        hidden = np.count_nonzero(np.asarray(image)[..., 3] < 255)
        if hidden:
            raise UserError(
                f"{path} has {hidden} transparent pixels; expected an opaque picture. "
                "Save it without an alpha channel."
            )
    return np.asarray(image.convert("RGB"))


@contextlib.contextmanager
def _large_files_named(path):
    """Pillow refuses what would fill the memory; that is not damage."""
    try:
        yield
    except UserError as error:
        if not isinstance(error.__context__, Image.DecompressionBombError):
            raise
        raise UserError(
            f"{path} has more than {2 * Image.MAX_IMAGE_PIXELS / 1e6:.0f} million "
            "pixels; cut it into several pictures."
        ) from None


def _in_folder(folder):
    folder = pathlib.Path(folder)
    found = sorted(_files(folder))
    paths = [path for path in found if path.suffix.lower() in SUFFIXES]
    if not paths:
        raise UserError(
            f"--input: found no picture in '{folder}' or below it, and {len(found)} "
            f"other files; expected {', '.join(SUFFIXES)}."
        )
    return Inputs(_named(paths, folder), len(found) - len(paths))


def _files(folder):
    """All files in a folder and below, but hidden ones; each folder once."""
    known = set()
    for place, folders, names in os.walk(folder, onerror=_refuse, followlinks=True):
        real = os.path.realpath(place)
        if real in known:  # A link that leads back.
            folders.clear()
            continue
        known.add(real)
        folders[:] = sorted(name for name in folders if not name.startswith("."))
        yield from (pathlib.Path(place, n) for n in names if not n.startswith("."))


def _refuse(error):
    raise UserError(
        f"--input: cannot read '{error.filename}' ({error.strerror}); expected a "
        "folder that may be read."
    )


def _in_list(path):
    folder = os.path.abspath(os.path.dirname(path))
    listed = []

    def complete(names):
        listed.append(pathlib.Path(os.path.normpath(os.path.join(folder, names[0]))))
        return [str(listed[-1])]

    examples.read_list(path, os.sep, 0, complete)
    if not all(picture.is_relative_to(folder) for picture in listed):
        folder = os.path.commonpath([picture.parent for picture in listed])
    return Inputs(_named(listed, folder))


def _named(paths, folder):
    """Names pictures by their place below a folder."""
    first = {}
    for path in paths:
        name = path.relative_to(folder).with_suffix("").as_posix()
        other = first.setdefault(name, path)
        if other != path:
            raise UserError(
                f"--input: '{other}' and '{path}' would both have the results "
                f"'{name}.png'; rename or remove one."
            )
    return tuple(InputPicture(name, path) for name, path in first.items())
