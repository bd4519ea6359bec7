"""Images of a video, and a video from images, with PyAV (FFmpeg)."""

import contextlib
import dataclasses
import os
import pathlib
from collections.abc import Iterator
from fractions import Fraction

import numpy as np

from selene_tf.errors import UserError

# Of what is written, by encoder. Common frame rates, 24000/1001 too, are whole
# multiples of the first; MPEG-4 allows nothing finer than about the second.
_TIME_BASES = {"libx264": Fraction(1, 240_000), "mpeg4": Fraction(1, 60_000)}
_SHORTEST = max(_TIME_BASES.values())


@dataclasses.dataclass(frozen=True)
class Clip:
    """An open video.

    Attributes:
        frame_rate: Images a second; their mean where it varies.
        num_frames: How many the file says it has; 0 if it does not say.
        frames: In order, the seconds since the first one, a `Fraction`, and the image,
            uint8 (height, width, 3), RGB, as a player shows it: turned if the file
            says so.
    """

    frame_rate: Fraction
    num_frames: int
    frames: Iterator[tuple[Fraction, np.ndarray]]


def check_installed():
    """Imports PyAV and returns it.

    Raises:
        UserError: It is not there.
    """
    try:
        import av
    except ImportError:
        raise UserError(
            "--input: found a video, but PyAV, which reads it, is not installed; "
            "pip install 'selene_tf[video]'."
        ) from None
    return av


@contextlib.contextmanager
def reading(path):
    """Opens a video; yields a `Clip`.

    Raises:
        UserError: The file is missing, damaged or without images, also while the
            block looks at them.
    """
    av = check_installed()
    with contextlib.ExitStack() as stack:
        with _unreadable(path):
            container = stack.enter_context(av.open(str(path)))
            if not container.streams.video:
                raise UserError(f"{path} holds no images; expected a video.")
            stream = container.streams.video[0]
            stream.thread_type = "AUTO"
            rate = stream.average_rate or stream.guessed_rate
        if not rate:
            raise UserError(f"{path} does not say how many images a second.")
        yield Clip(rate, stream.frames, _frames(path, container, stream, rate))


@contextlib.contextmanager
def writing(path, frame_rate):
    """Makes an MP4 file; yields a function of a time and an image that adds it.

    The file appears whole or not at all. The images are uint8 (height, width, 3), all
    of one size. Players want even sides (a colour is stored for 2 x 2 pixels), so the
    last row or column of an odd one is repeated.

    Args:
        path: The file.
        frame_rate: Images a second, a `Fraction`; what counts are the times, seconds
            since the first image.

    Raises:
        UserError: It cannot be written.
    """
    path = pathlib.Path(path)
    av = check_installed()
    temporary = path.with_name(f".{path.name}.part")
    try:
        with contextlib.ExitStack() as stack:
            with _unwritable(path):
                container = stack.enter_context(
                    av.open(str(temporary), "w", format="mp4")
                )
                encoder = _encoder(av)
                stream = container.add_stream(encoder, rate=frame_rate)
                stream.pix_fmt = "yuv420p"
                stream.codec_context.time_base = _TIME_BASES[encoder]
            yield lambda time, image: _add(av, path, container, stream, time, image)
            with _unwritable(path):
                _mux(container, stream, None)
                container.close()
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):
            temporary.unlink()


def _add(av, path, container, stream, time, image):
    frame = av.VideoFrame.from_ndarray(_even(image), format="rgb24")
    frame.time_base = stream.codec_context.time_base
    frame.pts = round(time / frame.time_base)
    with _unwritable(path):
        if not stream.codec_context.is_open:
            stream.width, stream.height = frame.width, frame.height
        _mux(container, stream, frame)


def _mux(container, stream, frame):
    """Encodes an image, or None for what the encoder still holds."""
    for packet in stream.encode(frame):
        container.mux(packet)


def _encoder(av):
    """H.264, which every player knows, where this FFmpeg has it."""
    return "libx264" if "libx264" in av.codecs_available else "mpeg4"


def _frames(path, container, stream, rate):
    count, first, last = 0, None, None
    # Not around the loop's body, which may be writing another video.
    decoded = container.decode(stream)
    while True:
        with _unreadable(path):
            frame = next(decoded, None)
        if frame is None:
            break
        # Phones and screen recorders write an image when there is something new.
        time = count / rate
        if frame.pts is not None:
            time = frame.pts * frame.time_base
        first = time if first is None else first
        # A player shows no image before the one that came before it.
        last = time - first if last is None else max(time - first, last + _SHORTEST)
        count += 1
        yield last, _upright(frame)
    if not count:
        raise UserError(f"{path} holds no images; copy it again.")


@contextlib.contextmanager
def _unreadable(path):
    try:
        yield
    except check_installed().FFmpegError as error:
        raise UserError(
            f"{path} is no readable video ({error.strerror}); copy or convert it again."
        ) from None


@contextlib.contextmanager
def _unwritable(path):
    try:
        yield
    except check_installed().FFmpegError as error:
        raise UserError(
            f"--output: cannot write '{path}' ({error.strerror}); expected a place "
            "with free space that may be written to."
        ) from None


def _upright(frame):
    image = frame.to_ndarray(format="rgb24")
    # Degrees counterclockwise that a player turns it by, any multiple of 90.
    return np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90)))


def _even(image):
    height, width = image.shape[:2]
    return np.pad(image, ((0, height % 2), (0, width % 2), (0, 0)), "edge")
