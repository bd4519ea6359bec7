"""A mosaic of many images under the colours of their masks, with a legend."""

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from selene_tf.reports.overlay import colour_map

CELL_WIDTH = 240
# Of images that are much higher than wide, so that no row gets out of hand.
_MAX_CELL_HEIGHT = 2 * CELL_WIDTH
_COLUMNS = 6
_GAP = 8
_LINE = 20
_SWATCH = 14
_FONT_SIZE = 12
_NO_CLASS = "no class"


def draw(samples, class_names, colours):
    """Draws a mosaic of images and masks, six a row, with a legend below.

    Pixels with a class are half the image and half the colour of the class.
    Pixels without one are the image, dimmed and hatched.

    Args:
        samples: Iterable of (name, image uint8 (height, width, 3), mask uint8
            (height, width) with 255 for "no class").
        class_names: Names in the order of the ids.
        colours: (red, green, blue) of each class.

    Returns:
        uint8 (height, width, 3).
    """
    cells = [
        (name, overlay(*_fitted(image, mask), colours)) for name, image, mask in samples
    ]
    # Two at least, for the legend's sake.
    columns = min(_COLUMNS, max(2, len(cells)))
    width = columns * (CELL_WIDTH + _GAP) + _GAP
    rows = [
        _row(cells[first : first + columns], width)
        for first in range(0, len(cells), columns)
    ]
    return np.concatenate([*rows, _legend(class_names, colours, width)])


def overlay(image, mask, colours):
    """Lays a mask's colours over an image of the same size.

    Args:
        image: uint8 (height, width, 3).
        mask: uint8 (height, width), 255 for "no class".
        colours: (red, green, blue) of each class.

    Returns:
        uint8 (height, width, 3).
    """
    painted = (image.astype(np.uint16) + colour_map(mask, colours)) // 2
    without_class = (mask >= len(colours))[..., None]
    return np.where(without_class, _hatched(image), painted).astype(np.uint8)


def _hatched(image):
    """The image somewhat darker, with light lines that rise to the right."""
    rows, columns = np.indices(image.shape[:2])
    is_line = ((rows + columns) % 8 < 2)[..., None]
    return image // 3 * 2 + is_line * np.uint8(85)


def _fitted(image, mask):
    """Both as large as a cell allows."""
    height, width = mask.shape
    scale = min(CELL_WIDTH / width, _MAX_CELL_HEIGHT / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    image = Image.fromarray(image).resize(size, Image.Resampling.BILINEAR)
    mask = Image.fromarray(mask).resize(size, Image.Resampling.NEAREST)
    return np.asarray(image), np.asarray(mask)


def _row(cells, width):
    """Images side by side, aligned at the top, each with its name below."""
    height = max(cell.shape[0] for _, cell in cells)
    canvas, pen = _canvas(width, _GAP + height + _LINE)
    for number, (name, cell) in enumerate(cells):
        left = _GAP + number * (CELL_WIDTH + _GAP)
        canvas.paste(Image.fromarray(cell), (left, _GAP))
        _write(pen, left, _GAP + cell.shape[0] + _LINE // 2, _shortened(pen, name))
    return np.asarray(canvas)


def _legend(class_names, colours, width):
    """A square of each class's colour beside its name, in columns."""
    grey = np.full((_SWATCH, _SWATCH, 3), 160, np.uint8)
    squares = [np.full_like(grey, colour) for colour in colours] + [_hatched(grey)]
    _, pen = _canvas(1, 1)
    names = [_shortened(pen, name) for name in (*class_names, _NO_CLASS)]
    longest = max(pen.textlength(name, _font()) for name in names)
    entry = _SWATCH + 3 * _GAP + int(longest)
    columns = max(1, (width - _GAP) // entry)
    canvas, pen = _canvas(width, 3 * _GAP + -(-len(names) // columns) * _LINE)
    for number, (name, square) in enumerate(zip(names, squares, strict=True)):
        row, column = divmod(number, columns)
        left, middle = _GAP + column * entry, 2 * _GAP + row * _LINE + _LINE // 2
        canvas.paste(Image.fromarray(square), (left, middle - _SWATCH // 2))
        _write(pen, left + _SWATCH + _GAP, middle, name)
    return np.asarray(canvas)


def _canvas(width, height):
    canvas = Image.new("RGB", (width, height), "white")
    return canvas, ImageDraw.Draw(canvas)


def _write(pen, left, middle, text):
    pen.text((left, middle), text, "black", _font(), anchor="lm")


def _shortened(pen, name):
    """A name that fits below an image; the ends of names differ the most."""
    name = " ".join(name.split())
    shown = name
    while pen.textlength(shown, _font()) > CELL_WIDTH:
        name = name[1:]
        shown = f"...{name}"
    return shown


def _font():
    return ImageFont.load_default(_FONT_SIZE)
