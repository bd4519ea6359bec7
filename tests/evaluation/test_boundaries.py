import numpy as np
import pytest

from selene_tf.evaluation import boundaries


def two_halves(column, size=(6, 12)):
    labels = np.zeros(size, int)
    labels[:, column:] = 1
    return labels


def test_the_same_boundary_is_right():
    labels = two_halves(5)
    scores = boundaries.f_scores(labels, labels, 3, tolerance=1)
    np.testing.assert_array_equal(scores, [1, 1, np.nan])


@pytest.mark.parametrize(("moved", "tolerance", "score"), [(2, 1, 0), (2, 2, 1)])
def test_a_boundary_further_off_than_the_tolerance_is_wrong(moved, tolerance, score):
    scores = boundaries.f_scores(two_halves(5), two_halves(5 + moved), 2, tolerance)
    assert scores.tolist() == [score, score]


def test_the_distance_is_euclidean():
    """A corner point moved by (2, 2) is 2.83 pixels off."""
    labels, moved = np.zeros((9, 9), int), np.zeros((9, 9), int)
    labels[2, 2], moved[4, 4] = 1, 1
    assert boundaries.f_scores(labels, moved, 2, tolerance=2)[1] == 0
    assert boundaries.f_scores(labels, moved, 2, tolerance=3)[1] == 1


def test_precision_and_recall_by_hand():
    """The true boundary, of 6 pixels each side, is met; another one is invented."""
    predicted = two_halves(3)
    predicted[:, 9:] = 2
    scores = boundaries.f_scores(two_halves(3), predicted, 3, tolerance=1)
    # Class 0: all met. Class 1: half of 12 predicted pixels, all 6 true ones.
    assert scores[0] == 1
    assert scores[1] == pytest.approx(2 * 0.5 * 1 / 1.5)
    assert scores[2] == 0


def test_pixels_without_a_label_are_no_boundary_and_hide_one():
    labels = two_halves(5)
    labels[:, 4:7] = 255
    scores = boundaries.f_scores(labels, two_halves(5), 2, tolerance=1)
    assert np.isnan(scores).all()


def test_it_is_symmetric_in_labels_and_prediction():
    rng = np.random.default_rng(0)
    one, other = rng.integers(0, 4, (2, 20, 30))
    np.testing.assert_allclose(
        boundaries.f_scores(one, other, 4, 2), boundaries.f_scores(other, one, 4, 2)
    )
