"""Images that their EXIF entry stores turned, read in the graph and with Pillow."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image, ImageOps

from selene_tf.data.datasets.examples import Example
from selene_tf.data.files import label_map
from selene_tf.data.files.image_reader import FileReader
from selene_tf.data.pipeline.bad_samples import DECODING_ERRORS
from tests.refusals import assert_refused

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (5, 8, 3), dtype=np.uint8)
IDS = RNG.integers(0, 3, (5, 8), dtype=np.uint8)
LABELS = label_map.index(3)


def save(path, array, orientation):
    exif = Image.Exif()
    if orientation:
        exif[274] = orientation
    Image.fromarray(array).save(path, exif=exif)
    return path


def upright(path):
    with Image.open(path) as image:
        return np.asarray(ImageOps.exif_transpose(image))


def decoded(reader):
    numbers = tf.data.Dataset.range(reader.size)
    return list(numbers.map(reader.decode).as_numpy_iterator())


# All in one reader, each as a viewer shows it.
ORIENTATIONS = [None, *range(10)]


@pytest.mark.parametrize("image_size", [None, (40, 40)])
def test_they_are_turned_as_viewers_turn_them(tmp_path, image_size):
    examples = [
        Example(
            save(tmp_path / f"{orientation}.png", PIXELS, orientation),
            save(tmp_path / f"{orientation}_mask.png", IDS, orientation),
        )
        for orientation in ORIENTATIONS
    ]
    reader = FileReader(examples, LABELS, image_size, exif="apply")
    for number, (pixels, ids) in enumerate(decoded(reader)):
        example = examples[number]
        checked_pixels, checked_ids = reader.read_checked(number)
        np.testing.assert_array_equal(ids, checked_ids, err_msg=example.image)
        assert np.abs(pixels.astype(int) - checked_pixels).max() <= bool(image_size)
        assert reader.read_size(number) == upright(example.image).shape[:2]
        if image_size is None:
            np.testing.assert_array_equal(pixels, upright(example.image))
            np.testing.assert_array_equal(ids, upright(example.mask))


def test_a_photo_without_a_mask_is_turned(tmp_path):
    image = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[274] = 8
    Image.fromarray(PIXELS).save(image, exif=exif)
    reader = FileReader([Example(image, None)], LABELS, exif="apply")
    ((pixels, ids),) = decoded(reader)
    np.testing.assert_array_equal(pixels, upright(image))
    assert ids.shape == (8, 5)


@pytest.mark.parametrize(("of_image", "of_mask"), [(6, None), (1, 3)])
def test_a_mask_that_is_stored_otherwise_is_refused(tmp_path, of_image, of_mask):
    example = Example(
        save(tmp_path / "a.png", PIXELS, of_image),
        save(tmp_path / "m.png", IDS, of_mask),
    )
    reader = FileReader([example], LABELS, exif="apply")
    for action in (reader.read_checked, reader.read_size):
        assert_refused(
            lambda action=action: action(0),
            *(example.image, f"orientation {of_image}", f"has {of_mask or 1};"),
        )
    with pytest.raises(DECODING_ERRORS):
        decoded(reader)


def test_without_leave_they_are_refused(tmp_path):
    image = save(tmp_path / "a.png", PIXELS, 6)
    reader = FileReader([Example(image, None)], LABELS)
    for action in (reader.read_checked, reader.read_size):
        assert_refused(lambda action=action: action(0), image, "--exif=apply")
