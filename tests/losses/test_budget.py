import numpy as np
import pytest
import tensorflow as tf

from selene_tf import losses


@pytest.mark.parametrize(
    ("mean_cost", "expected"), [(7e9, 0.0), (14e9, 0.01), (35e9, 0.16), (0, 0.01)]
)
def test_budget_is_the_squared_distance_from_the_target_share(mean_cost, expected):
    # Of a total of 70 G, which does not fit into 32 bits.
    value = losses.budget_loss(tf.constant(mean_cost, tf.float32), 70_000_000_000, 0.1)
    assert value.shape == ()
    assert float(value) == pytest.approx(expected, rel=1e-5, abs=1e-9)


def test_images_that_keep_to_the_budget_together_have_no_budget_loss():
    costs = tf.constant([2e9, 4e9, 6e9])
    with tf.GradientTape() as tape:
        tape.watch(costs)
        value = losses.budget_loss(tf.reduce_mean(costs), 20e9, 0.2)
    assert float(value) == pytest.approx(0.0, abs=1e-12)
    np.testing.assert_allclose(tape.gradient(value, costs), np.zeros(3), atol=1e-15)


def test_every_image_has_its_part_of_the_budgets_gradient():
    costs = tf.constant([5.0, 15.0])
    with tf.GradientTape() as tape:
        tape.watch(costs)
        value = losses.budget_loss(tf.reduce_mean(costs), 20.0, 0.1)
    # 2 (10 / 20 - 0.1) / 20, half of it for each image.
    np.testing.assert_allclose(tape.gradient(value, costs), [0.02, 0.02], rtol=1e-6)
