import struct
import sys
from fractions import Fraction

import numpy as np
import pytest

from selene_tf.inference import video_files
from tests.refusals import assert_refused

# Blocks of colour survive the encoding.
COLOURS = np.array([[200, 40, 40], [40, 200, 40], [40, 40, 200], [200, 200, 40]])


def frame(number, height=48, width=64):
    """Four quarters of four colours, which move on from frame to frame."""
    rows, columns = np.indices((height, width))
    quarter = rows * 2 // height * 2 + columns * 2 // width
    return COLOURS[(quarter + number) % 4].astype(np.uint8)


@pytest.fixture
def make(tmp_path):
    pytest.importorskip("av")

    def make(height=48, width=64, count=5, rate=Fraction(25)):
        path = tmp_path / "clip.mp4"
        with video_files.writing(path, rate) as add:
            for number in range(count):
                add(number / rate, frame(number, height, width))
        return path

    return make


def read_timed(path):
    with video_files.reading(path) as clip:
        return clip, list(clip.frames)


def read(path):
    clip, frames = read_timed(path)
    return clip, [image for _, image in frames]


def assert_alike(image, expected):
    assert image.shape == expected.shape
    close = np.abs(image.astype(int) - expected).max(-1) < 24
    assert close.mean() > 0.8


@pytest.mark.parametrize("rate", [Fraction(25), Fraction(30000, 1001)])
def test_a_video_comes_back_frame_by_frame(make, rate):
    clip, frames = read(make(rate=rate))
    assert clip.frame_rate == rate
    assert clip.num_frames == len(frames) == 5
    for number, image in enumerate(frames):
        assert_alike(image, frame(number))


TENTHS = [0, 1, 2, 3, 33, 34, 35, 36]


def test_frames_keep_their_times(tmp_path):
    """Of a phone that saw nothing new for three seconds."""
    pytest.importorskip("av")
    path = tmp_path / "clip.mp4"
    with video_files.writing(path, Fraction(10)) as add:
        for number, tenth in enumerate(TENTHS):
            add(Fraction(tenth, 10), frame(number))
    clip, frames = read_timed(path)
    assert [time for time, _ in frames] == [Fraction(tenth, 10) for tenth in TENTHS]
    assert clip.num_frames == len(TENTHS)
    for number, (_, image) in enumerate(frames):
        assert_alike(image, frame(number))


@pytest.mark.parametrize("rate", [Fraction(24000, 1001), Fraction(50), Fraction(120)])
def test_common_rates_are_exact(make, rate):
    _, frames = read_timed(make(rate=rate, count=4))
    assert [time for time, _ in frames] == [n / rate for n in range(4)]


@pytest.mark.parametrize("size", [(47, 64), (48, 63), (45, 61)])
def test_odd_sides_get_one_more_row_or_column(make, size):
    _, frames = read(make(*size))
    height, width = size
    assert frames[0].shape == (height + height % 2, width + width % 2, 3)
    assert_alike(frames[0][:height, :width], frame(0, *size))


def turn(path, matrix):
    """Sets the display matrix (a, b, c, d) of the file's first track."""
    content = bytearray(path.read_bytes())
    first = content.index(b"tkhd") + 4 + 40  # Behind the box's other fields.
    known = struct.unpack(">9i", content[first : first + 36])
    assert known == (65536, 0, 0, 0, 65536, 0, 0, 0, 1 << 30)
    a, b, c, d = (65536 * value for value in matrix)
    content[first : first + 36] = struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)
    path.write_bytes(content)
    return path


@pytest.mark.parametrize(
    ("matrix", "clockwise"),
    [((0, 1, -1, 0), 1), ((-1, 0, 0, -1), 2), ((0, -1, 1, 0), 3)],
)
def test_a_video_that_is_stored_turned_is_seen_upright(make, matrix, clockwise):
    """(x, y) goes to (a x + c y, b x + d y), y downwards: ISO 14496-12, 6.2.2."""
    _, frames = read(turn(make(), matrix))
    assert_alike(frames[1], np.rot90(frame(1), -clockwise))


def test_what_is_no_video_is_refused(tmp_path, make):
    path = tmp_path / "x.mp4"
    assert_refused(lambda: read(path), path, "No such file")
    path.write_bytes(b"no video" * 100)
    assert_refused(lambda: read(path), path, "no readable video")
    content = make().read_bytes()
    path.write_bytes(content[: len(content) // 2])
    assert_refused(lambda: read(path), path)


def test_sound_alone_is_no_video(tmp_path):
    av = pytest.importorskip("av")
    path = tmp_path / "x.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=48000)
        samples = av.AudioFrame.from_ndarray(
            np.zeros((1, 1024), np.float32), "fltp", "mono"
        )
        samples.rate = 48000
        for packet in [*stream.encode(samples), *stream.encode(None)]:
            container.mux(packet)
    assert_refused(lambda: read(path), path, "no images")


def test_an_interrupted_video_is_not_there(tmp_path):
    pytest.importorskip("av")

    def interrupted():
        with video_files.writing(tmp_path / "x.mp4", Fraction(25)) as add:
            add(Fraction(0), frame(0))
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not any(tmp_path.iterdir())


def test_what_cannot_be_written_is_not_taken_for_a_damaged_video(make):
    """Encoder and decoder raise the same errors, one inside of the other."""

    def copy():
        with video_files.reading(path) as clip:
            with video_files.writing("/dev/null/x.mp4", clip.frame_rate) as add:
                for time, image in clip.frames:
                    add(time, image)

    path = make()
    assert_refused(copy, "--output", "/dev/null/x.mp4")


def test_a_missing_library_is_one_line(monkeypatch):
    monkeypatch.setitem(sys.modules, "av", None)
    assert_refused(
        video_files.check_installed, "--input", "pip install 'selene_tf[video]'"
    )
