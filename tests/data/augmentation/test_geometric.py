import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from selene_tf.data.augmentation import geometric

RNG = np.random.default_rng(0)
IMAGE = RNG.integers(0, 256, (9, 12, 3)).astype(np.float32)
LABEL = RNG.integers(0, 5, (9, 12)).astype(np.int32)
FILL = (1.5, 2.5, 3.5)
SEEDS = [(1, number) for number in range(40)]
# As the pipeline calls it.
without_autograph = tf.autograph.experimental.do_not_convert


def assert_equal(first, second):
    tf.nest.map_structure(np.testing.assert_array_equal, first, second)


def run(function, seed, image=IMAGE, label=LABEL):
    """Runs an augmentation eagerly and in Dataset.map; both must agree."""
    eager = function(tf.constant(image), tf.constant(label), tf.constant(seed))
    dataset = tf.data.Dataset.from_tensors((image, label, np.int32(seed)))
    mapped = next(iter(dataset.map(without_autograph(function))))
    # Graphs may round the last digit of a position in the image in another way, and
    # neighbours differ by up to 255: the same bound for small values and large ones.
    tf.nest.map_structure(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6, atol=1e-3),
        eager,
        mapped,
    )
    return tf.nest.map_structure(lambda value: value.numpy(), mapped)


def over_seeds(function, seeds, image=IMAGE, label=LABEL):
    """What Dataset.map makes of an image: a dict of arrays, one row a seed."""
    image, label = tf.constant(image), tf.constant(label)
    dataset = tf.data.Dataset.from_tensor_slices(np.array(seeds, np.int32))
    dataset = dataset.map(without_autograph(lambda seed: function(image, label, seed)))
    rows = next(iter(dataset.batch(len(seeds))))
    return {name: values.numpy() for name, values in rows.items()}


def augmented(crop_size, scales, flip):
    return lambda image, label, seed: geometric.augment(
        image, label, seed, crop_size, scales, flip, FILL
    )


def scaled(factor, size):
    return augmented(size, (factor,), False)


def cropped(height, width):
    return augmented((height, width), (1.0,), False)


@pytest.mark.parametrize(
    ("factor", "size"),
    # 9 and 12 times the factor, rounded half up by hand.
    [(0.5, (5, 6)), (0.7, (6, 8)), (1.3, (12, 16)), (2.0, (18, 24)), (0.01, (1, 1))],
)
def test_scale_resizes_like_pillow(factor, size):
    batch = run(scaled(factor, size), (3, 4))
    assert batch["valid"].all()
    height, width = size
    image = Image.fromarray(IMAGE.astype(np.uint8))
    pillow = image.resize((width, height), Image.Resampling.BILINEAR)
    np.testing.assert_allclose(batch["image"], np.asarray(pillow), atol=1.01)
    ids = Image.fromarray(LABEL.astype(np.uint8))
    pillow = ids.resize((width, height), Image.Resampling.NEAREST)
    np.testing.assert_array_equal(batch["label"], np.asarray(pillow))


def test_scale_rounds_sides_of_one_half_up():
    image, label = np.zeros((5, 15, 3), np.float32), np.zeros((5, 15), np.int32)
    # 5.5 and 16.5; whatever is larger is padding.
    batch = run(scaled(1.1, (8, 20)), (0, 0), image, label)
    assert batch["valid"].any(1).sum() == int(5 * 1.1 + 0.5) == 6
    assert batch["valid"].any(0).sum() == int(15 * 1.1 + 0.5) == 17


def test_scale_draws_every_factor_about_as_often():
    function = augmented((18, 24), (0.5, 1.0, 2.0), False)
    heights = [
        int(function(IMAGE, LABEL, tf.constant(seed))["valid"].numpy().any(1).sum())
        for seed in SEEDS
    ]
    assert set(heights) == {5, 9, 18}
    # 40 draws at one third: a count below 5 has a probability below 1 in 1000.
    assert min(heights.count(height) for height in set(heights)) >= 5


def test_scale_of_one_changes_nothing():
    batch = run(augmented((9, 12), (1.0, 1.0), False), (3, 4))
    assert_equal((batch["image"], batch["label"]), (IMAGE, LABEL))


@pytest.mark.parametrize("factor", [0.5, 0.75, 1.25, 2.0])
@pytest.mark.parametrize("seed", SEEDS[:3])
def test_the_window_is_one_of_the_whole_scaled_and_flipped_image(factor, seed):
    """Crops are computed without the rest of the image; here is the rest."""
    image = RNG.integers(0, 256, (40, 61, 3)).astype(np.float32)
    label = np.arange(40 * 61, dtype=np.int32).reshape(40, 61)
    batch = run(augmented((17, 19), (factor,), True), seed, image, label)
    size = (int(40 * factor + 0.5), int(61 * factor + 0.5))
    resized = tf.image.resize(image, size, "bilinear", antialias=True).numpy()
    ids = tf.image.resize(label[..., None], size, "nearest").numpy()[..., 0]
    differences = []
    for image, label in ((resized, ids), (resized[:, ::-1], ids[:, ::-1])):
        for row in range(size[0] - 16):
            for column in range(size[1] - 18):
                window = np.s_[row : row + 17, column : column + 19]
                if (label[window] == batch["label"]).all():
                    differences.append(np.abs(image[window] - batch["image"]).max())
    # Enlarged, some windows have the same ids; only one has the image.
    assert min(differences) < 1e-2


def test_flip_mirrors_both_or_neither_about_half_of_the_time():
    mirrored = (IMAGE[:, ::-1], LABEL[:, ::-1])
    flips = 0
    for seed in SEEDS:
        batch = augmented((9, 12), (1.0,), True)(IMAGE, LABEL, tf.constant(seed))
        flipped = bool((batch["label"].numpy() != LABEL).any())
        flips += flipped
        expected = mirrored if flipped else (IMAGE, LABEL)
        assert_equal((batch["image"], batch["label"]), expected)
    assert 10 <= flips <= 30


# At other factors an id may be the nearest from the left and not from the right.
@pytest.mark.parametrize("factor", [1.0, 2.0])
def test_the_crop_is_drawn_after_the_flip(factor):
    unflipped = augmented((4, 5), (factor,), False)
    flipping = over_seeds(augmented((4, 5), (factor,), True), SEEDS[:8])
    plain = over_seeds(unflipped, SEEDS[:8])
    turned = over_seeds(unflipped, SEEDS[:8], IMAGE[:, ::-1], LABEL[:, ::-1])
    is_mirrored = (flipping["label"] != plain["label"]).any(axis=(1, 2))
    assert 0 < is_mirrored.sum() < 8
    for number, mirrored in enumerate(is_mirrored):
        expected = turned if mirrored else plain
        assert_equal(flipping["label"][number], expected["label"][number])
        np.testing.assert_allclose(
            flipping["image"][number], expected["image"][number], atol=1e-3
        )


@pytest.mark.parametrize("seed", SEEDS[:4])
def test_crop_is_a_window_of_both(seed):
    batch = run(cropped(4, 5), seed)
    windows = [
        (row, column)
        for row in range(6)
        for column in range(8)
        if (LABEL[row : row + 4, column : column + 5] == batch["label"]).all()
    ]
    assert len(windows) == 1
    row, column = windows[0]
    assert_equal(batch["image"], IMAGE[row : row + 4, column : column + 5])
    assert batch["valid"].all()


def test_crop_reaches_every_place():
    columns = {
        int(cropped(9, 10)(IMAGE, LABEL, tf.constant(seed))["image"][0, 0, 0])
        for seed in SEEDS
    }
    assert columns == set(IMAGE[0, :3, 0].astype(int))


def test_padding_is_centred_with_the_smaller_half_first():
    batch = run(cropped(12, 13), (0, 0))
    expected = np.zeros((12, 13), bool)
    expected[1:10, 0:12] = True
    assert_equal(batch["valid"], expected)
    assert_equal(batch["label"][1:10, :12], LABEL)
    assert_equal(batch["image"][1:10, :12], IMAGE)
    assert (batch["label"][~expected] == 255).all()
    assert (batch["image"][~expected] == np.float32(FILL)).all()


def test_one_side_is_cropped_and_the_other_padded():
    batch = run(cropped(11, 5), (2, 9))
    valid = np.repeat([False] + [True] * 9 + [False], 5).reshape(11, 5)
    assert_equal(batch["valid"], valid)
    label = batch["label"][1:10]
    starts = [c for c in range(8) if (LABEL[:, c : c + 5] == label).all()]
    assert len(starts) == 1
    assert_equal(batch["image"][1:10], IMAGE[:, starts[0] : starts[0] + 5])


def test_augment_without_anything_to_do_is_the_identity():
    batch = run(augmented((9, 12), (1.0,), False), (5, 6))
    assert_equal(batch["image"], IMAGE)
    assert_equal(batch["label"], LABEL)
    assert batch["valid"].all()


def test_augment_takes_bytes_and_gives_static_shapes():
    spec = (
        tf.TensorSpec((None, None, 3), tf.uint8),
        tf.TensorSpec((None, None), tf.uint8),
        tf.TensorSpec((2,), tf.int64),
    )
    function = tf.function(augmented((4, 5), (0.5, 2.0), True), input_signature=spec)
    outputs = function.get_concrete_function().structured_outputs
    assert {name: (value.dtype, value.shape) for name, value in outputs.items()} == {
        "image": (tf.float32, (4, 5, 3)),
        "label": (tf.int32, (4, 5)),
        "valid": (tf.bool, (4, 5)),
    }


def test_augment_depends_on_the_seed_alone():
    function = augmented((4, 5), (0.5, 1.0, 1.5), True)
    assert_equal(run(function, SEEDS[0]), run(function, SEEDS[0]))
    images = over_seeds(function, SEEDS[:6])["image"]
    assert len({image.tobytes() for image in images}) > 3


def test_augment_draws_scale_and_flip_independently():
    gradient = np.repeat(np.arange(8, dtype=np.float32)[np.newaxis], 8, axis=0)
    image = np.repeat(gradient[..., np.newaxis], 3, axis=2)
    outcomes = set()
    for seed in SEEDS:
        batch = augmented((8, 8), (0.5, 1.0), True)(image, gradient, tf.constant(seed))
        valid = batch["valid"].numpy()
        row = batch["image"].numpy()[4][valid[4], 0]
        outcomes.add((int(valid.sum()), bool(row[0] > row[-1])))
    assert outcomes == {(16, False), (16, True), (64, False), (64, True)}
