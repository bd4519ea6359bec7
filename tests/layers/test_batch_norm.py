import numpy as np
import pytest

from selene_tf.layers.batch_norm import BatchNorm
from tests.checks import check_layer, randomize

# Two images of 3 x 4 pixels: 24 values a channel, so that the biased and the
# unbiased variance differ by 24 / 23, far above the tolerances.
SHAPE = (2, 3, 4, 5)


def features(seed=0):
    return np.random.default_rng(seed).normal(3.0, 2.0, SHAPE).astype("float32")


def normalised(x, mean, variance, layer):
    gamma, beta = np.asarray(layer.gamma), np.asarray(layer.beta)
    return (x - mean) / np.sqrt(variance + 1e-5) * gamma + beta


@pytest.fixture
def layer():
    layer = BatchNorm()
    layer.build(SHAPE)
    randomize(layer)
    return layer


def test_keeps_the_rules_of_layers():
    check_layer(BatchNorm(), features(), SHAPE)


def test_training_normalises_with_the_batch(layer):
    x = features()
    outputs = layer(x, training=True)
    # The biased variance normalises, as in PyTorch.
    expected = normalised(x, x.mean((0, 1, 2)), x.var((0, 1, 2)), layer)
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)


def test_moving_statistics_move_by_a_tenth_to_the_mean_and_unbiased_variance(layer):
    x = features()
    mean, variance = layer.moving_mean.numpy(), layer.moving_variance.numpy()
    layer(x, training=True)
    np.testing.assert_allclose(
        layer.moving_mean, 0.9 * mean + 0.1 * x.mean((0, 1, 2)), rtol=1e-5
    )
    unbiased = x.var((0, 1, 2), ddof=1)
    np.testing.assert_allclose(
        layer.moving_variance, 0.9 * variance + 0.1 * unbiased, rtol=1e-5
    )


def test_momentum_is_the_share_that_stays():
    layer = BatchNorm(momentum=0.25)
    x = features()
    layer(x, training=True)
    # The moving mean starts at 0.
    np.testing.assert_allclose(layer.moving_mean, 0.75 * x.mean((0, 1, 2)), rtol=1e-5)


def test_inference_uses_the_moving_statistics(layer):
    x = features()
    before = layer.get_weights()
    expected = normalised(
        x, layer.moving_mean.numpy(), layer.moving_variance.numpy(), layer
    )
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("synchronized", [False, True])
def test_a_frozen_layer_trains_with_the_batch_and_keeps_its_statistics(synchronized):
    layer = BatchNorm(synchronized=synchronized)
    layer.build(SHAPE)
    randomize(layer)
    layer.trainable = False
    x = features()
    before = layer.get_weights()
    outputs = layer(x, training=True)
    expected = normalised(x, x.mean((0, 1, 2)), x.var((0, 1, 2)), layer)
    np.testing.assert_allclose(outputs, expected, rtol=1e-4, atol=1e-5)
    for old, new in zip(before, layer.get_weights(), strict=True):
        np.testing.assert_array_equal(old, new)


@pytest.mark.parametrize("trainable", [False, True])
@pytest.mark.parametrize("training", [False, True])
def test_synchronised_on_one_replica_gives_what_the_fused_operation_gives(
    layer, trainable, training
):
    synchronized = BatchNorm(synchronized=True)
    synchronized.build(SHAPE)
    synchronized.set_weights(layer.get_weights())
    layer.trainable = synchronized.trainable = trainable
    x = features()
    np.testing.assert_allclose(
        synchronized(x, training=training),
        layer(x, training=training),
        rtol=1e-4,
        atol=1e-5,
    )
    # The moving statistics too, the unbiased variance among them.
    for one, other in zip(synchronized.weights, layer.weights, strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-5, err_msg=one.path)
