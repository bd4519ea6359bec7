import math

import numpy as np
import pytest
import tensorflow as tf

from selene_tf.layers.soft_gate import SoftGate, downsample_4x
from tests import numpy_layers
from tests.checks import check_layer, randomize


def features(*shape, scale=1.0):
    return np.random.default_rng(0).normal(0, scale, shape).astype("float32")


@pytest.mark.parametrize("num_routes", [1, 2, 3])
@pytest.mark.parametrize("synchronized", [False, True])
def test_keeps_the_rules_of_layers(num_routes, synchronized):
    layer = SoftGate(num_routes, synchronized=synchronized)
    check_layer(layer, features(5, 3, 4, 6), (5, num_routes))


@pytest.mark.parametrize("bias", [1.5, 0.5])
def test_starts_open_at_the_tanh_of_its_bias(bias):
    layer = SoftGate(3, initial_bias=bias)
    layer.build((2, 3, 4, 6))
    layer.project.kernel.assign(np.zeros((3, 3)))
    expected = np.full((2, 3), math.tanh(bias))
    np.testing.assert_allclose(layer(features(2, 3, 4, 6)), expected, rtol=1e-6)


def test_the_official_bias_is_the_default():
    layer = SoftGate(2)
    layer.build((1, 3, 4, 6))
    np.testing.assert_array_equal(layer.project.bias, [1.5, 1.5])


@pytest.mark.usefixtures("float64")
def test_as_numpy_computes_it():
    layer = SoftGate(3)
    x = features(4, 3, 5, 6)
    layer.build(x.shape)
    randomize(layer)
    np.testing.assert_allclose(layer(x), numpy_layers.gate(x, layer), atol=1e-12)


def test_lies_between_0_and_1_and_closes_now_and_then():
    layer = SoftGate(3)
    x = features(64, 3, 4, 6, scale=2.0)
    layer.build(x.shape)
    randomize(layer)
    layer.project.bias.assign(np.zeros(3))
    gates = np.asarray(layer(x))
    assert gates.min() == 0.0
    assert 0.0 < gates.max() < 1.0
    assert not (gates == 0).all(axis=1).all()


def test_a_closed_gate_is_0_and_gets_no_gradient():
    layer = SoftGate(2)
    x = tf.constant(features(3, 3, 4, 6))
    layer.build(x.shape)
    layer.project.kernel.assign(np.zeros((3, 2)))
    layer.project.bias.assign([-0.2, 0.2])
    with tf.GradientTape() as tape:
        gates = layer(x, training=True)
        total = tf.reduce_sum(gates)
    np.testing.assert_array_equal(gates[:, 0], np.zeros(3))
    kernel, bias = tape.gradient(
        total, [layer.project.kernel.value, layer.project.bias.value]
    )
    np.testing.assert_array_equal(kernel[:, 0], np.zeros(3))
    # Three images, each with the slope of tanh at 0.2 behind the open gate.
    slope = 3 * (1 - math.tanh(0.2) ** 2)
    np.testing.assert_allclose(bias, [0.0, slope], rtol=1e-5)


@pytest.mark.parametrize("size", [(4, 4), (7, 9), (16, 24)])
def test_a_quarter_is_the_middle_two_of_every_four_pixels(size):
    x = features(2, *size, 3)
    rows, columns = size[0] // 4, size[1] // 4
    blocks = x[:, : 4 * rows, : 4 * columns].reshape(2, rows, 4, columns, 4, 3)
    expected = blocks[:, :, 1:3, :, 1:3].mean(axis=(2, 4))
    np.testing.assert_allclose(downsample_4x(x), expected, atol=1e-6)


@pytest.mark.parametrize("size", [(4, 8), (6, 9), (16, 23)])
def test_a_quarter_is_pytorchs_interpolation(size):
    torch = pytest.importorskip("torch")
    x = features(2, *size, 3)
    theirs = torch.nn.functional.interpolate(
        torch.tensor(x.transpose(0, 3, 1, 2)),
        scale_factor=0.25,
        mode="bilinear",
        align_corners=False,
    )
    theirs = theirs.numpy().transpose(0, 2, 3, 1)
    np.testing.assert_allclose(downsample_4x(x), theirs, atol=1e-6)
