"""The network's variants: what each changes, and what it must not."""

import keras
import numpy as np
import pytest
import tensorflow as tf

from selene_tf.architectures import cost_table, topology
from selene_tf.architectures.routing_path import RoutingPath
from selene_tf.networks import dynamic_routing
from tests.checks import randomize

CLASSES, CHANNELS, LAYERS = 3, 4, 3
UP = topology.ROUTES.index("up")


def build(seed=0, **variant):
    keras.utils.set_random_seed(seed)
    return dynamic_routing.build(CLASSES, CHANNELS, LAYERS, **variant)


def noise_images(count, size=(64, 96), seed=0):
    """Noise, of another contrast and colour in each image."""
    rng = np.random.default_rng(seed)
    noise = rng.uniform(-1, 1, (count, *size, 3))
    colour = rng.uniform(60, 200, (count, 1, 1, 3))
    contrast = np.linspace(2, 55, count).reshape(-1, 1, 1, 1)
    return (colour + contrast * noise).astype("float32")


def randomized(mean_bias=0.0, deviation=0.5, seed=4):
    """A network of which images close different routes."""
    network = build()
    randomize(network)
    rng = np.random.default_rng(seed)
    for weight in network.weights:
        if weight.path.endswith("gate/project/bias"):
            weight.assign(rng.normal(mean_bias, deviation, weight.shape))
        if weight.path.endswith("gate/project/kernel") and not deviation:
            weight.assign(0.0 * weight)
    return network


def copy_weights(target, source):
    """By path; the target may have fewer."""
    by_path = {weight.path: weight for weight in source.weights}
    for weight in target.weights:
        weight.assign(by_path[weight.path])


@pytest.mark.parametrize(
    "variant",
    [
        {"small_gate": True},
        {"gated": False},
        {"pooling": "psp"},
        {"pooling": "aspp"},
        {"drop_path": 0.3},
        {"conditional": True},
        {"small_gate": True, "pooling": "aspp", "drop_path": 0.5},
    ],
)
def test_every_variant_takes_images_of_any_size(variant):
    network = build(**variant)
    for size in [(64, 96), (33, 65)]:
        outputs = network(noise_images(2, size))
        assert outputs["logits"].shape == (2, *size, CLASSES)
        assert outputs["gates"].shape == (2, LAYERS + 1, 4, 3)
        assert np.isfinite(outputs["logits"]).all()


@pytest.mark.parametrize("variant", [{"small_gate": True}, {"conditional": True}])
def test_these_variants_have_the_same_variables(variant):
    plain = {weight.path: tuple(weight.shape) for weight in build().weights}
    assert {w.path: tuple(w.shape) for w in build(**variant).weights} == plain


@pytest.mark.slow
# Of 33 layers in `make soak` alone: their costs by formula are compared in any case.
@pytest.mark.parametrize(
    ("num_layers", "expected"),
    [(16, 17_784_968), pytest.param(33, 38_871_666, marks=pytest.mark.soak)],
)
def test_the_supernet_has_the_official_number_of_parameters(num_layers, expected):
    network = dynamic_routing.build(19, num_layers=num_layers)
    count = sum(np.prod(variable.shape) for variable in network.trainable_variables)
    assert count == expected


def test_without_gates_every_route_is_1_and_there_are_none():
    network = build(gated=False)
    gates = np.asarray(network(noise_images(1))["gates"])[0]
    for layer, level in topology.cells(LAYERS):
        for route in topology.routes(layer, level, LAYERS):
            assert gates[layer, level, topology.ROUTES.index(route)] == 1.0
    exists = [len(topology.routes(*cell, LAYERS)) for cell in topology.cells(LAYERS)]
    assert gates.sum() == sum(exists)
    assert not [weight.path for weight in network.weights if "/gate/" in weight.path]


@pytest.mark.usefixtures("float64")
def test_colours_in_the_other_order_are_a_first_convolution_turned_round():
    rgb, bgr = build(), build(colour_order="bgr")
    kernel = "stem_1/conv/kernel"
    for ours, theirs in zip(bgr.weights, rgb.weights, strict=True):
        value = theirs.numpy()
        ours.assign(value[:, :, ::-1] if ours.path == kernel else value)
    images = noise_images(1)
    expected = np.asarray(rgb(images)["logits"])
    scale = np.abs(expected).max()
    np.testing.assert_allclose(bgr(images)["logits"], expected, atol=1e-10 * scale)


def flat(outputs):
    """Every output by name, the levels of the features one by one."""
    levels = {f"level {n}": level for n, level in enumerate(outputs["features"])}
    return {"logits": outputs["logits"], "gates": outputs["gates"], **levels}


@pytest.mark.usefixtures("float64")
@pytest.mark.parametrize("in_graph", [False, True])
def test_skipping_what_is_closed_gives_the_same(in_graph):
    network, skipping = randomized(seed=6), build(conditional=True)
    copy_weights(skipping, network)
    signature = [tf.TensorSpec((None, None, None, 3), "float64")]
    traced = tf.function(lambda x: skipping(x), signature, autograph=False)
    call = traced if in_graph else skipping
    images = noise_images(6)
    expected = network(images)
    closed = (np.asarray(expected["gates"]) == 0).mean(axis=(1, 2, 3))
    assert len(np.unique(closed)) > 1, "of use where images close different routes"
    together = call(images)
    alone = [call(images[i : i + 1]) for i in range(len(images))]
    for name, values in flat(expected).items():
        scale = np.abs(values).max()
        np.testing.assert_allclose(flat(together)[name], values, atol=1e-10 * scale)
        for i, outputs in enumerate(alone):
            own = flat(outputs)[name][0]
            np.testing.assert_allclose(own, values[i], atol=1e-10 * scale)


def test_drop_path_changes_training_and_nothing_else():
    plain, dropping = build(), build(drop_path=0.5)
    copy = {weight.path: weight for weight in plain.weights}
    for weight in dropping.weights:
        if weight.path != "drop_path/progress":
            weight.assign(copy[weight.path])
    images = noise_images(4)
    dropping.get_layer("drop_path").progress.assign(1.0)
    np.testing.assert_array_equal(dropping(images)["logits"], plain(images)["logits"])
    trained = plain(images, training=True)["logits"]
    first, second = (dropping(images, training=True)["logits"] for _ in range(2))
    assert np.abs(first - trained).max() > 1e-3
    assert np.abs(first - second).max() > 1e-3


def test_drop_path_rises_with_the_layer_as_in_the_official_code():
    layer = build(drop_path=0.3).get_layer("drop_path")
    # The official layer l of L, counted from 0, has (l + 1) / L of it.
    expected = [0.3 * layer / LAYERS for layer, _ in topology.cells(LAYERS)]
    np.testing.assert_allclose(layer.rates, expected)
    assert layer.rates[0] == 0
    assert layer.rates[-1] == pytest.approx(0.3)


def make_path(kept, bypassed=None):
    shape = (LAYERS + 1, 4)
    bypassed = np.zeros(shape, bool) if bypassed is None else bypassed
    return RoutingPath(kept, bypassed, np.zeros((*shape, 3)), np.zeros((*shape, 3)), {})


def all_routes():
    kept = np.zeros((LAYERS + 1, 4, 3), bool)
    for layer, level in topology.cells(LAYERS):
        for route in topology.routes(layer, level, LAYERS):
            kept[layer, level, topology.ROUTES.index(route)] = True
    return kept


def test_a_path_that_keeps_everything_is_the_supernet():
    network, complete = randomized(), build(path=make_path(all_routes()))
    copy_weights(complete, network)
    assert len(complete.weights) == len(network.weights)
    images = noise_images(3)
    outputs = flat(complete(images))
    for name, values in flat(network(images)).items():
        np.testing.assert_array_equal(outputs[name], values)


def close_all_but(kept, network):
    """Closes the gates that a path does not keep."""
    for layer, level in topology.cells(LAYERS):
        bias = network.get_layer(topology.cell_name(layer, level)).gate.project.bias
        routes = topology.routes(layer, level, LAYERS)
        stays = [kept[layer, level, topology.ROUTES.index(r)] for r in routes]
        bias.assign(np.where(stays, bias.numpy(), -100.0))


@pytest.mark.usefixtures("float64")
def test_a_path_is_the_supernet_with_the_other_gates_closed():
    network = randomized(mean_bias=1.0, deviation=0.0)
    kept, bypassed = all_routes(), np.zeros((LAYERS + 1, 4), bool)
    kept[:, 1, UP] = False
    # Cells without an open gate pass on what they get.
    for cell in [(2, 1), (3, 2), (LAYERS, 3)]:
        kept[cell], bypassed[cell] = False, True
    pruned = build(path=make_path(kept, bypassed))
    copy_weights(pruned, network)
    close_all_but(kept, network)
    images = noise_images(3)
    expected, outputs = network(images), pruned(images)
    assert ((np.asarray(expected["gates"]) > 0) == kept).all()
    for name in ("logits", "gates"):
        scale = np.abs(expected[name]).max()
        np.testing.assert_allclose(outputs[name], expected[name], atol=1e-10 * scale)


def test_a_path_without_a_level_decodes_the_others():
    kept = all_routes()
    kept[LAYERS, 3] = False
    network = build(path=make_path(kept))
    names = {layer.name for layer in network.layers}
    assert "decoder_s32" not in names
    assert {"decoder_s16", "decoder_s4"} <= names
    assert network(noise_images(1))["logits"].shape == (1, 64, 96, CLASSES)


def test_a_path_has_as_many_parameters_as_its_costs_say():
    kept = all_routes()
    kept[:, 1, UP] = False
    network = build(path=make_path(kept))
    count = sum(int(np.prod(w.shape)) for w in network.trainable_weights)
    table = cost_table.parameters(CLASSES, CHANNELS, LAYERS)
    assert count == table.of(kept.any(axis=-1), kept)


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        ({"pooling": "pyramid"}, "psp"),
        ({"drop_path": 1.0}, "drop_path"),
        ({"colour_order": "grb"}, "bgr"),
        ({"num_layers": LAYERS + 1, "path": make_path(all_routes())}, "layers"),
    ],
)
def test_impossible_variants_are_refused(arguments, word):
    with pytest.raises(ValueError, match=word):
        dynamic_routing.build(**{"num_classes": 3, "channels": 4} | arguments)
