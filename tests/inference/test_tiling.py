import tracemalloc

import numpy as np
import pytest

from selene_tf.inference import tiling
from tests.inference.toy_models import WEIGHTS, expected_labels


def random_image(height, width, seed=0):
    rng = np.random.default_rng(seed)
    return rng.integers(0, 256, (height, width, 3), dtype=np.uint8)


def pixelwise_logits(windows):
    return windows.astype(np.float32) @ WEIGHTS / 64


def by_place(windows):
    """Logits that depend on the place in the window too, and on all of it."""
    rows, columns = np.indices(windows.shape[1:3])
    place = np.stack([rows, columns, rows * columns], -1).astype(np.float32)
    return windows / 50 + np.cos(place) + windows.mean((1, 2, 3), keepdims=True) / 9


def in_full(image, window, starts, compute_logits):
    """Mean probabilities with all sums in memory; starts of rows and columns."""
    height, width = image.shape[:2]
    size = max(height, window[0]), max(width, window[1])
    padded = np.tile(np.array([124, 116, 104], np.uint8), (*size, 1))
    padded[:height, :width] = image
    sums, counts = np.zeros((*size, 3)), np.zeros((*size, 1))
    for top in starts[0]:
        for left in starts[1]:
            place = np.s_[top : top + window[0], left : left + window[1]]
            scores = np.exp(compute_logits(padded[place][None])[0].astype(np.float64))
            sums[place] += scores / scores.sum(-1, keepdims=True)
            counts[place] += 1
    return (sums / counts)[:height, :width]


@pytest.mark.parametrize(
    ("length", "window", "overlap", "expected"),
    [
        (10, 10, 0.25, [0]),
        (11, 10, 0.0, [0, 1]),
        (20, 10, 0.0, [0, 10]),
        (20, 8, 0.25, [0, 6, 12]),
        (21, 8, 0.25, [0, 6, 12, 13]),
        (5, 3, 0.99, [0, 1, 2]),
    ],
)
def test_windows_start_a_step_apart_and_end_at_the_border(
    length, window, overlap, expected
):
    assert tiling.starts(length, window, overlap) == expected


@pytest.mark.parametrize(
    ("size", "window", "overlap", "starts"),
    [
        ((23, 17), (8, 8), 0.25, ([0, 6, 12, 15], [0, 6, 9])),
        (
            (23, 17),
            (7, 5),
            0.7,
            ([0, 2, 4, 6, 8, 10, 12, 14, 16], list(range(0, 13, 2))),
        ),
        ((9, 31), (9, 16), 0.0, ([0], [0, 15])),
        ((5, 20), (8, 8), 0.5, ([0], [0, 4, 8, 12])),
        ((20, 5), (8, 8), 0.5, ([0, 4, 8, 12], [0])),
    ],
)
def test_bands_are_the_means_over_all_windows(size, window, overlap, starts):
    image = random_image(*size)
    bands = list(tiling.bands(image, window, overlap, by_place))
    rows = [first for first, _ in bands]
    assert rows == starts[0]
    means = np.concatenate([band for _, band in bands])
    expected = in_full(image, window, starts, by_place)
    np.testing.assert_allclose(means, expected, atol=1e-6)
    np.testing.assert_allclose(means.sum(-1), 1, atol=1e-6)
    labels = tiling.label_map(image, window, overlap, by_place)
    np.testing.assert_array_equal(labels, expected.argmax(-1))


@pytest.mark.parametrize("at_once", [2, 5, 100])
def test_windows_may_go_through_in_batches(at_once):
    image, batches, shown = random_image(23, 17), [], []

    def logits(windows):
        batches.append(len(windows))
        return by_place(windows)

    labels = tiling.label_map(
        image, (8, 8), 0.25, logits, at_once, lambda *counts: shown.append(counts)
    )
    expected = tiling.label_map(image, (8, 8), 0.25, by_place)
    np.testing.assert_array_equal(labels, expected)
    assert sum(batches) == 12 == tiling.count((23, 17), (8, 8), 0.25)
    assert max(batches) == min(at_once, 12)
    assert shown[-1] == (12, 12)
    assert [done for done, _ in shown] == np.cumsum(batches).tolist()


def test_a_wide_image_is_a_tall_one_turned():
    """The network sees windows as they are, whichever side is the longer one."""
    image = random_image(9, 40)
    expected = in_full(
        image, (8, 6), (tiling.starts(9, 8, 0.5), tiling.starts(40, 6, 0.5)), by_place
    )
    labels = tiling.label_map(image, (8, 6), 0.5, by_place, at_once=3)
    np.testing.assert_array_equal(labels, expected.argmax(-1))


def test_a_long_strip_needs_little_memory():
    """Sums are held for the shorter side: here for 8 x 8 pixels, not for 8 x 200000."""
    image = random_image(2, 200_000)
    tracemalloc.start()
    labels = tiling.label_map(image, (8, 8), 0.0, pixelwise_logits, at_once=64)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    np.testing.assert_array_equal(labels, expected_labels(image))
    # Labels twice and the places of 25 000 windows; three classes' sums of the whole
    # strip alone would be 19 MB.
    assert peak < 10e6


@pytest.mark.parametrize("window", [(8, 8), (13, 40), (30, 5), (64, 64)])
@pytest.mark.parametrize("overlap", [0.0, 0.25, 0.6])
def test_what_depends_on_the_pixel_alone_is_not_changed_by_windows(window, overlap):
    image = random_image(29, 33)
    labels = tiling.label_map(image, window, overlap, pixelwise_logits)
    assert labels.dtype == np.uint8
    np.testing.assert_array_equal(labels, expected_labels(image))


def test_the_network_sees_whole_windows_padded_with_the_mean_colour():
    windows_shown = []

    def logits(windows):
        windows_shown.append(windows.copy())
        return pixelwise_logits(windows)

    image = random_image(3, 4)
    tiling.label_map(image, (5, 6), 0.25, logits)
    assert len(windows_shown) == 1
    np.testing.assert_array_equal(windows_shown[0][0, :3, :4], image)
    assert (windows_shown[0][0, 3:] == tiling.PADDING_COLOUR).all()
    assert (windows_shown[0][0, :, 4:] == tiling.PADDING_COLOUR).all()


def test_in_one_window_what_differs_by_rounding_is_told_apart():
    def logits(windows):
        scores = np.zeros((*windows.shape[:3], 3), np.float32)
        scores[..., 2] = 1e-12
        return scores

    labels = tiling.label_map(random_image(4, 4), (4, 4), 0.25, logits)
    assert (labels == 2).all()


def test_no_more_than_a_row_of_windows_is_in_memory():
    image = random_image(400, 20)
    for first, band in tiling.bands(image, (8, 8), 0.25, pixelwise_logits):
        assert len(band) <= 8
        # What was handed out is the caller's; later windows do not change it.
        band[:] = -first
