"""Palette masks of which the colours say something else than the indices."""

import numpy as np
import pytest
from PIL import Image

from selene_tf.config import Config
from selene_tf.data.datasets import description_file
from selene_tf.data.datasets.examples import Example
from selene_tf.data.files import pillow_reading
from selene_tf.data.files.image_reader import FileReader
from selene_tf.data.files.palettes import read_palette
from selene_tf.experiment import data_check, make_sources
from tests.refusals import assert_refused

COLOURS = {"road": (90, 90, 90), "sky": (70, 130, 250), "car": (200, 20, 20)}
DESCRIPTION = (
    'class_names = ["road", "sky", "car"]\n'
    "colours = [[90, 90, 90], [70, 130, 250], [200, 20, 20]]\n"
)


def save(path, ids, order):
    """A palette mask that shows the classes, its indices in some order."""
    names = list(COLOURS)
    indices = np.array([order.index(name) for name in names], np.uint8)
    image = Image.fromarray(indices[ids], "P")
    image.putpalette([part for name in order for part in COLOURS[name]])
    path.parent.mkdir(parents=True, exist_ok=True)
    image.save(path)
    return path


def ids_of(number):
    return np.random.default_rng(number).integers(0, 3, (5, 7))


ORDERS = [("road", "sky", "car"), ("car", "road", "sky"), ("sky", "car", "road")]


@pytest.fixture
def folder(tmp_path):
    """Three training masks, each with an order of its own, and one for validation."""
    for part, count in (("train", 3), ("val", 1)):
        for number in range(count):
            seed = number + 10 * (part == "val")
            pixels = np.random.default_rng(seed).integers(0, 256, (5, 7, 3), np.uint8)
            (tmp_path / part / "images").mkdir(parents=True, exist_ok=True)
            Image.fromarray(pixels).save(tmp_path / part / f"images/{number}.png")
            mask = tmp_path / part / f"masks/{number}.png"
            save(mask, ids_of(seed), ORDERS[number])
    (tmp_path / "dataset.toml").write_text(DESCRIPTION)
    return tmp_path


def config(folder):
    return Config(
        dataset="folder",
        data_dir=str(folder),
        labelled_ratio=1,
        algorithm="supervised",
    )


def test_palettes_are_read_without_decoding(folder):
    file = folder / "train/masks/1.png"
    assert read_palette(file) == tuple(COLOURS[name] for name in ORDERS[1])
    content = file.read_bytes()
    file.write_bytes(content[: content.index(b"IDAT")])
    assert len(read_palette(file)) == 3
    assert read_palette(folder / "train/images/0.png") == ()
    assert read_palette(folder / "none.png") == ()
    file.write_bytes(content[:20])
    assert read_palette(file) == ()


def test_palettes_that_differ_are_named(folder):
    notes = make_sources(config(folder)).notes
    assert len(notes) == 2
    differing, contradicting = notes
    for word in ("warning: ", "masks/0.png", "masks/1.png", "index 0"):
        assert word in differing
    assert "(200, 20, 20)" in differing
    assert "masks/1.png shows index 0 in (200, 20, 20)" in contradicting
    assert "colour of class 2, but is read as class 0" in contradicting
    assert all('masks = "colours"' in note for note in notes)
    assert (
        sum(
            "masks.png" in w or "index 0" in w
            for w in data_check.check(config(folder)).warnings
        )
        == 2
    )


def test_by_their_colours_they_mean_what_they_show(folder):
    (folder / "dataset.toml").write_text(DESCRIPTION + 'masks = "colours"\n')
    sources = make_sources(config(folder))
    assert sources.notes == ()
    for number in range(3):
        label = sources.labelled.read(number)["label"].numpy()
        np.testing.assert_array_equal(label, ids_of(number))
    labels = description_file.read(folder / "dataset.toml").labels
    mask = folder / "train/masks/2.png"
    np.testing.assert_array_equal(pillow_reading.read_mask(mask, labels), ids_of(2))
    example = Example(folder / "train/images/2.png", mask)
    _, decoded = FileReader([example], labels).decode(0)
    np.testing.assert_array_equal(decoded, ids_of(2))


def test_a_colour_without_a_meaning_is_refused(folder):
    (folder / "dataset.toml").write_text(DESCRIPTION + 'masks = "colours"\n')
    mask = folder / "train/masks/0.png"
    image = Image.open(mask)
    image.putpalette([1, 2, 3, *COLOURS["sky"], *COLOURS["car"]])
    image.save(mask)
    assert_refused(lambda: make_sources(config(folder)), mask, "(1, 2, 3)")


def test_equal_palettes_in_the_order_of_the_classes_are_silent(folder):
    for number in range(3):
        save(folder / f"train/masks/{number}.png", ids_of(number), ORDERS[0])
    assert make_sources(config(folder)).notes == ()
    assert data_check.check(config(folder)).warnings == ()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ('masks = "colour"', ["masks: found 'colour'", "'ids' or 'colours'"]),
        ("masks = 3", ["masks: found 3 of type int"]),
        ('masks = "colours"', ["masks: found 'colours' without colours"]),
    ],
)
def test_faulty_descriptions_are_refused(tmp_path, content, words):
    path = tmp_path / "dataset.toml"
    path.write_text(f'class_names = ["a", "b"]\n{content}\n')
    assert_refused(lambda: description_file.read(path), path, *words)
