"""Random weights by the official network's names, and what became of them."""

import numpy as np

from selene_tf import pretrained
from selene_tf.networks import dynamic_routing
from selene_tf.pretrained import state_dict_names
from tests.refusals import assert_refused

LAYERS, CHANNELS, CLASSES = 3, 4, 5
HEAD, PREDICTOR, STEM = "sem_seg_head.", "sem_seg_head.predictor.", "backbone.stem."


def build(num_classes=CLASSES, channels=CHANNELS, num_layers=LAYERS, **variant):
    """A small network of ours."""
    return dynamic_routing.build(num_classes, channels, num_layers, **variant)


def random_weights(num_layers=LAYERS, **options):
    """What the official code would save of such a network: random numbers."""
    network = build(num_layers=num_layers, **options)
    rng = np.random.default_rng(0)
    paths = {variable.path: variable for variable in network.weights}
    weights = {}
    for path, (key, kind) in state_dict_names.official_names(num_layers).items():
        if path in paths:
            shape = state_dict_names.official_shape(tuple(paths[path].shape), kind)
            weights[key] = rng.uniform(0.5, 1.0, shape).astype("float32")
        if key.endswith("running_var") and key in weights:
            counter = key.replace("running_var", "num_batches_tracked")
            weights[counter] = np.array(3, "int64")
    return weights


def without(weights, *prefixes):
    """The weights but those whose names start like this."""
    return {k: v for k, v in weights.items() if not k.startswith(prefixes)}


def assert_filled(network, weights, paths):
    """The variables at these paths have the values of the official arrays."""
    names = state_dict_names.official_names(LAYERS)
    for variable in network.weights:
        if variable.path in paths:
            key, kind = names[variable.path]
            expected = state_dict_names.in_our_layout(weights[key], kind)
            np.testing.assert_array_equal(variable.numpy(), expected)


def state(network):
    """All that loading may change."""
    layer = network.get_layer("normalize")
    colours = (layer.mean, layer.standard_deviation, layer.colour_order)
    return [variable.numpy().copy() for variable in network.weights], colours


def assert_nothing_loaded(network, file, *words, **options):
    """The file is refused with these words, and nothing of the network changes."""
    arrays, colours = state(network)
    assert_refused(
        lambda: pretrained.load_dynamic_routing(network, file, **options),
        *(file, *words),
    )
    arrays_after, colours_after = state(network)
    assert colours == colours_after
    for before, after in zip(arrays, arrays_after, strict=True):
        np.testing.assert_array_equal(before, after)
