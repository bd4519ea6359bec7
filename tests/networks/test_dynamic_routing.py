import keras
import numpy as np
import pytest

from selene_tf.networks import dynamic_routing


def largest_difference(ours, theirs):
    return np.abs(np.asarray(ours) - np.asarray(theirs)).max() / np.abs(theirs).max()


@pytest.mark.parametrize("size", [(64, 96), (33, 65), (61, 99), (32, 32)])
def test_any_size_gives_logits_of_that_size(size):
    network = dynamic_routing.build(num_classes=3, channels=4, num_layers=3)
    images = np.random.default_rng(0).integers(0, 256, (2, *size, 3), dtype=np.uint8)
    outputs = network(images)
    assert outputs["logits"].shape == (2, *size, 3)
    assert outputs["gates"].shape == (2, 4, 4, 3)


@pytest.mark.usefixtures("float64")
def test_padding_is_the_mean_colour():
    network = dynamic_routing.build(3, channels=4, num_layers=3)
    rng = np.random.default_rng(1)
    small = rng.uniform(0, 255, (1, 40, 50, 3)).astype("float32")
    padded = np.empty((1, 64, 64, 3))
    padded[:] = dynamic_routing.MEAN_COLOUR
    padded[:, :40, :50] = small
    np.testing.assert_allclose(
        network(small)["logits"], network(padded)["logits"][:, :40, :50], atol=1e-10
    )


@pytest.mark.usefixtures("float64")
def test_neighbours_in_the_batch_do_not_matter_where_routes_are_closed():
    keras.utils.set_random_seed(3)
    network = dynamic_routing.build(3, channels=8, num_layers=4)
    rng = np.random.default_rng(2)
    for variable in network.weights:
        if variable.path.endswith("gate/project/bias"):
            variable.assign(rng.normal(-1.4, 1.0, variable.shape))
        if variable.path.endswith(("beta", "moving_mean")):
            variable.assign(rng.normal(0, 0.5, variable.shape))
    images = rng.uniform(0, 255, (6, 64, 64, 3)).astype("float32")
    together = network(images)
    closed = np.asarray(together["gates"]).sum(axis=(2, 3)) == 0
    assert closed.any(), "the test is only of use where some image closes a cell"
    for i in range(len(images)):
        alone = network(images[i : i + 1])
        assert largest_difference(together["logits"][i], alone["logits"][0]) < 1e-10


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
