import math

import numpy as np
import pytest
import tensorflow as tf

from selene_tf import losses


@pytest.mark.parametrize("jit_compile", [None, False, True])
def test_the_pretext_loss_is_the_mean_of_the_images_with_a_task(jit_compile):
    def compute(labels, logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            shares = losses.task_weights(labels)
            values = losses.pretext_cross_entropy(labels, logits, shares)
        return values, tape.gradient(values, logits)

    if jit_compile is not None:
        compute = tf.function(compute, jit_compile=jit_compile)
    labels = tf.constant([0, -1, 1, -1])
    values, gradient = compute(labels, tf.constant([[math.log(3), 0.0]] * 4))
    # Two of four images have a task, so they count twice.
    expected = [2 * math.log(4 / 3), 0, 2 * math.log(4), 0]
    np.testing.assert_allclose(values, expected, rtol=1e-5)
    expected = [[-1 / 2, 1 / 2], [0, 0], [3 / 2, -3 / 2], [0, 0]]
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


@pytest.mark.parametrize(
    ("labels", "others", "expected"),
    [
        ([3, -1], [], [2, 0]),
        ([3, 0], [], [1, 1]),
        ([-1, -1], [], [0, 0]),
        # One of four, three of four, and none here but two elsewhere.
        ([3, -1], [0, 0], [4, 0]),
        ([3, -1], [1, 1], [4 / 3, 0]),
        ([-1, -1], [1, 1], [0, 0]),
    ],
)
def test_shares_count_the_tasks_of_all_replicas(labels, others, expected):
    def gather(asked):
        return tf.concat([tf.constant(others, tf.float32), asked], axis=0)

    shares = losses.task_weights(tf.constant(labels), gather)
    assert shares.dtype == "float32"
    np.testing.assert_allclose(shares, expected, rtol=1e-6)
