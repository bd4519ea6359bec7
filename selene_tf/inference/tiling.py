"""Sliding-window inference: label maps of large images, a window at a time.

Windows overlap, and where they do their probabilities are averaged. They go along the
longer side of the image, and only as many rows as a window is long are held in memory:
rows that no later window touches are finished.
"""

import math

import numpy as np

# ImageNet's mean colour, which the network itself pads with, in whole numbers.
PADDING_COLOUR = (124, 116, 104)


def label_map(image, window, overlap, compute_logits, at_once=1, show=None):
    """Predicts the class ids of an image with overlapping windows.

    Windows that reach over the image's bottom or right are padded with the mean colour.

    Args:
        image: uint8 (height, width, 3), RGB.
        window: Height and width in pixels of what the network sees at a time.
        overlap: Share in [0, 1) of a window that the next one sees again; the last
            one may see more.
        compute_logits: From uint8 (windows, *window, 3) to float32 (windows, *window,
            classes).
        at_once: Windows in a batch.
        show: Function of (done, total), called after each batch of windows; or None.

    Returns:
        uint8 (height, width).

    Example:
        >>> image = np.zeros((3, 5, 3), np.uint8)
        >>> image[:, 3:] = 255
        >>> def compute_logits(windows):  # Dark or light.
        ...     return np.stack([255 - windows[..., 0], windows[..., 0]], -1) / 255
        >>> label_map(image, (3, 3), 0.25, compute_logits)[0].tolist()
        [0, 0, 0, 1, 1]
    """
    height, width = image.shape[:2]
    if height <= window[0] and width <= window[1]:
        # The softmax could make equal what differs by rounding.
        logits = compute_logits(_tile(image, 0, 0, window)[None])[0]
        return logits[:height, :width].argmax(-1).astype(np.uint8)
    if width <= height:
        return _labels_of_bands(image, window, overlap, compute_logits, at_once, show)

    # Along the longer side, so that sums are held for the shorter one.
    def compute_turned(windows):
        return compute_logits(windows.transpose(0, 2, 1, 3)).transpose(0, 2, 1, 3)

    turned, window = image.transpose(1, 0, 2), (window[1], window[0])
    labels = _labels_of_bands(turned, window, overlap, compute_turned, at_once, show)
    return np.ascontiguousarray(labels.T)


def _labels_of_bands(image, window, *arguments):
    labels = np.empty(image.shape[:2], np.uint8)
    for first, probabilities in bands(image, window, *arguments):
        labels[first : first + len(probabilities)] = probabilities.argmax(-1)
    return labels


def bands(image, window, overlap, compute_logits, at_once=1, show=None):
    """Averages probabilities over windows, from the top of an image to the bottom.

    Args:
        image: See `label_map`, as for the others.
        window: Height and width in pixels.
        overlap: Share in [0, 1).
        compute_logits: From windows to their logits.
        at_once: Windows in a batch.
        show: Function of (done, total), or None.

    Yields:
        Number of the first row, and float32 (rows, width, classes): the mean over the
        windows that see a pixel of the softmax of its logits.
    """
    height, width = image.shape[:2]
    rows, columns = max(height, window[0]), max(width, window[1])
    tops, lefts = (
        starts(length, side, overlap)
        for length, side in zip((rows, columns), window, strict=True)
    )
    in_row = _counts(rows, window[0], tops)
    in_column = _counts(columns, window[1], lefts)
    places = [(top, left) for top in tops for left in lefts]
    scores = _probabilities(image, window, places, compute_logits, at_once, show)
    sums = None
    for top, next_top in zip(tops, [*tops[1:], rows], strict=True):
        for left in lefts:
            probabilities = next(scores)
            if sums is None:
                shape = (window[0], columns, probabilities.shape[-1])
                sums = np.zeros(shape, np.float32)
            sums[:, left : left + window[1]] += probabilities
        done = next_top - top
        finished = min(done, height - top)
        counts = in_row[top : top + finished, None] * in_column[:width]
        yield top, sums[:finished, :width] / counts[..., None]
        # What later windows touch moves up.
        sums[:-done] = sums[done:]
        sums[-done:] = 0


def count(size, window, overlap):
    """How many windows an image of (height, width) has."""
    sides = zip(size, window, strict=True)
    return math.prod(len(starts(max(n, w), w, overlap)) for n, w in sides)


def _probabilities(image, window, places, compute_logits, at_once, show):
    """Yields the softmax of each window's logits, computed some windows at a time."""
    for first in range(0, len(places), at_once):
        batch = places[first : first + at_once]
        tiles = np.stack([_tile(image, top, left, window) for top, left in batch])
        logits = compute_logits(tiles)
        if show is not None:
            show(first + len(batch), len(places))
        yield from map(_softmax, logits)


def _tile(image, top, left, window):
    """A window, padded where it reaches over the image."""
    tile = image[top : top + window[0], left : left + window[1]]
    if tile.shape[:2] == tuple(window):
        return tile
    padded = np.empty((*window, 3), np.uint8)
    padded[:] = PADDING_COLOUR
    padded[: tile.shape[0], : tile.shape[1]] = tile
    return padded


def starts(length, window, overlap):
    """Places windows along a side; the last one ends at the border.

    Args:
        length: Pixels of the image, as many as a window's or more.
        window: Pixels of a window.
        overlap: Share in [0, 1) of a window that the next one sees again; the last
            one may see more.

    Returns:
        Pixels at which windows start, a rising list that starts with 0.

    Example:
        >>> starts(length=21, window=8, overlap=0.25)
        [0, 6, 12, 13]
    """
    step = max(1, round(window * (1 - overlap)))
    last = length - window
    return [*range(0, last, step), last]


def _counts(length, window, first):
    """How many windows see a row or column, float32 (length,)."""
    counts = np.zeros(length, np.float32)
    for start in first:
        counts[start : start + window] += 1
    return counts


def _softmax(logits):
    values = np.exp(logits - logits.max(-1, keepdims=True))
    values /= values.sum(-1, keepdims=True)
    return values
