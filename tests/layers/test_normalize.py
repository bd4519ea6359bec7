import numpy as np
import pytest

from selene_tf.layers.normalize import Normalize
from tests.checks import check_layer


@pytest.mark.parametrize("dtype", ["float32", "uint8"])
def test_keeps_the_rules_of_layers(dtype):
    images = np.random.default_rng(0).integers(0, 256, (2, 3, 4, 3)).astype(dtype)
    check_layer(Normalize((1, 2, 3), (4, 5, 6)), images, (2, 3, 4, 3))


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
