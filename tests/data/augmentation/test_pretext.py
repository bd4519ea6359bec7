import numpy as np
import pytest
import tensorflow as tf

from selene_tf.data.augmentation.permutations import jigsaw_permutations
from selene_tf.data.augmentation.pretext import (
    Pretext,
    inverse,
    rotate,
    set_task,
    shuffle_tiles,
)

RNG = np.random.default_rng(0)
FILL = (1.5, 2.5, 3.5)
SEEDS = np.array([(7, number) for number in range(400)], np.int64)
JIGSAW, ROTATION = Pretext("jigsaw"), Pretext("rotation")
ALWAYS = {kind: Pretext(kind, probability=1.0) for kind in ("jigsaw", "rotation")}


def example(height, width):
    """An image without equal pixels; part of it is padding."""
    label = np.arange(height * width, dtype=np.int32).reshape(height, width)
    channels = [label, label + 1000, label + 2000]
    valid = np.random.default_rng(1).random((height, width)) < 0.7
    return {
        "image": np.stack(channels, axis=-1).astype(np.float32),
        "label": label,
        "valid": valid,
    }


def results(pretext, size=(7, 7), seeds=SEEDS):
    """What `Dataset.map` makes of one image: a dict of arrays, one row a seed."""
    image = example(*size)
    dataset = tf.data.Dataset.from_tensor_slices(seeds)
    dataset = dataset.map(lambda seed: set_task(image, seed, pretext, FILL))
    rows = next(iter(dataset.batch(len(seeds))))
    return image, {name: value.numpy() for name, value in rows.items()}


def assert_equal(first, second):
    tf.nest.map_structure(np.testing.assert_array_equal, first, second)


def test_tiles_move_as_drawn_by_hand():
    numbers = np.array([[0, 1, 2], [3, 4, 5], [6, 7, 8]]).repeat(2, 0).repeat(2, 1)
    expected = [
        [4, 4, 0, 0, 8, 8],
        [4, 4, 0, 0, 8, 8],
        [1, 1, 2, 2, 3, 3],
        [1, 1, 2, 2, 3, 3],
        [5, 5, 7, 7, 6, 6],
        [5, 5, 7, 7, 6, 6],
    ]
    order = [4, 0, 8, 1, 2, 3, 5, 7, 6]
    assert_equal(shuffle_tiles(numbers, order, 0).numpy(), np.array(expected))


def test_pixels_keep_their_place_in_the_tile_and_the_rest_is_filled():
    # Eight rows of seven: tiles of 2 x 2, two rows and one column left over.
    image = np.arange(56).reshape(8, 7)
    expected = [
        [2, 3, 4, 5, 0, 1, -9],
        [9, 10, 11, 12, 7, 8, -9],
        [28, 29, 14, 15, 16, 17, -9],
        [35, 36, 21, 22, 23, 24, -9],
        [32, 33, 30, 31, 18, 19, -9],
        [39, 40, 37, 38, 25, 26, -9],
        [-9, -9, -9, -9, -9, -9, -9],
        [-9, -9, -9, -9, -9, -9, -9],
    ]
    order = [1, 2, 0, 6, 3, 4, 8, 7, 5]
    assert_equal(shuffle_tiles(image, order, -9).numpy(), np.array(expected))


def test_tiles_may_be_wider_than_high_and_have_channels():
    image = RNG.random((4, 8, 3)).astype(np.float32)
    result = shuffle_tiles(image, [8, 7, 6, 5, 4, 3, 2, 1, 0], FILL).numpy()
    # Reversed tiles of 1 x 2 pixels.
    for row, column in np.ndindex(3, 3):
        tile = result[row, 2 * column : 2 * column + 2]
        assert_equal(tile, image[2 - row, 4 - 2 * column : 6 - 2 * column])
    assert (result[3:] == np.float32(FILL)).all()
    assert (result[:, 6:] == np.float32(FILL)).all()


@pytest.mark.parametrize("shape", [(6, 6), (8, 7), (11, 3, 2), (3, 10, 3)])
@pytest.mark.parametrize("seed", range(3))
def test_the_inverse_brings_every_tile_back(shape, seed):
    order = np.random.default_rng(seed).permutation(9).astype(np.int32)
    image = RNG.integers(0, 1000, shape)
    back = shuffle_tiles(shuffle_tiles(image, order, 0), inverse(order), 0).numpy()
    height, width = shape[0] // 3 * 3, shape[1] // 3 * 3
    assert_equal(back[:height, :width], image[:height, :width])


@pytest.mark.parametrize("quarter_turns", range(-1, 6))
@pytest.mark.parametrize("shape", [(5, 5), (4, 4, 3)])
def test_rotation_is_numpys(quarter_turns, shape):
    image = RNG.integers(0, 1000, shape)
    result = rotate(image, tf.constant(quarter_turns)).numpy()
    assert_equal(result, np.rot90(image, quarter_turns))


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int32, np.float32])
def test_types_stay(dtype):
    image = np.ones((4, 4), dtype)
    assert shuffle_tiles(image, range(9), 0).dtype == dtype
    assert rotate(image, 1).dtype == dtype


@pytest.mark.parametrize("kind", ALWAYS)
@pytest.mark.parametrize("size", [(9, 9), (8, 8)])
def test_image_and_labels_move_alike(kind, size):
    """In the original, every pixel holds its number; so do the labels."""
    original, rows = results(ALWAYS[kind], size, SEEDS[:30])
    for image, label, valid in zip(
        rows["image"], rows["label"], rows["valid"], strict=True
    ):
        left_over = label == 255
        assert (image[left_over] == np.float32(FILL)).all()
        assert not valid[left_over].any()
        assert_equal(
            image[~left_over], original["image"].reshape(-1, 3)[label[~left_over]]
        )
        assert_equal(valid[~left_over], original["valid"].ravel()[label[~left_over]])
        assert left_over.sum() == (28 if (kind, size) == ("jigsaw", (8, 8)) else 0)


def test_the_jigsaw_label_names_the_permutation():
    original, rows = results(JIGSAW)
    orders = jigsaw_permutations(100)
    for number, image, label in zip(
        rows["pretext_label"], rows["image"], rows["label"], strict=True
    ):
        if number == -1:
            assert_equal((image, label), (original["image"], original["label"]))
            continue
        for values, name in ((image, "image"), (label, "label")):
            back = np.empty((6, 6, *values.shape[2:]), values.dtype)
            for target, source in enumerate(orders[number]):
                back[cell(source)] = values[cell(target)]
            assert_equal(back, original[name][:6, :6])


def cell(tile):
    """The pixels of a tile of 2 x 2."""
    row, column = tile // 3 * 2, tile % 3 * 2
    return slice(row, row + 2), slice(column, column + 2)


def test_the_rotation_label_counts_the_quarter_turns():
    original, rows = results(ROTATION)
    for index, number in enumerate(rows["pretext_label"]):
        for name, values in original.items():
            assert_equal(np.rot90(rows[name][index], -max(number, 0)), values)


@pytest.mark.parametrize("kind", ALWAYS)
@pytest.mark.parametrize("probability", [0.1, 0.5, 0.9])
def test_the_share_of_tasks_is_the_probability(kind, probability):
    _, rows = results(Pretext(kind, probability), (3, 3))
    tasks = (rows["pretext_label"] >= 0).sum()
    # Beyond 4 standard deviations lies less than 1 of 10000.
    deviation = np.sqrt(400 * probability * (1 - probability))
    assert abs(tasks - 400 * probability) < 4 * deviation


def test_with_certainty_every_image_gets_one_of_all_labels():
    for kind, num_classes in (("rotation", 4), ("jigsaw", 10)):
        _, rows = results(Pretext(kind, 1.0, num_permutations=10), (3, 3))
        counts = np.bincount(rows["pretext_label"], minlength=num_classes)
        expected = 400 / num_classes
        assert counts.shape == (num_classes,)
        assert abs(counts - expected).max() < 4 * np.sqrt(expected)


@pytest.mark.parametrize("kind", ALWAYS)
def test_the_label_is_not_tied_to_whether_there_is_a_task(kind):
    """The same seeds draw the same label, whatever the probability."""
    labels = results(Pretext(kind, 1.0, 4), (3, 3))[1]["pretext_label"]
    sometimes = results(Pretext(kind, 0.5, 4), (3, 3))[1]["pretext_label"]
    chosen = sometimes >= 0
    assert_equal(sometimes[chosen], labels[chosen])
    # Of some 200 about 50 each, with a standard deviation of about 6.
    for group in (labels[chosen], labels[~chosen]):
        assert np.bincount(group, minlength=4).min() > 50 - 4 * 6.2


@pytest.mark.parametrize("pretext", [JIGSAW, ROTATION], ids=lambda p: p.kind)
def test_the_result_depends_on_the_seed_alone(pretext):
    original, rows = results(pretext, seeds=SEEDS[:8])
    for index, seed in enumerate(SEEDS[:8]):
        eager = set_task(original, tf.constant(seed), pretext, FILL)
        assert_equal(eager, {name: value[index] for name, value in rows.items()})
    assert set(rows["pretext_label"]) > {-1}


@pytest.mark.parametrize("pretext", [JIGSAW, ROTATION], ids=lambda p: p.kind)
def test_shapes_are_known_in_advance(pretext):
    specs = tf.data.Dataset.from_tensors(example(8, 8)).element_spec
    function = tf.function(lambda values, seed: set_task(values, seed, pretext, FILL))
    function = function.get_concrete_function(specs, tf.TensorSpec((2,), tf.int64))
    outputs = function.structured_outputs
    assert {name: (value.dtype, value.shape) for name, value in outputs.items()} == {
        "image": (tf.float32, (8, 8, 3)),
        "label": (tf.int32, (8, 8)),
        "valid": (tf.bool, (8, 8)),
        "pretext_label": (tf.int32, ()),
    }


def test_the_number_of_classes_follows_the_task():
    assert Pretext("jigsaw", num_permutations=30).num_classes == 30
    assert Pretext("rotation", num_permutations=30).num_classes == 4


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"kind": "jigsaws"}, "is 'jigsaws'; give jigsaw or rotation"),
        ({"probability": 0.0}, "is 0.0; give a number above 0"),
        ({"probability": 1.01}, "is 1.01; give a number above 0"),
        ({"num_permutations": 0}, "is 0; give 1 to 1000"),
        ({"num_permutations": 1001}, "is 1001; give 1 to 1000"),
    ],
)
def test_settings_out_of_range_are_refused(settings, message):
    with pytest.raises(ValueError, match=message):
        Pretext(**{"kind": "jigsaw", **settings})


def test_rotation_refuses_what_is_not_square():
    message = "3 x 4 pixels; the rotation task needs a square crop"
    with pytest.raises(ValueError, match=message):
        rotate(np.zeros((3, 4)), 0)
    with pytest.raises(ValueError, match=message):
        results(ROTATION, (3, 4))


def test_jigsaw_refuses_what_has_no_tiles():
    message = "8 x 2 pixels; the jigsaw task needs a crop of at least 3 x 3"
    with pytest.raises(ValueError, match=message):
        shuffle_tiles(np.zeros((8, 2)), range(9), 0)
    with pytest.raises(ValueError, match=message):
        results(JIGSAW, (8, 2))


@pytest.mark.parametrize("shape", [(None, 9), (9, None), (None, None)])
def test_sizes_that_are_not_known_are_refused(shape):
    for move in (lambda v: rotate(v, 1), lambda v: shuffle_tiles(v, range(9), 0)):
        function = tf.function(move, autograph=False)
        with pytest.raises(ValueError, match="None"):
            function.get_concrete_function(tf.TensorSpec(shape))
