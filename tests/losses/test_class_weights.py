import numpy as np
import pytest
import tensorflow as tf

from selene_tf import losses

WEIGHTS = (0.5, 2.0, 0.0)


def cases():
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (2, 4, 5)).astype("int32")
    labels[0, 0], labels[1, :3] = 255, 255
    return labels, rng.normal(0, 2, (2, 4, 5, 3)).astype("float32")


def negative_log_likelihoods(labels, logits):
    powers = np.exp(logits.astype("float64"))
    shares = powers / powers.sum(-1, keepdims=True)
    safe = np.where(labels == 255, 0, labels)
    return -np.log(np.take_along_axis(shares, safe[..., None], -1)[..., 0])


def weights_of(labels):
    return np.array([*WEIGHTS, *([0.0] * 253)])[labels]


def test_median_frequency_by_hand():
    # Class 0: 30 of 100 labelled pixels; class 1: 10 of the first image's 40; class 2:
    # 60 of the second's 60. Frequencies 0.3, 0.25, 1.0; their median is 0.3.
    counts = [[30, 10, 0, 0], [0, 0, 60, 0]]
    # Class 0 is in the first image alone: 30 of 40.
    weights = losses.median_frequency(counts)
    np.testing.assert_allclose(weights, [1.0, 0.75 / 0.25, 0.75 / 1.0, 1.0])


def test_an_image_without_a_class_counts_for_nothing():
    counts = [[30, 10], [0, 0]]
    assert losses.median_frequency(counts) == losses.median_frequency(counts[:1])


@pytest.mark.parametrize("jit_compile", [None, False, True])
def test_the_loss_is_the_weighted_mean_over_all_labelled_pixels(jit_compile):
    labels, logits = cases()

    def compute(labels, logits):
        return losses.cross_entropy(labels, logits, class_weights=WEIGHTS)

    if jit_compile is not None:
        compute = tf.function(compute, jit_compile=jit_compile)
    values = compute(tf.constant(labels), tf.constant(logits))
    weights = weights_of(labels)
    total = (weights * negative_log_likelihoods(labels, logits)).sum()
    np.testing.assert_allclose(np.mean(values), total / weights.sum(), rtol=1e-5)


def test_the_weight_of_a_pixel_is_that_of_all_replicas():
    """Two replicas of an image each: the mean of theirs is that of the whole batch."""
    labels, logits = cases()
    sums = [losses.label_weights(labels[i : i + 1], WEIGHTS) for i in (0, 1)]
    numbers = tf.concat([tf.reduce_sum(each, (1, 2)) for each in sums], 0)
    values = [
        losses.cross_entropy(
            labels[i : i + 1],
            logits[i : i + 1],
            weight=losses.pixel_weight([sums[i]], lambda _: numbers),
            class_weights=WEIGHTS,
        )
        for i in (0, 1)
    ]
    whole = losses.cross_entropy(labels, logits, class_weights=WEIGHTS)
    np.testing.assert_allclose(np.concatenate(values), whole, rtol=1e-5)


def test_equal_weights_change_nothing_however_small():
    labels, logits = cases()
    values = losses.cross_entropy(labels, logits, class_weights=(0.01,) * 3)
    expected = losses.cross_entropy(labels, logits)
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_labels_of_classes_that_count_0_teach_nothing():
    labels = np.full((1, 2, 2), 2, "int32")
    logits = np.ones((1, 2, 2, 3), "float32")
    assert losses.cross_entropy(labels, logits, class_weights=WEIGHTS)[0] == 0.0
    value = losses.ohem_cross_entropy(labels, logits, 0.5, class_weights=WEIGHTS)
    assert value[0] == 0.0


def test_hard_pixels_are_the_same_and_their_mean_is_weighted():
    labels, logits = cases()
    share, threshold = 0.2, 0.3
    likelihoods = np.where(
        labels == 255, 1.0, np.exp(-negative_log_likelihoods(labels, logits))
    )
    lowest = np.sort(likelihoods.ravel())[round(share * labels.size) - 1]
    kept = (likelihoods <= max(threshold, lowest)) & (labels != 255)
    weights = weights_of(labels) * kept
    expected = (weights * -np.log(likelihoods)).sum() / weights.sum()
    values = losses.ohem_cross_entropy(
        labels, logits, share, threshold, class_weights=WEIGHTS
    )
    np.testing.assert_allclose(np.mean(values), expected, rtol=1e-5)
