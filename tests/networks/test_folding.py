"""A folded network against the routing network with its gates at their means."""

import keras
import numpy as np
import pytest

from selene_tf.architectures import topology
from selene_tf.architectures.routing_path import RoutingPath
from selene_tf.networks import dynamic_routing, folding, folding_scales

NUM_LAYERS = 4
# Folding is exact but for rounding, of which float64 leaves little to guess.
pytestmark = pytest.mark.usefixtures("float64")


def random_network(gates, path=None, pooling="none"):
    """A routing network whose gates are `gates` for every image."""
    keras.utils.set_random_seed(0)
    network = dynamic_routing.build(
        3, channels=4, num_layers=NUM_LAYERS, path=path, pooling=pooling
    )
    rng = np.random.default_rng(1)
    for variable in network.variables:
        if "norm" in variable.path:
            values = rng.normal(scale=0.2, size=variable.shape)
            positive = "gamma" in variable.path or "variance" in variable.path
            values = abs(values) + 0.7 if positive else values
            if variable.path.startswith("decoder") and "beta" in variable.path:
                # Else small gates could leave nothing above 0 to compare.
                values = abs(values)
            variable.assign(values)
    for layer, level in topology.cells(NUM_LAYERS):
        if path is not None and not path.kept[layer, level].any():
            continue
        project = network.get_layer(topology.cell_name(layer, level)).gate.project
        project.kernel.assign(np.zeros(project.kernel.shape))
        routes = topology.routes(layer, level, NUM_LAYERS)
        wanted = [gates[layer, level, topology.ROUTES.index(r)] for r in routes]
        project.bias.assign(np.arctanh(wanted))
    return network


def images(size=(45, 70)):
    return np.random.default_rng(0).integers(0, 256, (2, *size, 3)).astype("float32")


def gates_between(low, high):
    rng = np.random.default_rng(2)
    return rng.uniform(low, high, (NUM_LAYERS + 1, topology.NUM_LEVELS, 3))


def small_path(bypassed=()):
    """Along the finest level, once down and up again; some cells pass on."""
    kept = np.zeros((NUM_LAYERS + 1, topology.NUM_LEVELS, 3), bool)
    kept[:, 0, 0] = True
    kept[0, 0, 2] = kept[1, 1, 0] = kept[2, 1, 1] = kept[2, 1, 0] = True
    kept[3, 1, 0] = kept[4, 1, 0] = True
    passes = np.zeros(kept.shape[:2], bool)
    for layer, level in bypassed:
        kept[layer, level] = False
        passes[layer, level] = True
    return RoutingPath(kept, passes, np.zeros(kept.shape), np.zeros(kept.shape), {})


def assert_equal_logits(network, other, tolerance=1e-12):
    wanted = np.asarray(network(images(), training=False)["logits"])
    folded = np.asarray(other(images(), training=False)["logits"])
    assert np.ptp(wanted) > 0
    assert np.abs(folded - wanted).max() <= tolerance * np.abs(wanted).max()


@pytest.mark.parametrize("pooling", ["none", "psp", "aspp"])
def test_all_routes_with_constant_gates_give_the_same_logits(pooling):
    gates = gates_between(0.2, 0.99)
    network = random_network(gates, pooling=pooling)
    assert_equal_logits(network, folding.fold(network, gates))


@pytest.mark.parametrize("low", [0.5, 0.01])
@pytest.mark.parametrize("bypassed", [(), ((3, 0),), ((3, 1), (1, 0))])
def test_so_does_a_path_with_cells_that_pass_on(bypassed, low):
    path = small_path(bypassed)
    gates = gates_between(low, low + 0.1)
    network = random_network(gates, path)
    assert_equal_logits(network, folding.fold(network, gates, path))


@pytest.mark.parametrize("pooling", ["psp", "aspp"])
def test_a_head_behind_a_cell_that_passes_on_gets_what_it_should(pooling):
    kept = topology.all_routes(NUM_LAYERS)
    kept[NUM_LAYERS, 3] = False
    bypassed = np.zeros(kept.shape[:2], bool)
    bypassed[NUM_LAYERS, 3] = True
    nothing = np.zeros(kept.shape)
    path = RoutingPath(kept, bypassed, nothing, nothing, {})
    gates = gates_between(0.2, 0.5)
    network = random_network(gates, path, pooling)
    assert_equal_logits(network, folding.fold(network, gates, path))


def test_nothing_is_left_of_gates_and_normalisation():
    path = small_path()
    network = random_network(gates_between(0.5, 0.9), path)
    model = folding.fold(network, gates_between(0.5, 0.9), path)
    names = " ".join(variable.path for variable in model.variables)
    assert "gate" not in names
    assert "norm" not in names
    assert "variance" not in names
    # By hand: 9 cells of two separable convolutions, 9 C + C^2 + C each; one down
    # and one up; stem, decoder and predictor.
    assert path.kept.any(-1).sum() == 9
    cells = sum(
        2 * (9 * c + c * c + c)
        for c in (4 << level for _, level in np.argwhere(path.kept.any(-1)))
    )
    routes = (4 * 8 + 8) + (8 * 4 + 4)
    stem = (27 * 64 + 64) + (9 * 64 + 64 * 64 + 64) + (9 * 64 + 64 * 4 + 4)
    decoder = (8 * 4 + 4) + (4 * 4 + 4) + (36 * 3 + 3)
    assert model.count_params() == cells + routes + stem + decoder


def test_gates_are_told_as_constants():
    gates, path = gates_between(0.5, 0.9), small_path()
    model = folding.fold(random_network(gates, path), gates, path)
    outputs = np.asarray(model(images())["gates"])
    wanted = np.where(path.kept, gates, 0.0)
    np.testing.assert_allclose(outputs, [wanted, wanted], rtol=1e-6)


def test_a_scale_is_that_of_its_keep_route():
    kept, gates = small_path().kept, np.full((NUM_LAYERS + 1, 4, 3), 0.5)
    scales = folding_scales.find(gates, kept, np.zeros(kept.shape[:2], bool))
    # 1, 2, 4, 8; 16 is still allowed, 32 not: there a multiplication sets it back.
    assert scales.inputs[:, 0].tolist() == [1, 2, 4, 8, 1, 2]
    assert scales.keep_factors[:, 0].tolist() == [1, 1, 1, 1 / 16, 1]


def test_gates_of_another_shape_are_refused():
    network = random_network(gates_between(0.5, 0.9))
    with pytest.raises(ValueError, match="mean_gates"):
        folding.fold(network, gates_between(0.5, 0.9)[:, :2])
    with pytest.raises(ValueError, match="finite"):
        folding.fold(network, np.full((NUM_LAYERS + 1, 4, 3), np.nan))
