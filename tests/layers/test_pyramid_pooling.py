import numpy as np
import pytest

from selene_tf.layers.pyramid_pooling import PyramidPooling, adaptive_mean
from tests.checks import check_layer


def features(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


@pytest.mark.parametrize("size", [(6, 12), (3, 5)])
def test_keeps_the_rules_of_layers(size):
    check_layer(PyramidPooling(), features(3, *size, 8), (3, *size, 8))


def test_means_of_a_grid_by_hand():
    x = np.arange(7, dtype="float32").reshape(1, 1, 7, 1)
    # Seven pixels in three parts overlap: 0-2, 2-4, 4-6.
    np.testing.assert_allclose(adaptive_mean(x, 3)[0, 0, :, 0], [1, 3, 5], rtol=1e-6)
    # Two pixels in three parts repeat: 0, both, 1.
    np.testing.assert_allclose(
        adaptive_mean(x[:, :, :2], 3)[0, 0, :, 0], [0, 0.5, 1], rtol=1e-6
    )


@pytest.mark.parametrize("bins", [1, 2, 3, 6])
@pytest.mark.parametrize("size", [(6, 12), (7, 4), (25, 33), (1, 2)])
def test_means_of_a_grid_as_pytorch_takes_them(bins, size):
    torch = pytest.importorskip("torch")
    x = features(2, *size, 3)
    theirs = torch.nn.functional.adaptive_avg_pool2d(
        torch.tensor(x.transpose(0, 3, 1, 2)), bins
    )
    np.testing.assert_allclose(
        adaptive_mean(x, bins), theirs.numpy().transpose(0, 2, 3, 1), atol=1e-5
    )


def test_the_mean_of_the_whole_reaches_every_pixel():
    layer = PyramidPooling()
    x = features(1, 12, 12, 8)
    before = np.asarray(layer(x))
    x[0, 0, 0] += 100.0
    changed = np.asarray(layer(x)) != before
    assert changed[0, -1, -1].any()
