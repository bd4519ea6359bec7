import keras
import numpy as np
import pytest
from keras import ops

from selene_tf import topology
from selene_tf.networks import dynamic_routing
from tests import reference


@pytest.fixture(scope="module")
def official():
    """The official small network's numbers, and our network with its weights."""
    arrays = reference.load()
    network = dynamic_routing.build(
        num_classes=5,
        channels=8,
        num_layers=4,
        mean_colour=(0, 0, 0),
        colour_deviation=(1, 1, 1),
    )
    set_official_weights(network, arrays)
    return arrays, network


def set_official_weights(network, arrays):
    names = reference.official_names(num_layers=4)
    for variable in network.weights:
        key, kind = names[variable.path]
        variable.assign(reference.ours(arrays[f"sd/{key}"], kind))


def pictures(arrays):
    return arrays["input"].transpose(0, 2, 3, 1)


def largest_difference(ours, theirs):
    return np.abs(np.asarray(ours) - np.asarray(theirs)).max() / np.abs(theirs).max()


def gates_of(arrays, prefix):
    table = np.zeros((1, 5, 4, 3), "float32")
    for layer, level in topology.cells(4):
        name = f"l{layer - 1}c{level}" if layer else "init"
        key = f"{prefix}/gate/{name}"
        if key not in arrays.files:
            continue
        for route, gate in zip(
            topology.routes(layer, level, 4), arrays[key][0].ravel(), strict=True
        ):
            table[0, layer, level, topology.ROUTES.index(route)] = gate
    return table


def test_gives_for_each_picture_of_a_batch_what_the_official_gives_for_it_alone(
    official,
):
    arrays, network = official
    outputs = network(pictures(arrays), training=False)
    for i in range(2):
        prefix = f"eval_b1/{i}"
        theirs = arrays[f"{prefix}/logits"].transpose(0, 2, 3, 1)
        assert largest_difference(outputs["logits"][i : i + 1], theirs) < 1e-5
        gates = np.asarray(outputs["gates"][i : i + 1])
        assert largest_difference(gates, gates_of(arrays, prefix)) < 1e-5


def test_training_loss_and_every_gradient_equal_the_official(official):
    import tensorflow as tf

    arrays, _ = official
    network = dynamic_routing.build(
        5, 8, 4, mean_colour=(0, 0, 0), colour_deviation=(1, 1, 1)
    )
    set_official_weights(network, arrays)
    labels = arrays["labels"]
    with tf.GradientTape() as tape:
        logits = network(pictures(arrays), training=True)["logits"]
        labelled = labels != 255
        log_softmax = ops.log_softmax(logits)[labelled]
        chosen = tf.gather(log_softmax, labels[labelled].astype("int32"), batch_dims=1)
        loss = -tf.reduce_mean(chosen)
    gradients = tape.gradient(loss, [v.value for v in network.trainable_variables])
    assert float(loss) == pytest.approx(float(arrays["train/loss"]), rel=1e-5)
    names = reference.official_names(4)
    largest = 0.0
    for variable, gradient in zip(network.trainable_variables, gradients, strict=True):
        key, kind = names[variable.path]
        theirs = reference.ours(arrays[f"grad/{key}"], kind)
        scale = max(np.abs(theirs).max(), 1e-6)
        largest = max(largest, np.abs(gradient - theirs).max() / scale)
    assert largest < 1e-4
    for variable in network.non_trainable_variables:
        key, kind = names[variable.path]
        theirs = reference.ours(arrays[f"post/{key}"], kind)
        np.testing.assert_allclose(variable.numpy(), theirs, rtol=1e-4, atol=1e-6)


def test_parameters_are_the_official_ones():
    network = dynamic_routing.build(num_classes=19)
    count = sum(np.prod(variable.shape) for variable in network.trainable_variables)
    assert count == 17_784_968


@pytest.mark.parametrize("size", [(64, 96), (33, 65), (61, 99), (32, 32)])
def test_any_size_gives_logits_of_that_size(size):
    network = dynamic_routing.build(num_classes=3, channels=4, num_layers=3)
    images = np.random.default_rng(0).integers(0, 256, (2, *size, 3), dtype=np.uint8)
    outputs = network(images)
    assert outputs["logits"].shape == (2, *size, 3)
    assert outputs["gates"].shape == (2, 4, 4, 3)


def test_padding_is_the_mean_colour():
    network = dynamic_routing.build(3, channels=4, num_layers=3)
    rng = np.random.default_rng(1)
    small = rng.uniform(0, 255, (1, 40, 50, 3)).astype("float32")
    padded = np.empty((1, 64, 64, 3), "float32")
    padded[:] = dynamic_routing.MEAN_COLOUR
    padded[:, :40, :50] = small
    np.testing.assert_allclose(
        network(small)["logits"], network(padded)["logits"][:, :40, :50], atol=1e-5
    )


def test_neighbours_in_the_batch_do_not_matter_where_routes_are_closed():
    keras.utils.set_random_seed(3)
    network = dynamic_routing.build(3, channels=8, num_layers=4)
    rng = np.random.default_rng(2)
    for variable in network.weights:
        if variable.path.endswith("gate/project/bias"):
            variable.assign(rng.normal(-0.6, 1.0, variable.shape))
        if variable.path.endswith(("beta", "moving_mean")):
            variable.assign(rng.normal(0, 0.5, variable.shape))
    images = rng.uniform(0, 255, (6, 64, 64, 3)).astype("float32")
    together = network(images)
    closed = np.asarray(together["gates"]).sum(axis=(2, 3)) == 0
    assert closed.any(), "the test is only of use where some picture closes a cell"
    for i in range(len(images)):
        alone = network(images[i : i + 1])
        assert largest_difference(together["logits"][i], alone["logits"][0]) < 1e-5


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"channels": 5}, "even"),
        ({"num_layers": 2}, "num_layers"),
        ({"num_classes": 1}, "num_classes"),
    ],
)
def test_impossible_shapes_are_refused(arguments, word):
    with pytest.raises(ValueError, match=word):
        dynamic_routing.build(**{"num_classes": 3, "channels": 4} | arguments)


def test_layer_names_say_layer_and_stride():
    network = dynamic_routing.build(3, channels=4, num_layers=3)
    assert network.get_layer("cell_03_s32").routes == ("keep",)
    assert network.get_layer("cell_02_s8").routes == ("keep", "up", "down")
    assert network.get_layer("cell_00_s4").routes == ("keep", "down")
