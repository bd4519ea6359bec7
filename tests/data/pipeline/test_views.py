import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from selene_tf.data.augmentation.permutations import jigsaw_permutations
from selene_tf.data.augmentation.pretext import Pretext
from selene_tf.data.pipeline import views

FILL = (9.0, 8.0, 7.0)
# Scaled by 0.5, the image is smaller than the crop and gets padding.
PLAIN = views.Augmentation((7, 7), (0.5, 1.0, 1.5), True, FILL)
TASKS = {kind: Pretext(kind, 0.5, 10) for kind in ("jigsaw", "rotation")}
SEEDS = [(3, number) for number in range(16)]
RNG = np.random.default_rng(0)
IMAGE = {
    "image": RNG.integers(0, 256, (10, 9, 3)).astype(np.uint8),
    "label": RNG.integers(0, 20, (10, 9)).astype(np.uint8),
}


def augmentation(kind=None, strong_view=False):
    return dataclasses.replace(PLAIN, pretext=TASKS.get(kind), strong_view=strong_view)


def over_seeds(view, settings, seeds=tuple(SEEDS), image=IMAGE):
    """What `Dataset.map` makes of an image: a dict of arrays, one row a seed."""
    dataset = tf.data.Dataset.from_tensor_slices(np.array(seeds, np.int64))
    dataset = dataset.map(lambda seed: view(image, seed, settings))
    rows = next(iter(dataset.batch(len(seeds))))
    return {name: values.numpy() for name, values in rows.items()}


@pytest.fixture(scope="module")
def crops():
    """The crops without task and strong view, some of them padded."""
    rows = over_seeds(views.labelled, PLAIN)
    assert set(rows) == {"image", "label", "valid"}
    assert 0 < (~rows["valid"].all(axis=(1, 2))).mean() < 1
    assert len(np.unique(rows["image"], axis=0)) > 5
    return rows


def moved(values, label, kind, fill):
    """By hand: nine tiles of 2 x 2 of the 7 x 7 pixels, or a turned image."""
    if kind == "rotation":
        return np.rot90(values, label)
    result = np.empty_like(values)
    result[...] = fill
    for number, tile in enumerate(jigsaw_permutations(10)[label]):
        (row, column), (top, left) = divmod(number, 3), divmod(int(tile), 3)
        place = np.s_[2 * row : 2 * row + 2, 2 * column : 2 * column + 2]
        result[place] = values[2 * top : 2 * top + 2, 2 * left : 2 * left + 2]
    return result


@pytest.mark.parametrize("kind", TASKS)
def test_a_task_moves_the_crop_that_there_is_without_it(crops, kind):
    rows = over_seeds(views.labelled, augmentation(kind))
    tasks = rows.pop("pretext_label")
    assert set(rows) == set(crops)
    assert 0 < (tasks == -1).mean() < 1
    assert len(set(tasks)) > 3
    for name, fill in (("image", FILL), ("label", 255), ("valid", False)):
        for view, crop, task in zip(rows[name], crops[name], tasks, strict=True):
            expected = crop if task == -1 else moved(crop, task, kind, fill)
            np.testing.assert_array_equal(view, expected)


@pytest.mark.parametrize(
    ("kind", "strong_view"), [(None, False), (None, True), ("jigsaw", True)]
)
def test_unlabelled_images_are_the_same_without_a_label(kind, strong_view):
    settings = augmentation(kind, strong_view)
    rows = over_seeds(views.unlabelled, settings)
    expected = over_seeds(views.labelled, settings)
    del expected["label"]
    added = {"strong_image", "box"} if strong_view else set()
    assert set(rows) == set(expected) | added
    for name, values in expected.items():
        np.testing.assert_array_equal(rows[name], values)


@pytest.mark.parametrize("kind", [None, "jigsaw"])
def test_a_strong_view_is_of_the_image_as_it_was_moved(kind):
    # An image of two colours; a strong view has two as well, at the same places, but
    # for what a blur does to the borders.
    label = np.zeros((10, 9), np.uint8)
    label[:, 4:] = 1
    image = np.uint8([[200, 100, 50], [40, 90, 150]])[label]
    rows = over_seeds(
        views.unlabelled,
        dataclasses.replace(augmentation(kind, True), scales=(1.0,)),
        image={"image": image, "label": label},
    )
    changed = unblurred = 0
    for weak, strong in zip(rows["image"], rows["strong_image"], strict=True):
        changed += np.abs(strong - weak).max() > 1
        colours, places = np.unique(weak.reshape(-1, 3), axis=0, return_inverse=True)
        groups = [
            strong.reshape(-1, 3)[places.ravel() == number]
            for number in range(len(colours))
        ]
        unblurred += max(np.ptp(group, axis=0).max() for group in groups) < 0.01
    assert changed > len(SEEDS) / 2
    assert unblurred > len(SEEDS) / 4


def test_padding_keeps_its_colour_in_a_strong_view():
    rows = over_seeds(views.unlabelled, augmentation(strong_view=True))
    assert not rows["valid"].all()
    assert (rows["strong_image"][~rows["valid"]] == FILL).all()


def test_tasks_boxes_and_mirroring_are_drawn_independently():
    image = {"image": np.zeros((7, 7, 3), np.uint8), "label": np.eye(7)}
    settings = views.Augmentation(
        (7, 7), flip=True, pretext=Pretext("rotation", 0.5), strong_view=True
    )
    seeds = [(11, number) for number in range(400)]
    rows = over_seeds(views.unlabelled, settings, seeds, image)
    labels = over_seeds(views.labelled, settings, seeds, image)
    task = rows["pretext_label"] != -1
    # Turned, too, the diagonal tells of images without a task alone.
    mirrored = labels["label"][:, 0, 0] == 0
    box = rows["box"].any(axis=(1, 2))
    # Of 400, a quarter is 100 give or take 9; of the 200 without a task, 50 and 6.
    for one in (task, ~task):
        assert 100 - 36 < (one & box).sum() < 100 + 36
        assert 100 - 36 < (one & ~box).sum() < 100 + 36
    for one in (mirrored, ~mirrored):
        assert 50 - 24 < (~task & one & box).sum() < 50 + 24
        assert 50 - 24 < (~task & one & ~box).sum() < 50 + 24


def test_without_cutmix_no_box_is_drawn_and_all_else_is_the_same():
    mixed = over_seeds(views.unlabelled, augmentation(strong_view=True))
    settings = dataclasses.replace(augmentation(strong_view=True), cutmix=False)
    unmixed = over_seeds(views.unlabelled, settings)
    assert mixed["box"].any()
    assert not unmixed["box"].any()
    assert mixed["box"].dtype == unmixed["box"].dtype
    for name in ("image", "strong_image", "valid"):
        np.testing.assert_array_equal(mixed[name], unmixed[name])


def strong_batch():
    rng = np.random.default_rng(1)
    return {
        "image": rng.random((6, 4, 5, 3)).astype(np.float32),
        "strong_image": rng.random((6, 4, 5, 3)).astype(np.float32),
        "box": rng.random((6, 4, 5)) < 0.5,
    }


def test_inside_its_box_an_image_shows_its_neighbour():
    batch = strong_batch()
    mixed = views.mix_strong_views(batch)
    assert set(mixed) == set(batch)
    np.testing.assert_array_equal(mixed["box"], batch["box"])
    np.testing.assert_array_equal(mixed["image"], batch["image"])
    for own, other in ((0, 1), (1, 0), (2, 3), (3, 2), (4, 5), (5, 4)):
        box, shown = batch["box"][own], mixed["strong_image"][own].numpy()
        assert 0 < box.mean() < 1
        neighbours = batch["strong_image"][other]
        np.testing.assert_array_equal(shown[box], neighbours[box])
        np.testing.assert_array_equal(shown[~box], batch["strong_image"][own][~box])


def test_images_with_a_task_and_their_neighbours_stay_whole():
    # The first pair has none, then the first of a pair has one, then the second.
    batch = strong_batch() | {"pretext_label": np.int32([-1, -1, 3, -1, -1, 0])}
    mixed = views.mix_strong_views(batch)
    np.testing.assert_array_equal(mixed["box"][:2], batch["box"][:2])
    assert not mixed["box"][2:].numpy().any()
    strong = batch["strong_image"]
    np.testing.assert_array_equal(mixed["strong_image"][2:], strong[2:])
    expected = np.where(batch["box"][:2, ..., None], strong[[1, 0]], strong[:2])
    np.testing.assert_array_equal(mixed["strong_image"][:2], expected)
    np.testing.assert_array_equal(mixed["pretext_label"], batch["pretext_label"])


def test_eager_equals_a_data_set():
    settings, seeds = augmentation("jigsaw", strong_view=True), SEEDS[:4]
    expected = over_seeds(views.unlabelled, settings, seeds)
    for number, seed in enumerate(seeds):
        view = views.unlabelled(IMAGE, np.array(seed, np.int64), settings)
        for name, values in expected.items():
            # Colours of 0 to 255.
            np.testing.assert_allclose(view[name], values[number], atol=1e-3)


def test_mixing_eagerly_equals_a_data_set():
    batch = strong_batch() | {"pretext_label": np.int32([-1, -1, 3, -1, -1, 0])}
    dataset = tf.data.Dataset.from_tensors(batch).map(views.mix_strong_views)
    expected = views.mix_strong_views(batch)
    for name, values in next(iter(dataset)).items():
        np.testing.assert_array_equal(values, expected[name])
