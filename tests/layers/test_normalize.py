import keras
import numpy as np
import pytest

from selene_tf.layers.normalize import Normalize
from tests.checks import check_layer


@pytest.mark.parametrize("colour_order", ["rgb", "bgr"])
@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_keeps_the_rules_of_layers(dtype, colour_order):
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 3)).astype(dtype)
    layer = Normalize((1, 2, 3), (4, 5, 6), colour_order)
    check_layer(layer, images, (2, 3, 4, 3))


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_subtracts_the_mean_and_divides_channel_by_channel(dtype):
    layer = Normalize((10, 20, 30), (2, 4, 5))
    images = np.array([[[[10, 20, 30], [0, 0, 0], [255, 128, 55]]]], dtype)
    expected = [[[[0, 0, 0], [-5, -5, -6], [122.5, 27, 5]]]]
    np.testing.assert_allclose(layer(images), expected, rtol=1e-6)


def test_bytes_lose_nothing_before_the_mean_is_subtracted():
    layer = Normalize((123.675,) * 3, (1,) * 3, dtype="mixed_bfloat16")
    images = np.full((1, 1, 1, 3), 124, "uint8")
    # 0.325 to bfloat16's 8 bits; in bfloat16 all along it would be 0 or 0.5.
    outputs = np.asarray(layer(images)).astype("float32")
    np.testing.assert_allclose(outputs, 0.325, rtol=2**-8)


def test_mean_and_deviation_are_rgb_whatever_the_order_that_goes_out():
    images = np.array([[[[12, 24, 35], [255, 20, 30]]]], "uint8")
    layer = Normalize((10, 20, 30), (2, 4, 5), colour_order="bgr")
    np.testing.assert_allclose(layer(images), [[[[1, 1, 1], [0, 0, 122.5]]]])


def test_a_network_uses_values_that_are_set_before_it_is_first_run():
    image = keras.Input((None, None, 3))
    layer = Normalize((0, 0, 0), (1, 1, 1))
    network = keras.Model(image, layer(image))
    layer.mean, layer.standard_deviation = (1.0, 2.0, 3.0), (1.0, 2.0, 4.0)
    layer.colour_order = "bgr"
    images = np.array([[[[5, 6, 7]]]], "float32")
    np.testing.assert_allclose(network.predict_on_batch(images), [[[[1, 2, 4]]]])
    copy = keras.Model.from_config(network.get_config())
    np.testing.assert_allclose(copy(images), [[[[1, 2, 4]]]])


def test_another_colour_order_is_refused():
    with pytest.raises(ValueError, match="colour_order must be 'rgb' or 'bgr'"):
        Normalize((0, 0, 0), (1, 1, 1), colour_order="grb")
