"""Finding and reading the images that --input names: one, a folder, a list.

Images are read as a training reads them: grey and palette become RGB, an alpha
channel is dropped where it hides nothing; what is damaged, transparent, of 16 bits or
CMYK is refused, since the network would see something else than the user. Images that
their EXIF entry stores turned are turned upright, as viewers show them. Beside PNG and
JPEG, which a training takes, some more formats can be read.
"""

import contextlib
import dataclasses
import os
import pathlib

import numpy as np

from selene_tf.data.datasets import examples
from selene_tf.data.files import image_files
from selene_tf.errors import UserError

FORMATS = ("PNG", "JPEG", "BMP", "GIF", "TIFF", "WEBP", "PPM")
SUFFIXES = (
    *(".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp"),
    *(".ppm", ".pgm", ".pbm"),
)
VIDEO_SUFFIXES = (
    *(".mp4", ".m4v", ".mov", ".avi", ".mkv", ".webm", ".ts", ".mts", ".m2ts"),
    *(".mpg", ".mpeg", ".wmv", ".flv", ".3gp", ".ogv"),
)


@dataclasses.dataclass(frozen=True)
class InputImage:
    """An image file.

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
        images: The `InputImage`s, one or more, each with a name of its own.
        others: Number of files in the folder that are no images by their suffix.
    """

    images: tuple[InputImage, ...]
    others: int = 0


def is_video(path):
    """Whether a file is a video, by its suffix."""
    return pathlib.Path(path).suffix.lower() in VIDEO_SUFFIXES and not os.path.isdir(
        path
    )


def find(path):
    """The images that an --input names; none is opened.

    Args:
        path: An image; a folder, of which all images are taken, in it and below,
            in the order of their paths; or a list, NAME.txt, of one image a line,
            relative to the list's folder or absolute, to which the rules of the data
            sets' lists apply (see `examples.read_list`; masks are passed over).

    Returns:
        An `Inputs`.

    Raises:
        UserError: There is nothing of that name, no image in it, or two images
            would have results of the same name.
    """
    if not path:
        raise UserError(
            "--input: found nothing, expected an image, a folder of images, a list "
            "NAME.txt, or a video."
        )
    if "\0" in path or not os.path.exists(path):
        raise UserError(f"--input: found no file or folder {path!r}; check the path.")
    if os.path.isdir(path):
        return _in_folder(path)
    if path.lower().endswith(".txt"):
        return _in_list(path)
    image = InputImage(pathlib.Path(path).stem, pathlib.Path(path))
    if image.path.suffix.lower() not in ("", *SUFFIXES, *VIDEO_SUFFIXES):
        _check_is_image(image)
    return Inputs((image,))


def _check_is_image(image):
    """Refuses a file of another name, unless it holds an image all the same."""
    try:
        look(image)
    except UserError:
        raise UserError(
            f"--input: '{image.path}' is no image, and no video by its name; expected "
            f"an image ({', '.join(SUFFIXES)}), a video ({', '.join(VIDEO_SUFFIXES)}), "
            "a folder, or a list NAME.txt."
        ) from None


def look(source, exif="apply"):
    """Height and width of an image, by the beginning of its file.

    Args:
        source: An `InputImage`.
        exif: As of `read`.

    Raises:
        UserError: As `read`, as far as the beginning shows it.
    """
    path = source.path
    with _limit_named():
        image, header, size = image_files.read_header(path, FORMATS, exif)
    image_files.check_image_kind(path, image, header)
    return size


def read(source, exif="apply"):
    """The pixels of an image, uint8 (height, width, 3), RGB.

    Args:
        source: An `InputImage`.
        exif: What is done about one that is stored turned: "apply" to turn it upright,
            or "refuse".

    Raises:
        UserError: The file is missing, damaged, too large or of another format; or it
            is transparent, of 16 bits, CMYK, turned if that is refused, or moves.
    """
    path = source.path
    with _limit_named():
        image, content = image_files.read(path, FORMATS, exif)
    image_files.check_image_kind(path, image, content)
    # In a camera's JPEG the others are previews, or what a second lens saw.
    if getattr(image, "n_frames", 1) > 1 and image.format != "MPO":
        raise UserError(
            f"{path} holds {image.n_frames} images; expected a still image. Save "
            "them one a file, or as a video."
        )
    if image.has_transparency_data:
        image = image.convert("RGBA")
        hidden = np.count_nonzero(np.asarray(image)[..., 3] < 255)
        if hidden:
            raise UserError(
                f"{path} has {hidden} transparent pixels; expected an opaque image. "
                "Save it without an alpha channel."
            )
    return np.asarray(image.convert("RGB"))


@contextlib.contextmanager
def _limit_named():
    """Says which flag lets larger images in."""
    try:
        yield
    except image_files.TooManyPixels as error:
        text = str(error).removesuffix(".")
        raise image_files.TooManyPixels(f"{text}, or raise --max_megapixels.") from None


def _in_folder(folder):
    folder = pathlib.Path(folder)
    files = sorted(_files(folder))
    paths = [path for path in files if path.suffix.lower() in SUFFIXES]
    if not paths:
        raise UserError(
            f"--input: found no image in '{folder}' or below it, and {len(files)} "
            f"other files; expected {', '.join(SUFFIXES)}."
        )
    return Inputs(_named(paths, folder), len(files) - len(paths))


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
        place = os.path.normpath(os.path.join(folder, names[0]))
        listed.append(pathlib.Path(examples.as_on_disk(place)))
        return [str(listed[-1])]

    examples.read_list(path, os.sep, 0, complete)
    if not all(image.is_relative_to(folder) for image in listed):
        folder = os.path.commonpath([image.parent for image in listed])
    return Inputs(_named(listed, folder))


def _named(paths, folder):
    """Names images by their place below a folder."""
    first = {}
    for path in paths:
        name = path.relative_to(folder).with_suffix("").as_posix()
        other = first.setdefault(name, path)
        if other != path:
            raise UserError(
                f"--input: '{other}' and '{path}' would both have the results "
                f"'{name}.png'; rename or remove one."
            )
    return tuple(InputImage(name, path) for name, path in first.items())
