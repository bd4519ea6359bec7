import numpy as np
import pytest
from PIL import Image

from selene_tf.data.datasets.examples import Example
from selene_tf.data.files.label_map import index
from selene_tf.data.files.pillow_reading import read_size
from tests.data.small_images import IDS, PIXELS, save, save_mode, save_pair
from tests.refusals import assert_refused


def test_the_size_is_read_from_the_beginning_alone(tmp_path):
    example = save_pair(tmp_path, PIXELS, np.zeros((6, 8), np.uint8))
    assert read_size(example, index(3)) == (6, 8)
    content = example.image.read_bytes()
    example.image.write_bytes(content[: len(content) // 2])
    assert read_size(example, index(3)) == (6, 8)


@pytest.mark.parametrize(
    ("spoil", "expected"),
    [
        (lambda example: example.image.unlink(), "No such file"),
        (lambda example: example.image.write_bytes(b""), "empty"),
        (lambda example: example.image.write_text("version https"), "version https"),
        (lambda example: save_mode(example.image, "I;16"), "16-bit"),
        (lambda example: save_mode(example.image, "CMYK", format="JPEG"), "CMYK"),
        (lambda example: save_mode(example.mask, "I;16"), "16-bit"),
        (lambda example: save_mode(example.mask, "RGBA"), "colour and alpha"),
        (lambda example: save(example.mask, IDS), "3 x 2"),
    ],
)
def test_what_the_beginning_shows_is_refused(tmp_path, spoil, expected):
    example = save_pair(tmp_path, PIXELS, np.zeros((6, 8), np.uint8))
    spoil(example)
    assert_refused(lambda: read_size(example, index(3)), tmp_path, expected)


@pytest.mark.parametrize("form", ["PNG", "JPEG"])
def test_images_that_are_stored_turned_are_refused(tmp_path, form):
    exif = Image.Exif()
    exif[274] = 6
    path = save(tmp_path / "a.png", PIXELS, format=form, exif=exif)
    assert_refused(
        lambda: read_size(Example(path, None), index(3)), path, "orientation 6"
    )
