import keras
import numpy as np
import pytest

from selene_tf.layers.batch_norm import BatchNorm
from selene_tf.networks import dynamic_routing
from selene_tf.training import precise_batch_norm

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")


def make_network(drop_path=0.0):
    keras.utils.set_random_seed(0)
    return dynamic_routing.build(3, channels=4, num_layers=3, drop_path=drop_path)


def batches(count=3):
    rng = np.random.default_rng(0)
    return [
        rng.uniform(0, 50 * (i + 1), (2 + i, 64, 64, 3)).astype("float32")
        for i in range(count)
    ]


def first_norm(network):
    return network.get_layer("stem_1").norm


def test_statistics_are_those_of_all_batches_together():
    network = make_network()
    precise_batch_norm.recompute(network, batches())
    # What the first normalisation sees depends on no other one.
    stem = network.get_layer("stem_1")
    normalize = network.get_layer("normalize")
    means, squares = [], []
    for images in batches():
        features = np.asarray(stem.conv(normalize(images)), "float64").reshape(-1, 64)
        means.append(features.mean(axis=0))
        squares.append((features**2).mean(axis=0))
    mean = np.mean(means, axis=0)
    np.testing.assert_allclose(stem.norm.moving_mean, mean, rtol=1e-4, atol=1e-5)
    # The variance between the batches included, which is a large part of it here.
    total = np.mean(squares, axis=0) - mean**2
    np.testing.assert_allclose(stem.norm.moving_variance, total, rtol=1e-4)
    within = np.mean(squares - np.square(means), axis=0)
    assert (total > 1.05 * within).any()


def test_one_batch_makes_inference_what_training_is():
    network = make_network()
    images = batches(1)[0]
    precise_batch_norm.recompute(network, [images])
    inference = np.asarray(network(images, training=False)["logits"])
    training = np.asarray(network(images, training=True)["logits"])
    np.testing.assert_allclose(inference, training, rtol=1e-3, atol=1e-4)
    untouched = np.asarray(make_network()(images, training=False)["logits"])
    assert np.corrcoef(untouched.ravel(), training.ravel())[0, 1] < 0.95


@pytest.mark.parametrize("frozen", [False, True])
def test_weights_momentum_and_freezing_stay_as_they_were(frozen):
    network = make_network(drop_path=0.5)
    network.trainable = not frozen
    before = {
        weight.path: weight.numpy()
        for weight in network.weights
        if "moving" not in weight.path
    }
    moving = first_norm(network).moving_mean.numpy()
    precise_batch_norm.recompute(network, batches())
    for weight in network.weights:
        if weight.path in before:
            np.testing.assert_array_equal(weight, before[weight.path])
    assert (first_norm(network).moving_mean.numpy() != moving).any()
    layers = [x for x in network._flatten_layers() if isinstance(x, BatchNorm)]
    assert {layer.momentum for layer in layers} == {0.9}
    assert network.trainable is not frozen
    assert all(bool(layer.trainable) is not frozen for layer in layers)


def test_drop_path_leaves_nothing_out():
    plain, dropping = make_network(), make_network(drop_path=0.9)
    values = {weight.path: weight for weight in plain.weights}
    for weight in dropping.weights:
        if weight.path in values:
            weight.assign(values[weight.path])
    dropping.get_layer("drop_path").progress.assign(1.0)
    for network in (plain, dropping):
        precise_batch_norm.recompute(network, batches())
    for weight in dropping.weights:
        if weight.path in values:
            np.testing.assert_allclose(weight, values[weight.path], rtol=1e-5)


def test_twice_is_as_once():
    network = make_network()
    precise_batch_norm.recompute(network, batches())
    once = [weight.numpy() for weight in network.weights]
    precise_batch_norm.recompute(network, batches())
    for weight, value in zip(network.weights, once, strict=True):
        np.testing.assert_array_equal(weight, value)


def test_no_batch_is_refused_and_nothing_changes():
    network = make_network()
    before = first_norm(network).moving_mean.numpy()
    with pytest.raises(ValueError, match="empty"):
        precise_batch_norm.recompute(network, [])
    np.testing.assert_array_equal(first_norm(network).moving_mean, before)
