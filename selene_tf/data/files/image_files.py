"""Opens image files with Pillow, and says in one line what is wrong with them."""

import contextlib
import io
import struct
import warnings
from pathlib import Path

from PIL import Image, ImageOps

from selene_tf.errors import UserError

IMAGES, MASKS = ("PNG", "JPEG"), ("PNG",)
HEADER_BYTES = 33  # A PNG's signature and its first chunk, with its check sum.
# What Pillow raises on damaged files, beside its own kinds of OSError.
_DAMAGE = (OSError, SyntaxError, ValueError, struct.error, EOFError, IndexError)
_ORIENTATION_TAG = 274

# Pillow warns of what is half as large as what it refuses.
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)


class FileUnreachable(UserError):
    """A file that the system does not let us read: it may be there the next time."""


class TooManyPixels(UserError):
    """An image that would fill the memory."""


@contextlib.contextmanager
def pixel_limit(megapixels):
    """Images of more million pixels are refused meanwhile.

    Args:
        megapixels: float; without this it is Pillow's own limit, about 179.
    """
    before = Image.MAX_IMAGE_PIXELS
    # Pillow refuses what has more than twice this.
    Image.MAX_IMAGE_PIXELS = int(megapixels * 1e6 / 2)
    try:
        yield
    finally:
        Image.MAX_IMAGE_PIXELS = before


def read(path, formats, exif="refuse"):
    """Reads and decodes a whole file.

    Args:
        path: The file.
        formats: Names of the formats that it may have.
        exif: What is done about an image that is stored turned, by its EXIF entry:
            "refuse", or "apply" to turn it upright, as viewers do.

    Returns:
        The decoded Pillow image, and the bytes of the file.

    Raises:
        UserError: It is missing, empty, damaged, of another format, of size zero,
            or turned if that is refused.
    """
    with _opened(path) as file:
        content = file.read()
    with _readable(path, content, formats):
        with Image.open(io.BytesIO(content), formats=formats) as image:
            # Pillow compares the check sums of a PNG here and nowhere else.
            image.verify()
        image = Image.open(io.BytesIO(content), formats=formats)
        image.load()
        orientation = _orientation_of(image)
    _check_shape(path, image, orientation, exif)
    if orientation != 1:
        kind = image.format
        image = ImageOps.exif_transpose(image)
        image.format = kind
    return image, content


def read_header(path, formats, exif="refuse"):
    """Reads what a file says at its beginning, and decodes nothing.

    Args:
        path: The file.
        formats: Names of the formats that it may have.
        exif: As of `read`.

    Returns:
        The Pillow image, of which only mode and format may be used, the first 33
        bytes, and (height, width) of the upright image.

    Raises:
        UserError: As `read`, as far as the beginning shows it.
    """
    with _opened(path) as file:
        header = file.read(HEADER_BYTES)
        file.seek(0)
        with (
            _readable(path, header, formats),
            Image.open(file, formats=formats) as image,
        ):
            orientation = _orientation_of(image)
    _check_shape(path, image, orientation, exif)
    width, height = image.size
    return image, header, (width, height) if orientation > 4 else (height, width)


def read_orientation(path):
    """How an image is stored, by its EXIF entry: 1 for upright, 2 to 8 for turned.

    Of a file that cannot be read it is 1.
    """
    try:
        with Image.open(path) as image:
            return _orientation_of(image)
    except (*_DAMAGE, Image.DecompressionBombError):
        return 1


def _orientation_of(image):
    # Asked for its EXIF entries, a PNG without any would be decoded.
    has_entries = image.format != "PNG" or "exif" in image.info
    orientation = image.getexif().get(_ORIENTATION_TAG, 1) if has_entries else 1
    # 0 is "undefined"; other numbers mean nothing.
    return orientation if orientation in range(2, 9) else 1


def png_header(content):
    """The bits a channel and the colour type of a PNG, from its first 33 bytes."""
    return content[24], content[25]


def check_image_kind(path, image, content):
    """Refuses images whose numbers are no 8-bit colours or greys.

    Args:
        path: The file, for the message.
        image: As Pillow opened it.
        content: Its first 33 bytes or more.

    Raises:
        UserError: It has 16 bits, or is CMYK or another rare kind.
    """
    if image.format == "PNG" and png_header(content)[0] == 16:
        raise UserError(f"{path} is a 16-bit image; save it with 8 bits a channel.")
    if image.mode not in ("1", "L", "LA", "P", "PA", "RGB", "RGBA"):
        raise UserError(
            f"{path} is an image of mode {image.mode}; expected RGB, grey or palette. "
            "Save it as RGB with 8 bits a channel."
        )


@contextlib.contextmanager
def _opened(path):
    try:
        with Path(path).open("rb") as file:
            yield file
    except OSError as error:
        raise FileUnreachable(
            f"Cannot read {path} ({error.strerror}); check the path."
        ) from None


@contextlib.contextmanager
def _readable(path, content, formats):
    """Turns what Pillow says of a file into one line that names it."""
    try:
        yield
    except Image.UnidentifiedImageError:
        raise UserError(_wrong_format(path, content, formats)) from None
    except Image.DecompressionBombError:
        raise TooManyPixels(
            f"{path} has more than {2 * Image.MAX_IMAGE_PIXELS / 1e6:.0f} million "
            "pixels; cut it into several images."
        ) from None
    except _DAMAGE as error:
        reason = " ".join(str(error).split()) or type(error).__name__
        raise UserError(
            f"{path} is damaged ({reason}); copy or download it again."
        ) from None


def _check_shape(path, image, orientation, exif):
    if 0 in image.size:
        raise UserError(f"{path} has a size of zero; remove it or make it again.")
    if orientation != 1 and exif != "apply":
        raise UserError(
            f"{path} is stored turned (EXIF orientation {orientation}); save it "
            "upright and without that entry, or turn it with --exif=apply."
        )


def _wrong_format(path, content, formats):
    if not content:
        return f"{path} is an empty file; copy or download it again."
    return (
        f"{path} is no readable {' or '.join(formats)} file (it starts with "
        f"{content[:16]!r}); convert it, or copy or download it again."
    )
