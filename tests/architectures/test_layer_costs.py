"""The counter of any Keras model, against our tables and by hand."""

import keras
import pytest

from selene_tf import architectures, networks
from selene_tf.architectures import Cost, RoutingArchitecture, layer_costs


@pytest.mark.parametrize(
    ("variant", "size"),
    [
        ({}, (64, 96)),
        ({"conditional": True}, (50, 70)),
        ({"small_gate": True, "pooling": "psp"}, (60, 140)),
        ({"gated": False, "pooling": "aspp"}, (33, 65)),
    ],
)
def test_it_counts_the_routing_network_as_its_table_does(variant, size):
    architecture = RoutingArchitecture(5, channels=4, num_layers=3, **variant)
    network = networks.build(architecture)
    assert layer_costs.count(network, *size) == architectures.cost(architecture, *size)


def count(*layers, size=(8, 10)):
    image = keras.Input((None, None, 3))
    outputs = image
    for layer in layers:
        outputs = layer(outputs)
    return layer_costs.count(keras.Model(image, outputs), *size)


@pytest.mark.parametrize(
    ("layer", "macs", "parameters"),
    [
        # "valid": 6 x 8 positions.
        (keras.layers.Conv2D(4, 3), 48 * 27 * 4, 27 * 4 + 4),
        (
            keras.layers.Conv2D(4, 3, strides=2, padding="same", use_bias=False),
            *(20 * 27 * 4, 27 * 4),
        ),
        # Three groups: each output sees one colour.
        (keras.layers.Conv2D(6, 1, groups=3), 80 * 6, 6 + 6),
        (keras.layers.DepthwiseConv2D(3, depth_multiplier=2), 48 * 54, 54 + 6),
        (keras.layers.SeparableConv2D(5, 3), 48 * (27 + 15), 27 + 15 + 5),
        # Each of 8 x 10 pixels goes into a block of 2 x 2.
        (keras.layers.Conv2DTranspose(4, 2, strides=2), 80 * 12 * 4, 12 * 4 + 4),
        (keras.layers.Dense(7), 80 * 21, 21 + 7),
        (keras.layers.BatchNormalization(), 0, 6),
        (keras.layers.UpSampling2D(2), 0, 0),
    ],
)
def test_each_kind_of_layer_by_hand(layer, macs, parameters):
    assert count(layer) == Cost(macs, parameters)


def test_a_layer_that_runs_twice_counts_twice_and_its_weights_once():
    layer = keras.layers.Conv2D(3, 1)
    assert count(layer, layer) == Cost(2 * 80 * 9, 9 + 3)


def test_a_vector_has_one_position():
    pooled = count(keras.layers.GlobalAveragePooling2D(), keras.layers.Dense(2))
    assert pooled == Cost(6, 8)


def test_a_nested_model_is_counted_and_left_as_it_was():
    inner = keras.Sequential([keras.Input((None, None, 3)), keras.layers.Conv2D(4, 1)])
    call = inner.layers[0].call
    assert count(inner) == count(inner) == Cost(80 * 12, 12 + 4)
    assert inner.layers[0].call == call


def test_weights_that_nobody_counts_are_refused():
    with pytest.raises(ValueError, match="einsum_dense/kernel.*expected a formula"):
        count(keras.layers.EinsumDense("abcd,de->abce", output_shape=(None, None, 4)))
