"""Masks in which a class has no pixel are told of, with what to do about it."""

import json

import numpy as np
import pytest
from PIL import Image

from selene_tf.config import Config
from selene_tf.data.datasets import class_pixels, description_file
from selene_tf.errors import UserError
from selene_tf.experiment import data_check, make_sources

NAMES = ("ground", "polyp")


def save(folder, part, number, mask):
    rng = np.random.default_rng(number + 100 * (part == "val"))
    pixels = rng.integers(0, 256, (*mask.shape, 3), dtype=np.uint8)
    for kind, array in (("images", pixels), ("masks", mask)):
        (folder / part / kind).mkdir(parents=True, exist_ok=True)
        Image.fromarray(array).save(folder / part / kind / f"{number}.png")


@pytest.fixture
def binary(tmp_path):
    """Masks of 0 and 255, as most tools for binary masks write them."""
    for part, count in (("train", 3), ("val", 1)):
        for number in range(count):
            mask = np.zeros((6, 8), np.uint8)
            mask[:3, : 2 + number] = 255
            save(tmp_path, part, number, mask)
    return tmp_path


def config(folder, **changes):
    values = {"dataset": "folder", "data_dir": str(folder), "labelled_ratio": 1}
    values |= {"algorithm": "supervised", "class_names": NAMES}
    return Config(**values | changes)


@pytest.mark.parametrize("memory_gib", [1.0, 0.0])
def test_masks_of_0_and_255_alone_are_an_error_of_two_classes(binary, memory_gib):
    with pytest.raises(UserError) as caught:
        make_sources(config(binary, memory_gib=memory_gib))
    message = str(caught.value)
    for word in ("0.png", "'polyp'", '{ 0 = "ground", 255 = "polyp" }', "dataset.toml"):
        assert word in message
    # 9 of 144 pixels: 2, 3 and 4 in three rows of each.
    assert f"{27 / 144:.1%}" in message


def test_check_data_calls_it_a_problem(binary):
    result = data_check.check(config(binary))
    (problem,) = result.problems
    assert problem.startswith("labelled: ")
    assert '255 = "polyp"' in problem


def test_what_the_message_says_mends_it(binary):
    (binary / "dataset.toml").write_text(
        f"class_names = {json.dumps(NAMES)}\n"
        'label_map = { 0 = "ground", 255 = "polyp" }\n'
    )
    sources = make_sources(config(binary, class_names=()))
    assert sources.labelled.class_pixels[:2].tolist() == [144 - 27, 27]
    assert sources.notes == ()


def test_an_ignore_label_that_is_given_is_no_class(tmp_path):
    (tmp_path / "dataset.toml").write_text(
        'class_names = ["a", "b"]\nignore_label = 255\n'
        'label_map = { 0 = "a", 255 = "b" }\n'
    )
    with pytest.raises(UserError, match="found a class for 255, which is the ignore"):
        description_file.read(tmp_path / "dataset.toml")


def test_of_more_classes_it_is_a_warning(binary):
    names = ("ground", "polyp", "tool")
    notes = make_sources(config(binary, class_names=names)).notes
    assert len(notes) == 2
    assert all(note.startswith("warning: class '") for note in notes)
    assert "'polyp' has no pixel in the labelled masks (3 of 3" in notes[0]
    assert '255 = "polyp"' in notes[0]
    assert '255 = "tool"' in notes[1]


def test_without_pixels_to_ignore_there_is_nothing_to_map(tmp_path):
    for part in ("train", "val"):
        save(tmp_path, part, 0, np.zeros((4, 4), np.uint8))
    (note,) = make_sources(config(tmp_path)).notes
    assert note.endswith("so it cannot be learned.")


def test_sound_masks_are_silent(tmp_path):
    for part in ("train", "val"):
        save(tmp_path, part, 0, np.eye(4, dtype=np.uint8))
    sources = make_sources(config(tmp_path))
    assert sources.notes == ()
    assert sources.labelled.class_pixels[:2].tolist() == [12, 4]


def test_counts():
    masks = [np.array([[0, 1], [1, 255]], np.uint8), np.full((1, 3), 2, np.uint8)]
    counts = class_pixels.count(masks)
    assert counts[[0, 1, 2, 3, 255]].tolist() == [1, 2, 3, 0, 1]
    assert class_pixels.missing(counts, ("a", "b", "c", "d")) == ["d"]
