import numpy as np
import pytest
import tensorflow as tf

from selene_tf.layers.resize import BilinearUpsample, CropLike, PadToMultiple, resize
from tests import numpy_layers
from tests.checks import check_layer


def features(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("factor", [1, 2, 4])
def test_enlarge_keeps_the_rules_of_layers(factor):
    shape = (2, 3 * factor, 5 * factor, 4)
    check_layer(BilinearUpsample(factor), features(2, 3, 5, 4), shape)


@pytest.mark.parametrize("axis", [1, 2])
def test_enlarge_by_2_has_half_pixel_centres_and_clamped_edges(axis):
    shape = [1, 1, 1, 1]
    shape[axis] = 4
    x = np.arange(4, dtype="float32").reshape(shape)
    outputs = np.asarray(BilinearUpsample(2)(x)).take(0, axis=3 - axis)
    np.testing.assert_array_equal(
        outputs.ravel(), [0, 0.25, 0.75, 1.25, 1.75, 2.25, 2.75, 3]
    )


def test_enlarge_by_4_weighs_with_odd_eighths():
    x = np.array([0, 8], "float32").reshape(1, 1, 2, 1)
    outputs = np.asarray(BilinearUpsample(4)(x))[0, 0, :, 0]
    np.testing.assert_array_equal(outputs, [0, 0, 1, 3, 5, 7, 8, 8])


def test_enlarge_treats_height_width_and_channels_alike():
    x = features(2, 3, 5, 4)
    np.testing.assert_allclose(
        BilinearUpsample(2)(x), numpy_layers.double(x), atol=1e-6
    )


@pytest.mark.parametrize(
    ("layer", "inputs", "expected"),
    [
        (BilinearUpsample(2), (None, None, 3, 4), (None, None, 6, 4)),
        (PadToMultiple(8), (None, None, 9, 4), (None, None, 16, 4)),
    ],
)
def test_sizes_may_be_unknown(layer, inputs, expected):
    assert layer.compute_output_shape(inputs) == expected


@pytest.mark.parametrize(
    ("size", "padded"), [((5, 7), (8, 8)), ((8, 16), (8, 16)), ((1, 9), (8, 16))]
)
def test_pad_keeps_the_rules_of_layers(size, padded):
    check_layer(PadToMultiple(8), features(2, *size, 3), (2, *padded, 3))


def test_pad_adds_zeros_at_the_bottom_and_the_right():
    x = features(1, 2, 3, 1)
    expected = np.zeros((1, 4, 4, 1), "float32")
    expected[:, :2, :3] = x
    np.testing.assert_array_equal(PadToMultiple(4)(x), expected)


def test_crop_keeps_the_rules_of_layers():
    check_layer(CropLike(), [features(2, 8, 8, 3), features(2, 5, 7, 1)], (2, 5, 7, 3))


@pytest.mark.parametrize("size", [(5, 7), (8, 8), (1, 31)])
def test_crop_undoes_the_padding(size):
    x = features(2, *size, 3)
    np.testing.assert_array_equal(CropLike()([PadToMultiple(8)(x), x]), x)


@pytest.mark.parametrize("size", [(6, 10), (12, 20), (3, 5), (7, 4), (1, 1)])
def test_float64_is_the_same_interpolation(size):
    x = features(2, 3, 5, 4)
    wide = resize(tf.constant(x, tf.float64), size)
    assert wide.dtype == tf.float64
    np.testing.assert_allclose(wide, resize(tf.constant(x), size), atol=1e-6)


def test_a_smallest_size_is_padded_too():
    layer = PadToMultiple(32, at_least=128)
    assert layer(features(1, 40, 130, 1)).shape == (1, 128, 160, 1)
    assert layer.compute_output_shape((1, 40, None, 1)) == (1, 128, None, 1)
    in_graph = tf.function(
        layer, input_signature=[tf.TensorSpec((None, None, None, 1), tf.float32)]
    )
    assert in_graph(features(1, 40, 130, 1)).shape == (1, 128, 160, 1)
