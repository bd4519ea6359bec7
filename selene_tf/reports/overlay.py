"""Colour maps, overlays, and predictions beside the ground truth."""

import numpy as np
from PIL import Image

_GAP = 4
_EXAMPLE_WIDTH = 900


def colour_map(labels, colours):
    """Colours a label map; ids without a colour, the ignored ones, are black.

    Args:
        labels: Integers (height, width), 0 to 255.
        colours: (red, green, blue) in 0..255 of each class.

    Returns:
        uint8 (height, width, 3).

    Example:
        >>> colour_map([[1, 255]], [(0, 0, 200), (250, 100, 0)]).tolist()
        [[[250, 100, 0], [0, 0, 0]]]
    """
    table = np.zeros((256, 3), np.uint8)
    table[: len(colours)] = colours
    return table[np.asarray(labels, np.uint8)]


def overlay(image, labels, colours, opacity=0.5):
    """Blends an image with the colours of its label map.

    Args:
        image: uint8 (height, width, 3).
        labels: uint8 (height, width); where an id has no colour the image stays.
        colours: (red, green, blue) of each class.
        opacity: Share of the colours in [0, 1]; the rest is the image.

    Returns:
        uint8 (height, width, 3).

    Example:
        >>> image = np.full((1, 2, 3), 100, np.uint8)
        >>> labels = np.array([[0, 255]], np.uint8)
        >>> overlay(image, labels, colours=[(200, 0, 0)]).tolist()
        [[[150, 50, 50], [100, 100, 100]]]
    """
    painted = Image.fromarray(colour_map(labels, colours))
    # Pillow needs no floating point copy of a large image.
    blended = np.asarray(Image.blend(Image.fromarray(image), painted, opacity))
    without_colour = np.asarray(labels) >= len(colours)
    if not without_colour.any():
        return blended
    return np.where(without_colour[..., None], image, blended)


def side_by_side(image, truth, prediction, colours):
    """Places an image, its ground truth and its prediction side by side, on white.

    Args:
        image: uint8 (height, width, 3).
        truth: Integers (height, width).
        prediction: Likewise.
        colours: (red, green, blue) of each class.

    Returns:
        uint8 (height, 3 * width + 8, 3).
    """
    gap = np.full((image.shape[0], _GAP, 3), 255, np.uint8)
    parts = [image, colour_map(truth, colours), colour_map(prediction, colours)]
    return np.concatenate([parts[0], gap, parts[1], gap, parts[2]], axis=1)


def where_wrong(image, truth, prediction, num_classes):
    """Shows in red where a prediction is wrong, over a pale image.

    Args:
        image: uint8 (height, width, 3).
        truth: Integers (height, width); ids beyond the classes are not judged.
        prediction: Likewise.
        num_classes: Number of classes.

    Returns:
        uint8 (height, width, 3).
    """
    grey = image.mean(axis=-1, keepdims=True) * 0.4 + 130
    pale = np.repeat(grey, 3, axis=-1).astype(np.uint8)
    wrong = (truth != prediction) & (truth < num_classes)
    return np.where(wrong[..., None], np.array([200, 30, 30], np.uint8), pale)


def write_example(file, predict, image, label, colours):
    """Writes an image beside its ground truth, its prediction, and where it is wrong.

    Args:
        file: The PNG.
        predict: As `evaluate.predictor` returns it.
        image: uint8 (height, width, 3).
        label: Integers (height, width).
        colours: (red, green, blue) of each class.
    """
    prediction = predict(image[None].astype(np.float32))["labels"][0].numpy()
    parts = [
        image,
        colour_map(label, colours),
        colour_map(prediction, colours),
        where_wrong(image, label, prediction, len(colours)),
    ]
    height, width = label.shape
    canvas = np.full((2 * height + _GAP, 2 * width + _GAP, 3), 255, np.uint8)
    for place, part in enumerate(parts):
        top, left = place // 2 * (height + _GAP), place % 2 * (width + _GAP)
        canvas[top : top + height, left : left + width] = part
    drawn = Image.fromarray(canvas)
    # A page shows it no larger.
    drawn.thumbnail((_EXAMPLE_WIDTH, _EXAMPLE_WIDTH))
    drawn.save(file)


def write_predictions(folder, predict, examples, colours):
    """Writes images beside their ground truth and their prediction, a PNG each.

    Args:
        folder: Where the files go; made if missing.
        predict: As `evaluate.predictor` returns it.
        examples: (name, image uint8 (height, width, 3), label (height, width)).
        colours: (red, green, blue) of each class.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name, image, label in examples:
        prediction = predict(image[None].astype(np.float32))["labels"][0].numpy()
        panel = side_by_side(image, label, prediction, colours)
        Image.fromarray(panel).save(folder / f"{name}.png")
