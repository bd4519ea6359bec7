"""Predicting an image of any size, larger or smaller than the network's own.

In a notebook:

    model = loading.load("runs/scenes")
    mode = predict_image.choose_mode(model)
    labels = predict_image.label_map(model, image, mode)
"""

import dataclasses

import numpy as np
from PIL import Image

from selene_tf.cli import memory
from selene_tf.errors import UserError
from selene_tf.inference import large_images, tiling

MODES = ("auto", "whole", "resize", "sliding")


@dataclasses.dataclass(frozen=True)
class InferenceMode:
    """How images of any size go through a network; `choose_mode` makes it.

    Attributes:
        mode: "whole", as they are; "resize", in the network's size and back; "sliding",
            in windows.
        tile_size: Height and width in pixels of what the network sees; None for
            "whole".
        overlap: Share of a window that the next one sees again.
        automatic: Whether "whole" becomes "sliding" for large images, see
            `mode_of_image`.
    """

    mode: str
    tile_size: tuple[int, int] | None = None
    overlap: float = 0.25
    automatic: bool = False


class NotEnoughMemory(UserError):
    """An image that is too large for the memory; others may not be."""


def choose_mode(model, mode="auto", tile_size=None, overlap=0.25):
    """Decides how images go through a network.

    Args:
        model: A `SegmentationModel`.
        mode: One of `MODES`. "auto" is "sliding" if there is a `tile_size`; "resize" if
            the network was trained on images of one size ("image_size" in its
            metadata); else "whole" if it takes any size, and "sliding" if not. Images
            that would need more than 4 GiB as a whole are then "sliding" too.
        tile_size: Height and width in pixels; None for the network's own size.
        overlap: Share in [0, 1) of a window that the next one sees again.

    Returns:
        An `InferenceMode`.

    Raises:
        UserError: if a value is out of range, or they contradict each other or the
            network.
    """
    check_values(mode, tile_size, overlap)
    if model.size and tile_size and tuple(tile_size) != model.size:
        raise UserError(
            f"--tile_size: found {_text(tile_size)}, but '{model.name}' takes "
            f"{_text(model.size)} alone; leave the flag out."
        )
    trained = model.metadata.get("image_size")
    if mode == "auto" and trained and not tile_size:
        return InferenceMode("resize", tuple(model.size or trained), overlap)
    size = tile_size or model.size
    if mode == "auto" and not size:
        return InferenceMode("whole", None, overlap, automatic=True)
    if mode == "auto":
        mode = "sliding"
    if mode == "whole" and model.size:
        raise UserError(
            f"--fit=whole: '{model.name}' takes images of {_text(model.size)} alone; "
            "expected sliding or resize."
        )
    if mode == "whole" and tile_size:
        raise UserError(
            "--tile_size: found with --fit=whole, which sees the whole image; "
            "expected it with sliding or resize."
        )
    if mode != "whole" and not size:
        raise UserError(
            f"--fit={mode}: '{model.name}' takes any size, so expected --tile_size "
            "too, as height,width; or --fit=whole."
        )
    return InferenceMode(mode, tuple(size) if size else None, overlap)


def check_values(mode, tile_size, overlap):
    """Refuses what no network could do; see `choose_mode`.

    Raises:
        UserError: A value is out of range.
    """
    if mode not in MODES:
        raise UserError(f"--fit: found '{mode}', expected one of {', '.join(MODES)}.")
    if tile_size is not None:
        _check_size(tile_size, ",".join(map(str, tile_size)))
    if not 0 <= overlap < 1:
        raise UserError(
            f"--overlap: found {overlap:g}, expected a share of the window: 0 or more, "
            "and less than 1."
        )


def _check_size(size, text):
    if len(size) != 2 or min(size) < 1:
        raise UserError(
            f"--tile_size: found '{text}', expected height and width in pixels, such "
            "as 512,512."
        )


def _text(size):
    return f"{size[0]} x {size[1]} pixels (height x width)"


def mode_of_image(model, size, mode):
    """How an image of this size goes through a network.

    Args:
        model: A `SegmentationModel`.
        size: Height and width in pixels.
        mode: An `InferenceMode`; if it is automatic, an image that would need more than
            `large_images.MOST_AT_ONCE` bytes goes through in windows.

    Returns:
        An `InferenceMode`.
    """
    # Windows need scores.
    if not (mode.automatic and model.gives_scores):
        return mode
    if large_images.bytes_at_once(model, size) <= large_images.MOST_AT_ONCE:
        return mode
    return InferenceMode("sliding", large_images.WINDOW, mode.overlap)


def check_fits(model, size, mode):
    """Refuses an image that this machine has not enough memory for.

    Args:
        model: A `SegmentationModel`.
        size: Height and width in pixels.
        mode: An `InferenceMode`.

    Raises:
        NotEnoughMemory: says how much it needs.
    """
    mode = mode_of_image(model, size, mode)
    needed = large_images.bytes_at_once(model, size)
    if mode.mode == "resize":
        needed = large_images.bytes_resized(model, size, mode.tile_size)
    if mode.mode == "sliding":
        needed = large_images.bytes_in_windows(model, size, mode.tile_size)
    needed += large_images.bytes_around(size)
    available = memory.available_bytes()
    if needed > available:
        raise NotEnoughMemory(
            f"an image of {_text(size)} needs about {needed / 1e9:.1f} GB of memory "
            f"with --fit={mode.mode}, but {available / 1e9:.1f} GB are free; expected "
            "a smaller image, or --fit=sliding with a small --tile_size, as 512,512."
        )


def label_map(model, image, mode, show=None):
    """Predicts the class ids of an image of any size.

    Args:
        model: A `SegmentationModel`.
        image: uint8 (height, width, 3), RGB.
        mode: An `InferenceMode`.
        show: Function of (done, total) windows, for "sliding"; or None.

    Returns:
        uint8 (height, width).

    Raises:
        NotEnoughMemory: if the image is too large for the memory.
    """
    check_fits(model, image.shape[:2], mode)
    mode = mode_of_image(model, image.shape[:2], mode)
    try:
        if mode.mode == "whole" or image.shape[:2] == mode.tile_size:
            return model.labels(image[None])[0].astype(np.uint8)
        if mode.mode == "resize":
            return _resized(model, image, mode.tile_size)
        at_once = large_images.windows_at_once(mode.tile_size)
        return tiling.label_map(
            image, mode.tile_size, mode.overlap, model.logits, at_once, show
        )
    except Exception as error:
        if type(error).__name__ not in ("ResourceExhaustedError", "MemoryError"):
            raise
        raise NotEnoughMemory(
            f"not enough memory for an image of {_text(image.shape[:2])}; "
            "try --fit=sliding with a small --tile_size, such as 512,512."
        ) from None


def _resized(model, image, size):
    """Labels from logits that were brought to the image's size, a class at a time.

    Pillow's bilinear filter has half-pixel centres, and averages where it shrinks.
    """
    height, width = image.shape[:2]
    bilinear = Image.Resampling.BILINEAR
    small = Image.fromarray(image).resize((size[1], size[0]), bilinear)
    logits = model.logits(np.asarray(small)[None])[0]
    labels = np.zeros((height, width), np.uint8)
    best = np.full((height, width), -np.inf, np.float32)
    for number in range(logits.shape[-1]):
        scores = Image.fromarray(np.ascontiguousarray(logits[..., number], np.float32))
        scores = np.asarray(scores.resize((width, height), bilinear))
        labels[scores > best] = number
        np.maximum(best, scores, out=best)
    return labels
