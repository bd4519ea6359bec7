import keras
import numpy as np
import pytest
import tensorflow as tf

from selene_tf import losses
from tests.algorithms.batches import build_network, make_batch

BATCH = make_batch(size=4, crop=64)


@pytest.fixture(scope="module")
def networks():
    """The same network in float32 and in bfloat16."""
    exact = build_network()
    before = keras.config.dtype_policy()
    keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        mixed = build_network(seed=1)
    finally:
        keras.config.set_dtype_policy(before)
    mixed.set_weights(exact.get_weights())
    return exact, mixed


def loss_and_gradient(network):
    with tf.GradientTape() as tape:
        logits = network(BATCH["image"], training=True)["logits"]
        loss = tf.reduce_mean(losses.cross_entropy(BATCH["label"], logits))
    gradients = tape.gradient(loss, [v.value for v in network.trainable_variables])
    return float(loss), np.concatenate([np.ravel(each) for each in gradients])


def test_weights_and_what_the_loss_sees_are_float32(networks):
    _, mixed = networks
    assert {weight.dtype for weight in mixed.weights} == {"float32"}
    outputs = mixed(BATCH["image"])
    assert outputs["logits"].dtype == tf.float32
    # It does compute in bfloat16, whose eight bits the features show.
    features = outputs["features"][0]
    assert features.dtype == tf.bfloat16


def test_a_step_in_bfloat16_goes_where_one_in_float32_goes(networks):
    # Rounding to 8 bits is 0.4 %; a wrong cast somewhere is a multiple of it.
    (exact, exact_gradient), (mixed, mixed_gradient) = map(loss_and_gradient, networks)
    assert mixed == pytest.approx(exact, rel=0.02)
    lengths = np.linalg.norm(exact_gradient), np.linalg.norm(mixed_gradient)
    assert exact_gradient @ mixed_gradient > 0.95 * lengths[0] * lengths[1]
    assert lengths[1] == pytest.approx(lengths[0], rel=0.1)
