"""What large images cost, said before they are predicted: memory, windows, time."""

import contextlib
import math
import pathlib
import sys
import time

import numpy as np

from selene_tf.cli import progress
from selene_tf.inference import tiling

# With --fit=auto, images that would need more than this at once go through in windows.
# Not a share of what this machine has: the labels shall not depend on it.
MOST_AT_ONCE = 4 * 2**30
WINDOW = (1024, 1024)
# About as many pixels as the windows of a batch have together.
_BATCH_PIXELS = 512 * 512
_MOST_WINDOWS = 64
# Of what is told in words.
_LARGE_PIXELS = 16_000_000
_MANY_WINDOWS = 256
_LONG_SECONDS = 30
_PROBE = (256, 256)
# Bytes a pixel, measured on a CPU with 8 to 64 channels, 6 to 50 classes and 1 to 36
# million pixels: what any network needs, and what grows with its channels at stride 4
# and with its classes. Of an unknown network the paper's channels are taken.
_BYTES_A_PIXEL = 140
_BYTES_A_CHANNEL = 0.3
_BYTES_A_CLASS = 5
_CHANNELS = 64


def bytes_at_once(model, size):
    """Estimates the memory for an image that goes through a network as a whole.

    Args:
        model: A `SegmentationModel`.
        size: Height and width in pixels.

    Returns:
        Bytes; on a CPU within a third of what was measured.
    """
    channels = (model.metadata.get("structure") or {}).get("channels", _CHANNELS)
    a_pixel = (
        _BYTES_A_PIXEL
        + _BYTES_A_CHANNEL * channels
        + _BYTES_A_CLASS * len(model.class_names)
    )
    return int(math.prod(size) * a_pixel)


def bytes_in_windows(model, size, window):
    """Estimates the memory for an image that goes through in windows, in bytes."""
    window = tuple(window)
    along = window if size[0] >= size[1] else window[::-1]
    sums = along[0] * max(min(size), along[1]) * len(model.class_names) * 4
    batch = windows_at_once(window) * bytes_at_once(model, window)
    # The sums once more while a row is finished.
    return 2 * sums + batch


def bytes_resized(model, size, window):
    """Estimates the memory for an image that is resized to a window, in bytes."""
    # Scores of a class at the image's size, the best ones so far, and a mask.
    return bytes_at_once(model, window) + 16 * math.prod(size)


def bytes_around(size):
    """Estimates the memory for decoding an image and painting its overlay, in bytes."""
    return 20 * math.prod(size)


def windows_at_once(window):
    """How many windows of (height, width) make a batch."""
    return max(1, min(_MOST_WINDOWS, _BATCH_PIXELS // math.prod(window)))


def describe(model, size, mode):
    """What a large image will take, in words; empty for others.

    Args:
        model: A `SegmentationModel`.
        size: Height and width in pixels.
        mode: The `InferenceMode`, "whole", "resize" or "sliding".
    """
    shape = f"{size[0]:,} x {size[1]:,} pixels"
    if mode.mode == "sliding":
        windows = tiling.count(size, mode.tile_size, mode.overlap)
        if math.prod(size) < _LARGE_PIXELS and windows < _MANY_WINDOWS:
            return ""
        height, width = mode.tile_size
        return f"{shape} in {windows:,} windows of {height} x {width}"
    if mode.mode == "resize" or math.prod(size) < _LARGE_PIXELS:
        return ""
    return (
        f"{shape} at once, which needs about {bytes_at_once(model, size) / 1e9:.1f} GB "
        f"of memory and {_duration(_seconds_at_once(model, size))}"
    )


@contextlib.contextmanager
def told(name, model, size, mode):
    """Tells of a large image before it is predicted, and how far it is meanwhile.

    Yields:
        A function of (done, total) windows.
    """
    description = describe(model, size, mode)
    if description:
        say(f"note: {name}: {description}")
    first, told_of = [], []
    with progress.bar(pathlib.Path(name).name, "window") as update:

        def show(done, total):
            update(done, total)
            now = time.perf_counter()
            if not first:
                # It took longer, since the network's functions were traced.
                first.extend((now, done))
                return
            seconds = (now - first[0]) / (done - first[1]) * total
            # A terminal has the bar.
            if not told_of and seconds > _LONG_SECONDS and not sys.stderr.isatty():
                say(f"note: {name}: {_duration(seconds)} for {total:,} windows")
            told_of.append(seconds)

        yield show


def say(line):
    """Prints a line to standard error."""
    # Names of files may be bytes of no encoding.
    line = line.encode(errors="backslashreplace").decode()
    print(line, file=sys.stderr)  # noqa: T201


def _seconds_at_once(model, size):
    """Estimates the time from that of a small image."""
    probe = np.zeros((1, *_PROBE, 3), np.uint8)
    model.labels(probe)  # The first call traces.
    started = time.perf_counter()
    model.labels(probe)
    return (time.perf_counter() - started) * math.prod(size) / math.prod(_PROBE)


def _duration(seconds):
    if seconds < 90:
        return f"about {seconds:.0f} s"
    return f"about {seconds / 60:.0f} min"
