"""Sliding-window inference: label maps of large images, a window at a time.

Windows overlap, and where they do their probabilities are averaged. Only as many rows
as a window is high are held in memory: rows that no later window touches are finished.
"""

import numpy as np

# ImageNet's mean colour, which the network itself pads with, in whole numbers.
PADDING_COLOUR = (124, 116, 104)


def label_map(image, window, overlap, compute_logits):
    """Predicts the class ids of an image with overlapping windows.

    An image that is smaller than a window is padded at the bottom and the right with
    the mean colour; the labels are cut back.

    Args:
        image: uint8 (height, width, 3), RGB.
        window: Height and width in pixels of what the network sees at a time.
        overlap: Share in [0, 1) of a window that the next one sees again; the last
            one may see more.
        compute_logits: From uint8 (1, *window, 3) to float32 (1, *window, classes).

    Returns:
        uint8 (height, width).

    Example:
        >>> image = np.zeros((3, 5, 3), np.uint8)
        >>> image[:, 3:] = 255
        >>> def compute_logits(window):  # Dark or light.
        ...     return np.stack([255 - window[..., 0], window[..., 0]], -1) / 255
        >>> label_map(image, (3, 3), 0.25, compute_logits)[0].tolist()
        [0, 0, 0, 1, 1]
    """
    height, width = image.shape[:2]
    labels = np.empty((height, width), np.uint8)
    if height <= window[0] and width <= window[1]:
        # The softmax could make equal what differs by rounding.
        logits = compute_logits(_padded(image, window)[None])[0]
        labels[:] = logits[:height, :width].argmax(-1)
        return labels
    for first, probabilities in bands(image, window, overlap, compute_logits):
        labels[first : first + len(probabilities)] = probabilities.argmax(-1)
    return labels


def bands(image, window, overlap, compute_logits):
    """Averages probabilities over windows, from the top of an image to the bottom.

    Args:
        image: See `label_map`, as for the others.
        window: Height and width in pixels.
        overlap: Share in [0, 1).
        compute_logits: From a window to its logits.

    Yields:
        Number of the first row, and float32 (rows, width, classes): the mean over the
        windows that see a pixel of the softmax of its logits.
    """
    height, width = image.shape[:2]
    image = _padded(image, window)
    tops = starts(image.shape[0], window[0], overlap)
    lefts = starts(image.shape[1], window[1], overlap)
    in_row = _counts(image.shape[0], window[0], tops)
    in_column = _counts(image.shape[1], window[1], lefts)
    sums = None
    for top, next_top in zip(tops, [*tops[1:], image.shape[0]], strict=True):
        for left in lefts:
            tile = image[top : top + window[0], left : left + window[1]]
            probabilities = _softmax(compute_logits(tile[None])[0])
            if sums is None:
                shape = (window[0], image.shape[1], probabilities.shape[-1])
                sums = np.zeros(shape, np.float32)
            sums[:, left : left + window[1]] += probabilities
        done = next_top - top
        finished = min(done, height - top)
        counts = in_row[top : top + finished, None] * in_column[:width]
        yield top, sums[:finished, :width] / counts[..., None]
        # What later windows touch moves up.
        sums[:-done] = sums[done:]
        sums[-done:] = 0


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


def _padded(image, window):
    """The image, as large as a window at least."""
    height, width = image.shape[:2]
    size = max(height, window[0]), max(width, window[1])
    if size == (height, width):
        return image
    padded = np.empty((*size, 3), np.uint8)
    padded[:] = PADDING_COLOUR
    padded[:height, :width] = image
    return padded


def _softmax(logits):
    values = np.exp(logits - logits.max(-1, keepdims=True))
    values /= values.sum(-1, keepdims=True)
    return values
