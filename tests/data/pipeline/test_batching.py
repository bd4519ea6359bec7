import dataclasses
import time

import numpy as np
import pytest
import tensorflow as tf

from selene_tf.data.augmentation.pretext import Pretext
from selene_tf.data.pipeline import batching, views
from selene_tf.data.pipeline.sources import MemorySource, Source
from selene_tf.errors import UserError
from tests.data.pipeline.small_sources import (
    PLAIN,
    VARIED,
    assert_equal,
    drawn,
    from_files,
    save_examples,
    take,
)

WITH_ALL = dataclasses.replace(
    VARIED, pretext=Pretext("rotation", probability=0.25), strong_view=True
)


def make_source(size, first=0):
    """Makes images of one value each, their number, and labels of one value."""
    values = np.arange(first, first + size, dtype=np.uint8)
    images = np.broadcast_to(values[:, None, None, None], (size, 4, 6, 3))
    labels = np.broadcast_to(values[:, None, None] % 5, (size, 4, 6))
    return MemorySource(images, labels)


def make_noise(size):
    rng = np.random.default_rng(size)
    images = rng.integers(0, 256, (size, 8, 8, 3), dtype=np.uint8)
    return MemorySource(images, rng.integers(0, 5, (size, 8, 8), dtype=np.uint8))


@pytest.mark.parametrize(("size", "batch_size"), [(1, 2), (2, 1), (5, 3), (12, 4)])
def test_every_epoch_takes_each_image_once(size, batch_size):
    dataset = batching.stream(make_source(size), batch_size, (1, 2), 0, PLAIN)
    numbers = drawn(dataset, batches=size * 3)[: size * 3]
    epochs = np.reshape(numbers, (3, size))
    np.testing.assert_array_equal(np.sort(epochs), [range(size)] * 3)


def test_epochs_and_seeds_have_orders_of_their_own():
    source = make_source(12)
    orders = [
        tuple(epoch)
        for seed in ((1, 0), (1, 1), (2, 0))
        for epoch in np.reshape(
            drawn(batching.stream(source, 12, seed, 0, PLAIN), 3), (3, 12)
        )
    ]
    assert len(set(orders)) == 9


def test_each_image_comes_at_each_place_alike():
    # 300 epochs of 4 images: each of 16 counts is 75, give or take 7.5.
    dataset = batching.stream(make_source(4), 100, (3, 0), 0, PLAIN)
    epochs = np.reshape(drawn(dataset, 12), (300, 4))
    counts = [
        (epochs[:, place] == number).sum() for place in range(4) for number in range(4)
    ]
    assert min(counts) > 75 - 30
    assert max(counts) < 75 + 30


@pytest.mark.parametrize("start_step", [1, 4, 9])
def test_a_later_start_gives_what_an_uninterrupted_run_would(start_step):
    def batches(start):
        return batching.training(make_noise(5), make_noise(7), 3, 11, start, VARIED)

    uninterrupted = take(batches(0), start_step + 3)
    assert_equal(uninterrupted[start_step:], take(batches(start_step), 3))


def test_the_same_seed_gives_the_same_batches_and_another_does_not():
    def batches(seed):
        return take(batching.training(make_noise(5), None, 4, seed, 0, VARIED), 3)

    assert_equal(batches(1), batches(1))
    pairs = zip(batches(1), batches(2), strict=True)
    assert any((one["image"] != two["image"]).any() for one, two in pairs)


def test_a_late_start_costs_nothing_and_large_seeds_work():
    start = 10**12
    dataset = batching.training(make_source(3), None, 3, 2**40, start, PLAIN)
    assert sorted(drawn(dataset, 1)) == [0, 1, 2]


def test_the_same_image_is_augmented_anew_each_time():
    batches = take(batching.stream(make_noise(1), 1, (1, 1), 0, VARIED), 4)
    images = {batch["image"].tobytes() for batch in batches}
    assert len(images) > 1


def test_training_batch_holds_named_parts_and_no_unlabelled_label():
    dataset = batching.training(make_source(5), make_source(3, 100), 4, 1, 0, PLAIN)
    image = tf.TensorSpec((4, 4, 6, 3), tf.float32)
    valid = tf.TensorSpec((4, 4, 6), tf.bool)
    assert dataset.element_spec == {
        "image": image,
        "label": tf.TensorSpec((4, 4, 6), tf.int32),
        "valid": valid,
        "unlabelled_image": image,
        "unlabelled_valid": valid,
    }
    for batch in take(dataset, 3):
        numbers = batch["image"][:, 0, 0, 0].astype(int)
        np.testing.assert_array_equal(batch["label"][:, 0, 0], numbers % 5)
        assert (batch["unlabelled_image"] >= 100).all()


def test_tasks_and_strong_views_are_named_parts_that_a_later_start_repeats():
    def batches(start):
        return batching.training(make_noise(5), make_noise(7), 4, 3, start, WITH_ALL)

    image = tf.TensorSpec((4, 5, 5, 3), tf.float32)
    mask = tf.TensorSpec((4, 5, 5), tf.bool)
    task = tf.TensorSpec((4,), tf.int32)
    assert batches(0).element_spec == {
        "image": image,
        "label": tf.TensorSpec((4, 5, 5), tf.int32),
        "valid": mask,
        "pretext_label": task,
        "unlabelled_image": image,
        "unlabelled_valid": mask,
        "unlabelled_pretext_label": task,
        "unlabelled_strong_image": image,
        "unlabelled_box": mask,
    }
    uninterrupted = take(batches(0), 6)
    assert any(batch["unlabelled_box"].any() for batch in uninterrupted)
    assert any(
        (batch["unlabelled_pretext_label"] >= 0).any() for batch in uninterrupted
    )
    assert_equal(uninterrupted[4:], take(batches(4), 2))


@pytest.mark.parametrize("settings", [VARIED, WITH_ALL])
def test_labels_of_unlabelled_images_reach_no_batch(settings):
    images = make_noise(7).read(tf.range(7))["image"].numpy()
    batches = [
        take(batching.training(make_noise(5), source, 4, 3, 0, settings), 3)
        for source in (
            MemorySource(images, np.zeros((7, 8, 8), np.uint8)),
            MemorySource(images, np.full((7, 8, 8), 3, np.uint8)),
        )
    ]
    assert_equal(*batches)


def test_training_streams_draw_on_their_own():
    source = make_source(12)
    dataset = batching.training(source, source, 12, 1, 0, PLAIN)
    assert drawn(dataset, 1) != drawn(dataset, 1, "unlabelled_image")


def test_training_without_unlabelled_images():
    dataset = batching.training(make_source(5), None, 4, 1, 0, PLAIN)
    assert set(dataset.element_spec) == {"image", "label", "valid"}


def test_padding_reaches_the_batch_in_the_fill_colour():
    settings = views.Augmentation((6, 6), fill_colour=(9.0, 8.0, 7.0))
    batch = take(batching.stream(make_source(2), 2, (1, 0), 0, settings), 1)[0]
    assert not batch["valid"][:, [0, 5]].any()
    assert batch["valid"][:, 1:5].all()
    assert (batch["label"][:, [0, 5]] == 255).all()
    assert (batch["image"][:, [0, 5]] == [9.0, 8.0, 7.0]).all()


@pytest.mark.parametrize(("size", "sizes"), [(1, [1]), (4, [3, 1]), (6, [3, 3])])
def test_evaluation_takes_every_image_once_in_order(size, sizes):
    dataset = batching.evaluation(make_source(size), 3)
    batches = take(dataset, 99)
    assert [len(batch["image"]) for batch in batches] == sizes
    assert drawn(dataset, 99) == list(range(size))
    assert batches[0]["image"].dtype == np.float32
    assert batches[0]["label"].dtype == np.int32


def test_slow_images_do_not_change_the_order():
    """Several are read at a time, and every second one takes long."""

    def wait(number):
        time.sleep(0.2 * (number % 2 == 0))
        return np.full((4, 6, 3), number, np.uint8)

    class SlowSource(Source):
        size = 8

        def read(self, number):
            image = tf.numpy_function(wait, [number], tf.uint8)
            image = tf.ensure_shape(image, (4, 6, 3))
            return {"image": image, "label": image[..., 0]}

    dataset = batching.evaluation(SlowSource(), 1)
    assert drawn(dataset, 8) == list(range(8))


def test_files_and_memory_give_the_same_batches(tmp_path):
    examples = save_examples(tmp_path, 5)
    files = from_files(examples)
    images = np.stack([np.full((4, 6, 3), number, np.uint8) for number in range(5)])
    labels = images[..., 0] % 3
    memory = MemorySource(images, labels)
    for source in (files, memory):
        assert source.size == 5
    assert_equal(
        take(batching.training(files, None, 2, 1, 0, VARIED), 4),
        take(batching.training(memory, None, 2, 1, 0, VARIED), 4),
    )
    assert_equal(
        take(batching.evaluation(files, 2), 9),
        take(batching.evaluation(memory, 2), 9),
    )
    assert files.failure() is None
    assert memory.failure() is None


def test_files_are_resized_and_unlabelled_ones_have_zeros(tmp_path):
    source = from_files(save_examples(tmp_path, 3, False), (2, 3))
    dataset = batching.evaluation(source, 3)
    assert dataset.element_spec["image"].shape == (None, 2, 3, 3)
    batch = take(dataset, 1)[0]
    assert not batch["label"].any()
    np.testing.assert_array_equal(batch["image"][:, 0, 0, 0], [0, 1, 2])


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (lambda: make_source(0), "no images"),
        (lambda: from_files([]), "no images"),
        (lambda: batching.evaluation(make_source(1), 0), "batch size is 0"),
        (lambda: batching.stream(make_source(1), 0, (1, 1), 0, PLAIN), "batch size"),
        (lambda: views.Augmentation((0, 4)), r"\(0, 4\)"),
        (lambda: views.Augmentation((4,)), "crop size"),
        (lambda: views.Augmentation((4, 4), ()), "scales"),
        (lambda: views.Augmentation((4, 4), (1.0, -1.0)), "above 0"),
        (
            lambda: MemorySource(
                np.zeros((2, 4, 4, 3), np.uint8), np.zeros((2, 4, 5), np.uint8)
            ),
            r"\(2, 4, 5\)",
        ),
    ],
)
def test_what_cannot_be_trained_is_refused(action, expected):
    with pytest.raises(UserError, match=expected) as caught:
        action()
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("workers", "replicas", "settings"),
    # CutMix needs pairs to stay together; two rows are the fewest that can.
    [(1, 2, VARIED), (2, 1, VARIED), (2, 2, WITH_ALL), (4, 1, VARIED)],
)
def test_workers_and_replicas_share_each_batch(workers, replicas, settings):
    arguments = (make_noise(5), make_noise(7), 8, 3, 2, settings)
    batches = take(batching.training(*arguments), 2)
    parts = []
    for worker in range(workers):
        shard = batching.WorkerShard(worker, workers, replicas)
        parts.append(take(batching.training(*arguments, shard), 2 * replicas))
    for step, batch in enumerate(batches):
        rows = [
            part
            for own in parts
            for part in own[step * replicas : (step + 1) * replicas]
        ]
        for name, values in batch.items():
            joined = np.concatenate([row[name] for row in rows])
            np.testing.assert_array_equal(joined, values, err_msg=name)


@pytest.mark.parametrize("workers", [1, 2, 3])
def test_workers_evaluate_each_image_once(workers):
    source = make_noise(7)
    numbers = [
        batch["number"].numpy().tolist()
        for worker in range(workers)
        for batch in batching.evaluation(
            source, 2, batching.WorkerShard(worker, workers)
        )
    ]
    assert sorted(numbers) == [[0, 1], [2, 3], [4, 5], [6]]
