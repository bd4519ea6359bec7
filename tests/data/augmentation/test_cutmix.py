import numpy as np
import pytest
import tensorflow as tf

from selene_tf.data.augmentation import cutmix

RNG = np.random.default_rng(0)
IMAGES = RNG.uniform(0, 255, (4, 5, 6, 3)).astype(np.float32)
LABELS = RNG.integers(0, 9, (4, 5, 6)).astype(np.int32)
BOXES = RNG.random((4, 5, 6)) < 0.5


def test_mix_takes_a_box_from_the_other_of_two():
    values = [[[1, 2, 3]], [[4, 5, 6]]]
    boxes = [[[False, True, True]], [[True, False, False]]]
    expected = [[[1, 5, 6]], [[1, 5, 6]]]
    np.testing.assert_array_equal(cutmix.mix(values, boxes), expected)


def test_mix_pairs_first_with_second_and_third_with_fourth():
    values = [[[1, 10]], [[2, 20]], [[3, 30]], [[4, 40]]]
    boxes = [[[True, False]], [[False, False]], [[False, True]], [[True, True]]]
    expected = [[[2, 10]], [[2, 20]], [[3, 40]], [[3, 30]]]
    np.testing.assert_array_equal(cutmix.mix(values, boxes), expected)


def test_mix_leaves_the_last_of_three_as_it_is():
    values = [[[1, 10]], [[2, 20]], [[3, 30]]]
    boxes = [[[True, False]], [[True, True]], [[True, True]]]
    expected = [[[2, 10]], [[1, 10]], [[3, 30]]]
    np.testing.assert_array_equal(cutmix.mix(values, boxes), expected)


def test_mix_with_channels_mixes_each_of_them():
    mixed = cutmix.mix(IMAGES, BOXES)
    for channel in range(3):
        expected = cutmix.mix(IMAGES[..., channel], BOXES)
        np.testing.assert_array_equal(mixed[..., channel], expected)


def test_images_and_labels_mix_alike():
    images = np.repeat(LABELS[..., np.newaxis], 3, axis=3).astype(np.float32)
    mixed = cutmix.mix(images, BOXES).numpy()
    labels = cutmix.mix(LABELS, BOXES).numpy()
    np.testing.assert_array_equal(mixed, np.repeat(labels[..., np.newaxis], 3, axis=3))


@pytest.mark.parametrize("dtype", ["bool", "uint8", "int64", "float16", "float32"])
def test_mix_keeps_type_and_shape(dtype):
    for values in (LABELS.astype(dtype), IMAGES.astype(dtype)):
        mixed = cutmix.mix(values, BOXES)
        assert mixed.dtype == dtype
        assert mixed.shape == values.shape


def test_no_box_changes_nothing_and_a_full_one_swaps():
    nowhere, everywhere = np.zeros_like(BOXES), np.ones_like(BOXES)
    np.testing.assert_array_equal(cutmix.mix(IMAGES, nowhere), IMAGES)
    swapped = IMAGES[[1, 0, 3, 2]]
    np.testing.assert_array_equal(cutmix.mix(IMAGES, everywhere), swapped)


def test_mixing_twice_with_one_box_a_pair_gives_the_original():
    boxes = BOXES[[0, 0, 1, 1]]
    twice = cutmix.mix(cutmix.mix(IMAGES, boxes), boxes)
    np.testing.assert_array_equal(twice, IMAGES)


def test_two_batches_of_two_mix_as_one_of_four():
    halves = [cutmix.mix(IMAGES[part], BOXES[part]) for part in (slice(2), slice(2, 4))]
    np.testing.assert_array_equal(tf.concat(halves, 0), cutmix.mix(IMAGES, BOXES))


@pytest.mark.parametrize("batch_size", [4, None])
def test_mix_is_the_same_in_a_function(batch_size):
    spec = (
        tf.TensorSpec((batch_size, 5, 6, 3), tf.float32),
        tf.TensorSpec((batch_size, 5, 6), tf.bool),
    )
    function = tf.function(cutmix.mix, input_signature=spec)
    swap = tf.function(cutmix.neighbours, input_signature=spec[:1])
    assert function.get_concrete_function().output_shapes == (batch_size, 5, 6, 3)
    assert swap.get_concrete_function().output_shapes == (batch_size, 5, 6, 3)
    mixed = cutmix.mix(IMAGES, BOXES)
    np.testing.assert_array_equal(function(IMAGES, BOXES), mixed)


def test_mix_is_the_same_in_a_data_set():
    dataset = tf.data.Dataset.from_tensor_slices((IMAGES, BOXES)).batch(3)
    mixed = list(dataset.map(cutmix.mix))
    expected = [cutmix.mix(IMAGES[:3], BOXES[:3]), IMAGES[3:]]
    for batch, wanted in zip(mixed, expected, strict=True):
        np.testing.assert_array_equal(batch, wanted)


def test_each_pixel_sends_its_gradient_to_where_it_came_from():
    images, weights = tf.constant(IMAGES), IMAGES[::-1].copy()
    with tf.GradientTape() as tape:
        tape.watch(images)
        loss = tf.reduce_sum(cutmix.mix(images, BOXES) * weights)
    boxes = BOXES[..., np.newaxis]
    # What stays, and what the neighbour's box took.
    expected = np.where(boxes, 0, weights) + np.where(boxes, weights, 0)[[1, 0, 3, 2]]
    gradient = tf.convert_to_tensor(tape.gradient(loss, images))
    np.testing.assert_allclose(gradient, expected)


@pytest.mark.parametrize(
    ("number", "order"),
    [(1, [0]), (2, [1, 0]), (3, [1, 0, 2]), (4, [1, 0, 3, 2]), (0, [])],
)
def test_neighbours_swap_places(number, order):
    for values in (np.arange(number), RNG.random((number, 2, 3, 4, 5))):
        np.testing.assert_array_equal(cutmix.neighbours(values), values[order])
