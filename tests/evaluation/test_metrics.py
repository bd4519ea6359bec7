import math

import numpy as np
import pytest

from selene_tf.evaluation import metrics

# Labels in rows. Class 3 never occurs.
CONFUSION = np.array([[3, 1, 0, 0], [0, 2, 2, 0], [0, 0, 0, 0], [0, 0, 0, 0]])


@pytest.mark.parametrize("dtype", [np.uint8, np.int32, np.int64])
def test_confusion_matrix_by_hand(dtype):
    labels = np.array([[0, 0, 0, 0, 255], [1, 1, 1, 1, 255]], dtype)
    predictions = np.array([[0, 1, 0, 0, 3], [1, 2, 1, 2, 0]], dtype)
    counts = metrics.confusion_matrix(labels, predictions, num_classes=4)
    np.testing.assert_array_equal(counts, CONFUSION)
    assert counts.dtype == np.int64


def test_matrices_of_parts_add_up_to_that_of_the_whole():
    rng = np.random.default_rng(0)
    labels, predictions = rng.integers(0, 20, (2, 6, 50, 40)).astype("uint8")
    labels[labels == 19], predictions[predictions == 19] = 255, 0
    confusion = metrics.confusion_matrix(labels, predictions, 19)
    parts = [
        metrics.confusion_matrix(*part, 19)
        for part in zip(labels, predictions, strict=True)
    ]
    np.testing.assert_array_equal(sum(parts), confusion)
    # 19 * 18 + 18 does not fit into the labels' own uint8.
    assert confusion.sum() == (labels != 255).sum()
    assert confusion[18, 18] == ((labels == 18) & (predictions == 18)).sum() > 0


def test_another_label_may_be_the_one_to_ignore():
    counts = metrics.confusion_matrix([0, 1, 1], [0, 0, 0], 2, ignore_label=1)
    np.testing.assert_array_equal(counts, [[1, 0], [0, 0]])


@pytest.mark.parametrize("label", [-1, 4, 33, 254])
def test_a_label_out_of_range_is_refused(label):
    with pytest.raises(ValueError, match=rf"{label}.*0\.\.3 or 255"):
        metrics.confusion_matrix([0, label, 255], [0, 0, 0], num_classes=4)


def test_only_ignored_pixels_give_zeros():
    counts = metrics.confusion_matrix([255, 255], [0, 1], num_classes=2)
    np.testing.assert_array_equal(counts, np.zeros((2, 2)))
    assert math.isnan(metrics.mean_iou(counts))
    assert metrics.pixel_accuracy(counts) == 0.0


def test_iou_by_hand():
    # Class 2 is predicted twice and never right; class 3 does not occur.
    np.testing.assert_allclose(metrics.iou(CONFUSION), [3 / 4, 2 / 5, 0, np.nan])


def test_mean_iou_leaves_out_the_class_that_does_not_occur():
    assert metrics.mean_iou(CONFUSION) == pytest.approx((3 / 4 + 2 / 5 + 0) / 3)


def test_pixel_accuracy_by_hand():
    assert metrics.pixel_accuracy(CONFUSION) == pytest.approx(5 / 8)
