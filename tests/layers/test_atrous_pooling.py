import numpy as np

from selene_tf.architectures.topology import ATROUS_RATES
from selene_tf.layers.atrous_pooling import AtrousPooling
from tests.checks import check_layer


def features(*shape):
    return np.random.default_rng(0).normal(size=shape).astype("float32")


def test_keeps_the_rules_of_layers():
    check_layer(AtrousPooling(), features(3, 20, 24, 6), (3, 20, 24, 6))


def test_smaller_features_than_the_reach_are_fine():
    assert AtrousPooling()(features(1, 2, 3, 4)).shape == (1, 2, 3, 4)


def reached(layer, x):
    """Columns of the middle row that a change in its middle pixel moves."""
    before = np.asarray(layer(x))
    x[0, 10, 10] += 10.0
    return np.flatnonzero((np.asarray(layer(x)) != before)[0, 10].any(axis=-1)) - 10


def test_each_convolution_reaches_as_far_as_its_dilation():
    layer = AtrousPooling()
    x = features(1, 21, 21, 8)
    layer(x)
    # Without the whole image's mean, which reaches everywhere.
    kernel = layer.fuse.conv.kernel.numpy()
    kernel[:, :, -4:] = 0.0
    layer.fuse.conv.kernel.assign(kernel)
    expected = {0} | set(ATROUS_RATES) | {-rate for rate in ATROUS_RATES}
    assert set(reached(layer, x)) == expected


def test_the_mean_of_the_whole_reaches_every_pixel():
    layer = AtrousPooling()
    x = features(1, 21, 21, 8)
    assert len(reached(layer, x)) == 21
