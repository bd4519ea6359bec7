import math

import numpy as np
import pytest

from selene_tf.layers.conv_norm import ConvNorm
from tests import numpy_layers
from tests.checks import check_layer, randomize


def features(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"filters": 6}, (2, 5, 7, 6)),
        ({"filters": 4, "kernel_size": 3, "activation": False}, (2, 5, 7, 4)),
        ({"filters": 4, "kernel_size": 3, "padding": "valid"}, (2, 3, 5, 4)),
        ({"filters": 4, "kernel_size": 3, "strides": 2}, (2, 3, 4, 4)),
        ({"filters": 4, "synchronized": True}, (2, 5, 7, 4)),
    ],
)
def test_keeps_the_rules_of_layers(options, shape):
    check_layer(ConvNorm(**options), features(2, 5, 7, 3), shape)


@pytest.mark.parametrize("activation", [False, True])
@pytest.mark.parametrize("strides", [1, 2])
def test_a_1x1_convolution_as_numpy_computes_it(activation, strides):
    x = features(2, 5, 6, 3)
    layer = ConvNorm(4, strides=strides, activation=activation)
    layer.build(x.shape)
    randomize(layer)
    # A 1x1 kernel with stride 2 takes pixels 0, 2, 4, ...
    subsampled = x[:, ::strides, ::strides]
    expected = numpy_layers.conv_norm(subsampled, layer, activation)
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)
    # Else the activation would make no difference here.
    assert (numpy_layers.conv_norm(subsampled, layer, activation=False) < 0).any()


def test_a_3x3_convolution_without_padding_sums_the_window():
    layer = ConvNorm(1, 3, padding="valid", strides=2, activation=False)
    layer.build((1, 5, 5, 1))
    layer.conv.kernel.assign(np.ones((3, 3, 1, 1)))
    x = np.arange(25, dtype="float32").reshape(1, 5, 5, 1)
    # Centres of the four windows are 6, 8, 16, 18; epsilon 1e-5 is all that the
    # untouched normalisation does.
    expected = np.array([[54, 72], [144, 162]]) / math.sqrt(1 + 1e-5)
    np.testing.assert_allclose(layer(x)[0, :, :, 0], expected, rtol=1e-6)


@pytest.mark.parametrize(("kernel_size", "channels"), [(1, 200), (3, 64)])
def test_starts_as_kaiming_normal(kernel_size, channels):
    layer = ConvNorm(300, kernel_size)
    layer.build((1, 4, 4, channels))
    kernel = np.asarray(layer.conv.kernel)
    expected = math.sqrt(2 / (channels * kernel_size**2))
    # The standard error of a normal sample's deviation is std / sqrt(2 n).
    error = expected / math.sqrt(2 * kernel.size)
    assert kernel.std() == pytest.approx(expected, abs=5 * error)
    assert abs(kernel.mean()) < 5 * expected / math.sqrt(kernel.size)
    # A truncated normal stops at 2.28 of its own standard deviations; of a true
    # normal 1.24 % lie beyond 2.5.
    beyond = (np.abs(kernel) > 2.5 * expected).mean()
    assert beyond == pytest.approx(0.01242, abs=0.003)


def test_has_no_bias_and_four_numbers_a_channel_for_the_normalisation():
    layer = ConvNorm(4, 3)
    layer.build((1, 4, 4, 3))
    assert layer.count_params() == 3 * 3 * 3 * 4 + 4 * 4
