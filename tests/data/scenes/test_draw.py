import hashlib
import pathlib
import subprocess
import sys

import numpy as np
import pytest

from selene_tf.data.scenes import draw

ROOT = pathlib.Path(__file__).parents[3]
HEIGHT, WIDTH = 96, 160
NUM_CLASSES = len(draw.CLASS_NAMES)


@pytest.fixture(scope="module")
def drawn():
    """Ninety scenes of the size that the small runs train on."""
    return [draw.draw(index, 7, HEIGHT, WIDTH) for index in range(90)]


def digest(index, seed, height, width):
    image, label = draw.draw(index, seed, height, width)
    return hashlib.sha256(image.tobytes() + label.tobytes()).hexdigest()


def class_shares(examples):
    """Share of each class in each image, (images, classes)."""
    counts = [
        np.bincount(label.ravel(), minlength=NUM_CLASSES) for _, label in examples
    ]
    return np.array(counts) / (HEIGHT * WIDTH)


def mean_iou(guess, truth):
    pairs = np.bincount(truth * NUM_CLASSES + guess, minlength=NUM_CLASSES**2)
    pairs = pairs.reshape(NUM_CLASSES, NUM_CLASSES)
    hits = np.diag(pairs)
    return np.mean(hits / (pairs.sum(0) + pairs.sum(1) - hits))


def colour_bins(examples):
    """One of 16 x 16 x 16 colours for each pixel."""
    pixels = np.concatenate([image.reshape(-1, 3) for image, _ in examples])
    red, green, blue = (pixels // 16).astype(np.int64).T
    return (red * 16 + green) * 16 + blue


def labels(examples):
    return np.concatenate([label.ravel() for _, label in examples]).astype(np.int64)


def test_same_arguments_give_the_same_bytes():
    assert digest(3, 5, 64, 96) == digest(3, 5, 64, 96)


def test_another_process_draws_the_same_bytes():
    code = (
        "import hashlib\n"
        "from selene_tf.data.scenes import draw\n"
        "image, label = draw.draw(3, 5, 64, 96)\n"
        "data = image.tobytes() + label.tobytes()\n"
        "print(hashlib.sha256(data).hexdigest())\n"
    )
    command = [sys.executable, "-c", code]
    result = subprocess.run(
        command, capture_output=True, text=True, check=True, cwd=ROOT
    )
    assert result.stdout.strip() == digest(3, 5, 64, 96)


@pytest.mark.parametrize(("index", "seed"), [(4, 5), (3, 6), (5, 3)])
def test_another_index_or_seed_gives_another_scene(index, seed):
    image, label = draw.draw(3, 5, 64, 96)
    other_image, other_label = draw.draw(index, seed, 64, 96)
    assert np.mean(image != other_image) > 0.5
    assert np.mean(label != other_label) > 0.05


@pytest.mark.parametrize("size", [(32, 32), (97, 161), (33, 200), (200, 33)])
def test_any_size_is_drawn(size):
    image, label = draw.draw(0, 0, *size)
    assert image.shape == (*size, 3)
    assert label.shape == size
    assert image.dtype == label.dtype == np.uint8
    assert label.max() < NUM_CLASSES


def test_every_class_has_a_name_and_its_own_colour():
    assert len(set(draw.CLASS_NAMES)) == len(set(draw.COLOURS)) == NUM_CLASSES


def test_labels_are_class_indices_without_ignored_pixels(drawn):
    assert set(np.unique(labels(drawn))) == set(range(NUM_CLASSES))


@pytest.mark.parametrize("name", draw.CLASS_NAMES)
def test_every_class_is_in_most_images(drawn, name):
    shares = class_shares(drawn[:30])[:, draw.CLASS_NAMES.index(name)]
    assert np.mean(shares > 0) >= 0.8


@pytest.mark.parametrize(
    ("name", "least"), [("car", 0.06), ("person", 0.01), ("sign", 0.01)]
)
def test_rare_classes_are_large_enough_to_learn(drawn, name, least):
    shares = class_shares(drawn)[:, draw.CLASS_NAMES.index(name)]
    assert shares.mean() >= least


def test_sky_is_above_and_road_below(drawn):
    label = np.stack([label for _, label in drawn])
    sky, road = (draw.CLASS_NAMES.index(name) for name in ("sky", "road"))
    assert not np.any(label[:, HEIGHT * 2 // 3 :] == sky)
    assert not np.any(label[:, : HEIGHT // 4] == road)


def test_colour_alone_does_not_give_the_class_away(drawn):
    known, unknown = drawn[:60], drawn[60:]
    counts = np.zeros((16**3, NUM_CLASSES))
    np.add.at(counts, (colour_bins(known), labels(known)), 1)
    guess = counts.argmax(1)[colour_bins(unknown)]
    assert mean_iou(guess, labels(unknown)) < 0.3


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((0, 0, 31, 64), "height must be a whole number of at least 32, got 31"),
        ((0, 0, 64, 8), "width must be a whole number of at least 32, got 8"),
        ((-1, 0, 64, 64), "index must be a whole number of at least 0, got -1"),
        ((0, 1.5, 64, 64), "seed must be a whole number of at least 0, got 1.5"),
    ],
)
def test_wrong_arguments_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        draw.draw(*arguments)
