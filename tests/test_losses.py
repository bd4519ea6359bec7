import math

import numpy as np
import pytest
import tensorflow as tf

from selene_tf import losses

# Softmax gives 3/4 and 1/4, 1/2 and 1/2, 1/4 and 3/4.
LOG_3 = math.log(3)
LOGITS = np.array(
    [
        [[[LOG_3, 0], [0, 0], [0, LOG_3]]],
        [[[LOG_3, 0], [0, 0], [0, LOG_3]]],
        [[[LOG_3, 0], [0, 0], [0, LOG_3]]],
    ],
    "float32",
)
LABELS = np.array([[[0, 1, 0]], [[1, 255, 255]], [[255, 255, 255]]], "int32")
# -ln 3/4 - ln 1/2 - ln 1/4 over three pixels, -ln 1/4 over one, nothing.
CROSS_ENTROPY = [math.log(32 / 3) / 3, math.log(4), 0.0]


@pytest.mark.parametrize("jit_compile", [None, False, True])
def test_cross_entropy_is_a_mean_over_each_pictures_labelled_pixels(jit_compile):
    function = losses.cross_entropy
    if jit_compile is not None:
        function = tf.function(function, jit_compile=jit_compile)
    values = function(tf.constant(LABELS), tf.constant(LOGITS))
    np.testing.assert_allclose(values, CROSS_ENTROPY, rtol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_ignored_pixels_have_a_gradient_of_0(jit_compile):
    @tf.function(jit_compile=jit_compile)
    def gradient(logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            total = tf.reduce_sum(losses.cross_entropy(tf.constant(LABELS), logits))
        return tape.gradient(total, logits)

    # Softmax less the label, over the number of labelled pixels.
    expected = np.zeros_like(LOGITS)
    expected[0, 0] = np.array([[-1 / 4, 1 / 4], [1 / 2, -1 / 2], [-3 / 4, 3 / 4]]) / 3
    expected[1, 0, 0] = [3 / 4, -3 / 4]
    np.testing.assert_allclose(gradient(tf.constant(LOGITS)), expected, atol=1e-6)


def test_another_label_may_be_the_one_to_ignore():
    values = losses.cross_entropy(LABELS[:1], LOGITS[:1], ignore_label=1)
    np.testing.assert_allclose(values, [math.log(16 / 3) / 2], rtol=1e-5)


def test_a_picture_counts_the_same_however_few_of_its_pixels_are_labelled():
    rng = np.random.default_rng(0)
    logits = rng.normal(size=(1, 4, 5, 3)).astype("float32")
    labels = rng.integers(0, 3, (1, 4, 5)).astype("int32")
    twice_the_border = np.full((1, 8, 5), 255, "int32")
    twice_the_border[:, :4] = labels
    larger = np.concatenate([logits, rng.normal(size=logits.shape)], axis=1)
    np.testing.assert_allclose(
        losses.cross_entropy(twice_the_border, larger.astype("float32")),
        losses.cross_entropy(labels, logits),
        rtol=1e-5,
    )


def test_consistency_by_hand_with_padding():
    # Against 1/2 and 1/2: differences of 1/4, 0, 1/4 in both classes.
    target = np.zeros_like(LOGITS)
    valid = np.array([[[1, 1, 1]], [[1, 1, 0]], [[0, 0, 0]]], bool)
    values = losses.consistency(LOGITS, target, valid)
    np.testing.assert_allclose(values, [2 / 48, 1 / 32, 0.0], rtol=1e-5)


def test_consistency_of_equal_outputs_is_0():
    valid = np.ones(LOGITS.shape[:3], bool)
    # Softmax does not see a constant that is added to all classes.
    values = losses.consistency(LOGITS, LOGITS + 5.0, valid)
    np.testing.assert_allclose(values, np.zeros(3), atol=1e-12)


@pytest.mark.parametrize("classes", [2, 3, 19])
def test_consistency_lies_between_0_and_2_over_the_number_of_classes(classes):
    rng = np.random.default_rng(0)
    one, other = 30 * rng.normal(size=(2, 4, 6, 5, classes)).astype("float32")
    valid = np.ones((4, 6, 5), bool)
    values = np.asarray(losses.consistency(one, other, valid))
    assert (values > 0).all()
    assert (values < 2 / classes).all()
    certain = np.zeros((1, 1, 1, classes), "float32")
    certain[..., 0] = 200.0
    opposite = certain[..., ::-1].copy()
    farthest = losses.consistency(certain, opposite, np.ones((1, 1, 1), bool))
    np.testing.assert_allclose(farthest, [2 / classes], rtol=1e-6)


def test_consistency_teaches_the_first_and_not_the_target():
    logits, target = tf.constant(LOGITS), tf.zeros_like(LOGITS)
    with tf.GradientTape() as tape:
        tape.watch([logits, target])
        total = tf.reduce_sum(losses.consistency(logits, target, tf.ones((3, 1, 3))))
    to_logits, to_target = tape.gradient(total, [logits, target])
    assert to_target is None
    # At p = 3/4: the mean of two squares has the derivative (p - 1/2) dp on each
    # side, together 1/4 * 2 * p (1 - p), over three pixels.
    assert float(to_logits[0, 0, 0, 0]) == pytest.approx(2 / 4 * 3 / 16 / 3)
    np.testing.assert_allclose(to_logits[0, 0, 1], [0.0, 0.0], atol=1e-7)


def test_consistency_without_a_valid_pixel_has_a_finite_gradient():
    logits = tf.constant(LOGITS)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        values = losses.consistency(logits, -logits, tf.zeros((3, 1, 3), bool))
    np.testing.assert_array_equal(tape.gradient(values, logits), np.zeros_like(LOGITS))


@pytest.mark.parametrize(
    ("mean_cost", "expected"), [(7e9, 0.0), (14e9, 0.01), (35e9, 0.16), (0, 0.01)]
)
def test_budget_is_the_squared_distance_from_the_target_share(mean_cost, expected):
    # Of a total of 70 G, which does not fit into 32 bits.
    value = losses.budget(tf.constant(mean_cost, tf.float32), 70_000_000_000, 0.1)
    assert value.shape == ()
    assert float(value) == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_pictures_that_keep_to_the_budget_together_have_no_budget_loss():
    costs = tf.constant([2e9, 4e9, 6e9])
    with tf.GradientTape() as tape:
        tape.watch(costs)
        value = losses.budget(tf.reduce_mean(costs), 20e9, 0.2)
    assert float(value) == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(tape.gradient(value, costs), np.zeros(3), atol=1e-15)


def test_every_picture_has_its_part_of_the_budgets_gradient():
    costs = tf.constant([5.0, 15.0])
    with tf.GradientTape() as tape:
        tape.watch(costs)
        value = losses.budget(tf.reduce_mean(costs), 20.0, 0.1)
    # 2 (10 / 20 - 0.1) / 20, half of it for each picture.
    np.testing.assert_allclose(tape.gradient(value, costs), [0.02, 0.02], rtol=1e-6)
