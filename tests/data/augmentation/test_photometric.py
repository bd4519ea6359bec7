import colorsys

import numpy as np
import pytest
import tensorflow as tf

from selene_tf.data.augmentation import photometric

RNG = np.random.default_rng(0)
IMAGE = RNG.uniform(0, 255, (20, 24, 3)).astype(np.float32)
VALID = np.ones((20, 24), bool)
FILL = (1.5, 2.5, 3.5)
COLOURS = np.float32([[200, 100, 50], [40, 90, 150]])
# What red, green and blue contribute to luma (ITU-R BT.601).
LUMA = np.float32([0.299, 0.587, 0.114])
# Two fields of one colour each, wider than the blur on either side.
HALVES = np.repeat(COLOURS[[0] * 16 + [1] * 16][np.newaxis], 8, axis=0)


def over_seeds(function, number=400):
    """Returns the results of `function` for seeds (7, 0), (7, 1), and so on."""
    seeds = tf.data.Dataset.range(number)
    results = seeds.map(
        lambda last: function(tf.stack([tf.constant(7, tf.int64), last]))
    )
    return next(iter(results.batch(number))).numpy()


def strongly_augmented(image, valid=None):
    """Returns a function of the seed."""
    valid = np.ones(image.shape[:2], bool) if valid is None else valid
    return lambda seed: photometric.strong_augment(
        tf.constant(image), tf.constant(valid), seed, FILL
    )


@pytest.fixture(scope="module")
def strong_halves():
    return over_seeds(strongly_augmented(HALVES))


def blurred_halves(views):
    """Whether the field on the left is of one colour no more, for each view."""
    return np.ptp(views[:, :, :16], axis=(1, 2)).max(axis=-1) > 0.01


def grey(views):
    return np.ptp(views, axis=-1).max(axis=(1, 2)) < 0.01


def jittered_halves(views):
    """Whether the outermost columns, too far apart to mix, have new colours."""
    expected = np.where(
        grey(views)[:, np.newaxis, np.newaxis], (COLOURS @ LUMA)[:, np.newaxis], COLOURS
    )
    return np.abs(views[:, 0, [0, -1]] - expected).max(axis=(1, 2)) > 0.1


# The bounds on shares below are four standard deviations of 400 draws wide.


def test_colours_are_jittered_for_four_in_five(strong_halves):
    assert 0.72 < jittered_halves(strong_halves).mean() < 0.88


def test_a_fifth_is_grey(strong_halves):
    assert 0.12 < grey(strong_halves).mean() < 0.28


def test_half_is_blurred(strong_halves):
    # The least sigmas, about 5%, leave no trace in an image.
    assert 0.38 < blurred_halves(strong_halves).mean() < 0.6


def test_changes_are_drawn_independently(strong_halves):
    changes = np.stack(
        [change(strong_halves) for change in (jittered_halves, grey, blurred_halves)],
        axis=1,
    )
    assert len(np.unique(changes, axis=0)) == 8
    # Four times 1 / sqrt(400).
    assert np.abs(np.corrcoef(changes.T) - np.eye(3)).max() < 0.2


def test_no_pixel_moves(strong_halves):
    sharp = strong_halves[~blurred_halves(strong_halves)]
    for field in (sharp[:, :, :16], sharp[:, :, 16:]):
        assert np.ptp(field, axis=(1, 2)).max() < 0.02
    # A blur across keeps rows alike and reaches no further than 6 pixels.
    assert np.ptp(strong_halves, axis=1).max() < 0.02
    for field in (strong_halves[:, :, :10], strong_halves[:, :, 22:]):
        assert np.ptp(field, axis=(1, 2)).max() < 0.02


def test_views_stay_in_range():
    image = np.float32(255) * (IMAGE > 128)
    image[:, :12] = 255
    views = over_seeds(strongly_augmented(image), 100)
    assert views.dtype == np.float32
    assert views.shape[1:] == IMAGE.shape
    assert views.min() >= 0
    assert views.max() <= 255


def test_padding_keeps_its_colour():
    valid = VALID.copy()
    valid[:, :3] = valid[15:] = False
    image = np.where(valid[..., np.newaxis], IMAGE, np.float32(FILL))
    views = over_seeds(strongly_augmented(image, valid), 30)
    assert (views[:, ~valid] == np.float32(FILL)).all()
    assert (views[:, valid] != np.float32(FILL)).any(axis=-1).mean() > 0.9


def test_strong_augment_depends_on_the_seed_alone():
    views = [strongly_augmented(IMAGE)((3, seed)).numpy() for seed in (1, 1, 2, 3, 4)]
    np.testing.assert_array_equal(views[0], views[1])
    assert len({view.tobytes() for view in views}) > 2


@pytest.mark.parametrize("seed", range(6))
def test_strong_augment_is_the_same_eagerly_and_in_a_data_set(seed):
    dataset = tf.data.Dataset.from_tensors((IMAGE, VALID, np.int64([5, seed])))
    mapped = dataset.map(
        lambda image, valid, seed: photometric.strong_augment(image, valid, seed, FILL)
    )
    eager = photometric.strong_augment(
        tf.constant(IMAGE), tf.constant(VALID), tf.constant([5, seed], tf.int64), FILL
    )
    # TensorFlow fuses operations in graphs, which may change the last digits.
    np.testing.assert_allclose(next(iter(mapped)), eager, rtol=0, atol=1e-3)


@pytest.mark.parametrize("height", [20, None])
def test_strong_augment_keeps_what_is_known_of_the_shape(height):
    spec = (
        tf.TensorSpec((height, None, 3), tf.float32),
        tf.TensorSpec((height, None), tf.bool),
        tf.TensorSpec((2,), tf.int64),
    )
    function = tf.function(
        lambda *arguments: photometric.strong_augment(*arguments, FILL),
        input_signature=spec,
    )
    assert function.get_concrete_function().output_shapes == (height, None, 3)


def assert_spread(drawn, low, high):
    """Checks the range, and that its ends and middle are met as a uniform draw's."""
    width = high - low
    assert low - 1e-3 < drawn.min() < low + 0.05 * width
    assert high - 0.05 * width < drawn.max() < high + 1e-3
    # Four standard deviations of the mean of 400 draws.
    assert abs(drawn.mean() - (low + high) / 2) < 4 * width / np.sqrt(12 * 400)


def test_jitter_scales_brightness_and_contrast():
    # Grey has no saturation or hue, and values up to 0.6 are never clipped: with
    # brightness b and contrast c they become b * (0.5 -+ 0.1 * c).
    values = np.repeat(np.float32([0.4, 0.6]), 4).reshape(2, 4, 1)
    image = np.repeat(values, 3, axis=2)
    views = over_seeds(lambda seed: photometric.colour_jitter(image, seed))
    dark, bright = views[:, 0, 0, 0], views[:, 1, 0, 0]
    brightness = dark + bright
    contrast = (bright - dark) / (0.2 * brightness)
    assert_spread(brightness, 0.5, 1.5)
    assert_spread(contrast, 0.5, 1.5)
    assert abs(np.corrcoef(brightness, contrast)[0, 1]) < 0.2


def test_jitter_scales_saturation_and_turns_hue():
    # Contrast leaves an image of one colour as it is; no channel is clipped.
    colour = (0.6, 0.4, 0.3)
    hue, saturation, value = colorsys.rgb_to_hsv(*colour)
    image = np.full((2, 3, 3), colour, np.float32)
    views = over_seeds(lambda seed: photometric.colour_jitter(image, seed))
    assert np.ptp(views, axis=(1, 2)).max() < 1e-5
    changed = np.array([colorsys.rgb_to_hsv(*view[0, 0]) for view in views])
    assert_spread((changed[:, 0] - hue + 0.5) % 1 - 0.5, -0.25, 0.25)
    assert_spread(changed[:, 1] / saturation, 0.5, 1.5)
    assert_spread(changed[:, 2] / value, 0.5, 1.5)
    assert np.abs(np.corrcoef(changed.T) - np.eye(3)).max() < 0.2


def test_jitter_clips_brightness_before_contrast_takes_the_mean():
    # White beside black then has a mean of at most one half. Contrast keeps it, unless
    # black is set back to 0, and white is at most 1.
    image = np.repeat(np.float32([0, 1]), 6).reshape(2, 2, 3)
    views = over_seeds(lambda seed: photometric.colour_jitter(image, seed))
    assert views.mean(axis=(1, 2)).max() < 0.5 + 1e-5


@pytest.mark.parametrize("sigma", [0.1, 0.7, 2.0])
@pytest.mark.parametrize("size", [(20, 24), (3, 1)])
def test_blur_weighs_by_a_gaussian(sigma, size):
    image = IMAGE[: size[0], : size[1]]
    distances = np.arange(-6, 7)
    squares = distances[:, np.newaxis] ** 2 + distances**2
    weights = np.exp(-squares / (2 * sigma**2))
    weights /= weights.sum()
    padded = np.pad(image, ((6, 6), (6, 6), (0, 0)), "edge")
    expected = np.zeros_like(image)
    for row, column in np.ndindex(*size):
        window = padded[row : row + 13, column : column + 13]
        expected[row, column] = np.tensordot(weights, window, 2)
    np.testing.assert_allclose(
        photometric.gaussian_blur(image, sigma), expected, rtol=0, atol=1e-3
    )


def test_blur_keeps_an_image_of_one_colour():
    image = np.full((9, 11, 3), (20, 130, 250), np.float32)
    for sigma in (0.1, 1.0, 2.0):
        blurred = photometric.gaussian_blur(image, sigma)
        np.testing.assert_allclose(blurred, image, rtol=0, atol=1e-3)


SIZE = (40, 56)


@pytest.fixture(scope="module")
def boxes():
    return over_seeds(lambda seed: photometric.cutmix_box(SIZE, seed))


def sides(boxes):
    """Returns the height and width of each box."""
    return boxes.any(axis=2).sum(axis=1), boxes.any(axis=1).sum(axis=1)


def test_half_of_the_images_have_a_box(boxes):
    assert boxes.dtype == bool
    assert boxes.shape[1:] == SIZE
    assert 0.4 < boxes.any(axis=(1, 2)).mean() < 0.6


def test_a_box_is_one_rectangle(boxes):
    for box in boxes[boxes.any(axis=(1, 2))]:
        rows, columns = np.flatnonzero(box.any(axis=1)), np.flatnonzero(box.any(axis=0))
        expected = np.zeros(SIZE, bool)
        expected[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1] = True
        np.testing.assert_array_equal(box, expected)


def test_shares_and_ratios_of_boxes_are_in_their_ranges(boxes):
    height, width = sides(boxes[boxes.any(axis=(1, 2))])
    # Sides are whole numbers: what was drawn is at most half a pixel away.
    assert ((height + 0.5) * (width + 0.5) > 0.02 * 40 * 56).all()
    assert ((height - 0.5) * (width - 0.5) < 0.4 * 40 * 56).all()
    assert ((height + 0.5) / 40 > 0.3 * (width - 0.5) / 56).all()
    assert ((height - 0.5) / 40 < 1 / 0.3 * (width + 0.5) / 56).all()
    share, ratio = height * width / (40 * 56), height / 40 / (width / 56)
    # About the ends and the middle of the ranges, in some 200 draws.
    assert share.min() < 0.04
    assert share.max() > 0.37
    assert 0.18 < share.mean() < 0.24
    assert ratio.min() < 0.6
    assert ratio.max() > 2.8
    assert 1.5 < ratio.mean() < 2.1


def test_a_side_that_does_not_fit_is_cut(boxes):
    """Shares times ratios above 1 ask for more rows than there are."""
    height, width = sides(boxes)
    assert (height == 40).any()
    assert height.max() == 40
    assert width.max() <= 56


def test_boxes_reach_every_side(boxes):
    covered = boxes.any(axis=0)
    assert covered[0].any()
    assert covered[-1].any()
    assert covered[:, 0].any()
    assert covered[:, -1].any()


@pytest.mark.parametrize("size", [(1, 1), (1, 30), (5, 300)])
def test_boxes_fit_into_images_of_any_shape(size):
    boxes = over_seeds(lambda seed: photometric.cutmix_box(size, seed), 40)
    assert boxes.shape[1:] == size
    assert 10 <= boxes.any(axis=(1, 2)).sum() <= 30


@pytest.mark.parametrize("seed", range(4))
def test_boxes_are_the_same_eagerly_and_in_a_data_set(boxes, seed):
    # Seeds of int32 and int64 give different draws.
    box = photometric.cutmix_box(SIZE, tf.constant([7, seed], tf.int64))
    np.testing.assert_array_equal(box, boxes[seed])


def test_the_size_of_a_box_may_be_a_tensor():
    shape_of = tf.function(lambda image: tf.shape(image)[:2])
    box = photometric.cutmix_box(shape_of(IMAGE), (1, 2))
    np.testing.assert_array_equal(box, photometric.cutmix_box((20, 24), (1, 2)))


def test_a_size_that_is_known_stays_known():
    dataset = tf.data.Dataset.from_tensors(np.int64([1, 2]))
    boxes = dataset.map(lambda seed: photometric.cutmix_box(SIZE, seed))
    assert boxes.element_spec.shape == SIZE
