import numpy as np
import pytest

from selene_tf.layers.pretext_head import PretextHead
from tests import numpy_layers
from tests.checks import check_layer, randomize

# Odd sides, which are halved upwards, and an even one.
SHAPES = [(5, 7, 2), (3, 4, 4), (2, 2, 8), (1, 1, 16)]


def levels(number=4, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.normal(size=(3, *shape)).astype("float32") for shape in SHAPES[:number]]


def build_head(number=4):
    """A head whose moving statistics, too, are not those of the start."""
    head = PretextHead(6)
    head.build([level.shape for level in levels(number)])
    randomize(head)
    return head


def by_hand(head, features):
    total = features[0]
    for halving, level in zip(head.halvings, features[1:], strict=True):
        total = numpy_layers.conv_norm(total[:, ::2, ::2], halving) + level
    kernel, bias = (np.asarray(weight) for weight in head.classifier.weights)
    return total.mean(axis=(1, 2)) @ kernel + bias


@pytest.mark.parametrize("options", [{}, {"synchronized": True}])
def test_keeps_the_rules_of_layers(options):
    check_layer(PretextHead(6, **options), levels(), (3, 6))


@pytest.mark.parametrize("number", [1, 2, 4])
def test_the_logits_as_numpy_computes_them(number):
    head, features = build_head(number), levels(number)
    expected = by_hand(head, features)
    np.testing.assert_allclose(head(features), expected, rtol=1e-4, atol=1e-5)
    # Else the bias alone would do.
    assert np.ptp(expected, axis=0).max() > 0.1


def test_in_training_it_normalises_with_the_batch():
    head, features = build_head(2), levels(2)
    halving = head.halvings[0]
    convolved = numpy_layers.pointwise(features[0][:, ::2, ::2], halving.conv.kernel)
    outputs = np.asarray(head(features, training=True))
    halving.norm.moving_mean.assign(convolved.mean(axis=(0, 1, 2)))
    halving.norm.moving_variance.assign(convolved.var(axis=(0, 1, 2)))
    np.testing.assert_allclose(outputs, by_hand(head, features), rtol=1e-4, atol=1e-5)


@pytest.mark.parametrize("number", range(4))
def test_every_level_matters(number):
    head, features = build_head(), levels()
    before = np.asarray(head(features))
    features[number] = levels(seed=1)[number]
    # For each of the three images.
    assert (np.abs(np.asarray(head(features)) - before).max(axis=1) > 1e-3).all()


def test_its_parameters_are_those_counted_by_hand():
    # A halving is a 1x1 kernel without bias and four values a channel, of which two
    # are statistics.
    halvings = (2 * 4 + 4 * 4) + (4 * 8 + 4 * 8) + (8 * 16 + 4 * 16)
    classifier = 16 * 6 + 6
    head = build_head()
    assert head.count_params() == halvings + classifier
    trained = sum(weight.numpy().size for weight in head.trainable_weights)
    assert trained == halvings + classifier - 2 * (4 + 8 + 16)
