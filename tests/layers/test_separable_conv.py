import math

import numpy as np
import pytest

from selene_tf.layers.separable_conv import SeparableConvNorm
from tests import numpy_layers
from tests.checks import check_layer, randomize


def features(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize(
    ("options", "shape"),
    [
        ({"filters": 6}, (2, 5, 8, 6)),
        ({"filters": 4, "strides": 2}, (2, 3, 4, 4)),
        ({"filters": 4, "activation": False, "synchronized": True}, (2, 5, 8, 4)),
    ],
)
def test_keeps_the_rules_of_layers(options, shape):
    check_layer(SeparableConvNorm(**options), features(2, 5, 8, 3), shape)


# Stride 2 on odd sides, where the stem has it: the border is one zero on each side.
@pytest.mark.parametrize("strides", [1, 2])
@pytest.mark.parametrize("activation", [False, True])
def test_depthwise_then_pointwise_as_numpy_computes_it(strides, activation):
    x = features(2, 5, 7, 3)
    layer = SeparableConvNorm(4, strides=strides, activation=activation)
    layer.build(x.shape)
    randomize(layer)
    filtered = numpy_layers.depthwise(x, layer.depthwise.kernel)
    expected = numpy_layers.conv_norm(
        filtered[:, ::strides, ::strides], layer.pointwise, activation
    )
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-5)


def test_nothing_stands_between_the_two_convolutions():
    layer = SeparableConvNorm(2, activation=False)
    layer.build((1, 4, 4, 2))
    randomize(layer)
    layer.pointwise.norm.beta.assign([0.0, 0.0])
    layer.pointwise.norm.moving_mean.assign([0.0, 0.0])
    x = features(1, 4, 4, 2)
    # Linear, so neither a ReLU nor a bias.
    np.testing.assert_allclose(layer(-2 * x), -2 * np.asarray(layer(x)), rtol=1e-4)


def test_both_kernels_start_as_kaiming_normal():
    layer = SeparableConvNorm(200)
    layer.build((1, 4, 4, 500))
    # Each channel of a depthwise kernel has a fan of 9, whatever their number.
    for kernel, fan_in in (
        (layer.depthwise.kernel, 9),
        (layer.pointwise.conv.kernel, 500),
    ):
        kernel, expected = np.asarray(kernel), math.sqrt(2 / fan_in)
        error = expected / math.sqrt(2 * kernel.size)
        assert kernel.std() == pytest.approx(expected, abs=5 * error)
