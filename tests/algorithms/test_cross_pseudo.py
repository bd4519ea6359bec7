import numpy as np
import pytest
import tensorflow as tf

from selene_tf import experiment
from selene_tf.algorithms.cross_pseudo import CrossPseudo
from selene_tf.config import Config
from tests.algorithms.batches import distance
from tests.algorithms.small import (
    build_small_network,
    cross_entropies,
    losses_of,
    make_small_batch,
    mean_over,
    outputs_of,
    small_bench,
)

BATCH = make_small_batch()
NAMES = ("first", "second")


def make_bench(weight=1.5, **options):
    options["cross_pseudo_weight"] = lambda _: weight
    return small_bench(CrossPseudo, *NAMES, **options)


def networks_of(bench):
    return [bench.algorithm.networks[name] for name in NAMES]


def by_hand(bench, batch, mask_padding=True):
    """The unweighted loss: the mean over all valid pixels of both batches."""
    losses, masks = [], []
    for prefix in ("", "unlabelled_"):
        first, second = (
            outputs_of(bench, name, batch[f"{prefix}image"])["logits"] for name in NAMES
        )
        pixels = cross_entropies(second.argmax(-1), first)
        pixels = pixels + cross_entropies(first.argmax(-1), second)
        losses.append(pixels)
        masks.append(batch[f"{prefix}valid"] | (not mask_padding))
    return mean_over(losses, masks)


@pytest.mark.parametrize("mask_padding", [True, False])
def test_each_learns_the_others_likeliest_classes(mask_padding):
    bench = make_bench(mask_padding=mask_padding)
    expected = 1.5 * by_hand(bench, BATCH, mask_padding)
    assert expected > 1.0
    # Padding makes a difference here.
    other = 1.5 * by_hand(bench, BATCH, not mask_padding)
    assert expected != pytest.approx(other, rel=1e-3)
    assert bench.step(BATCH)["cross_pseudo"] == pytest.approx(expected, rel=1e-5)


def test_a_image_of_nothing_but_padding_counts_as_0():
    valid = BATCH["unlabelled_valid"].copy()
    valid[1] = False
    batch, bench = BATCH | {"unlabelled_valid": valid}, make_bench()
    expected = 1.5 * by_hand(bench, batch)
    assert bench.step(batch)["cross_pseudo"] == pytest.approx(expected, rel=1e-5)


def test_no_gradient_goes_through_the_choice_of_a_class():
    bench = make_bench()
    chosen = {
        (name, which): outputs_of(bench, name, BATCH[which])["logits"].argmax(-1)
        for name in NAMES
        for which in ("image", "unlabelled_image")
    }
    variables = [variable.value for variable in bench.algorithm.trainable_variables]
    with tf.GradientTape() as tape:
        loss = tf.reduce_mean(losses_of(bench.algorithm, BATCH)["cross_pseudo"])
    found = tape.gradient(loss, variables)
    bench.reset()
    with tf.GradientTape() as tape:
        terms = [
            constant_labels(bench, name, which, chosen[other, which])
            for name, other in (NAMES, NAMES[::-1])
            for which in ("image", "unlabelled_image")
        ]
        # Two batches, one mean.
        pixels = sum(BATCH[f"{p}valid"].sum() for p in ("", "unlabelled_"))
        loss = 1.5 * tf.add_n(terms) / float(pixels)
    for ours, theirs in zip(found, tape.gradient(loss, variables), strict=True):
        assert (ours is None) == (theirs is None)
        if ours is not None:
            np.testing.assert_allclose(ours, theirs, rtol=1e-4, atol=1e-6)


def constant_labels(bench, name, which, labels):
    logits = bench.algorithm.networks[name](BATCH[which], training=True)["logits"]
    pixels = tf.nn.sparse_softmax_cross_entropy_with_logits(labels, logits)
    valid = BATCH[which.replace("image", "valid")].astype("float32")
    return tf.reduce_sum(pixels * valid)


def test_each_learns_from_the_labels_too_and_the_loss_is_the_sum():
    bench = make_bench()
    labelled = BATCH["label"] != 255
    for name in NAMES:
        logits = outputs_of(bench, name, BATCH["image"])["logits"]
        pixels = cross_entropies(np.where(labelled, BATCH["label"], 0), logits)
        expected = mean_over([pixels], [labelled])
        found = bench.step(BATCH)
        assert found[f"supervised_{name}"] == pytest.approx(expected, rel=1e-5)
        bench.reset()
    parts = {"supervised_first", "supervised_second", "cross_pseudo"}
    norms = {"gradient_norm_first", "gradient_norm_second"}
    monitored = {"confident_share", "confident_classes"}
    assert set(found) == parts | norms | monitored | {"loss"}
    total = sum(found[part] for part in parts)
    assert found["loss"] == pytest.approx(total, rel=1e-6)


def test_they_start_with_weights_of_their_own_and_both_move():
    bench = make_bench()
    for seed, network in enumerate(networks_of(bench)):
        for ours, theirs in zip(
            network.get_weights(), build_small_network(seed).get_weights(), strict=True
        ):
            np.testing.assert_array_equal(ours, theirs)
    before = [network.get_weights() for network in networks_of(bench)]
    # It runs once more when weights were loaded.
    bench.algorithm.on_weights_loaded()
    bench.step(BATCH)
    after = [network.get_weights() for network in networks_of(bench)]
    for old, new in zip(before, after, strict=True):
        assert distance(old, new) > 0.01
    assert distance(*before) > 0.1
    assert distance(*after) > 0.1


def test_the_networks_of_a_configuration_start_with_other_weights():
    config = Config(
        algorithm="cross_pseudo",
        channels=4,
        num_layers=3,
        steps=1,
        warm_up_steps=0,
    )
    algorithm = experiment.make_algorithm(config)
    first, second = algorithm.networks.values()
    for one, other in zip(first.weights, second.weights, strict=True):
        if one.path.endswith("kernel"):
            assert distance([one.numpy()], [other.numpy()]) > 0.1, one.path
