"""What every layer has to fulfil, as functions that know no exceptions."""

import json

import keras
import numpy as np
import tensorflow as tf


def check_layer(layer, inputs, expected_shape):
    """Checks a layer's configuration, shapes, graph, precision and gradients.

    Args:
        layer: A layer that is not built yet; the checks are done on copies.
        inputs: The call's arguments as a tuple, or its only argument.
        expected_shape: Shape of the output, in the output's own structure
            (a tuple, or a dict of tuples).
    """
    arguments = inputs if isinstance(inputs, tuple) else (inputs,)
    check_configuration(layer, arguments)
    check_shapes(layer, arguments, expected_shape)
    check_graph(layer, arguments)
    check_mixed_precision(layer, arguments)
    check_gradients(layer, arguments)


def check_configuration(layer, arguments):
    """A layer restored from JSON has the same configuration and function."""
    original = built(layer, arguments)
    content = json.dumps(keras.saving.serialize_keras_object(layer))
    restored = keras.saving.deserialize_keras_object(json.loads(content))
    assert type(restored) is type(layer)
    for copy in (restored, type(layer).from_config(layer.get_config())):
        assert copy.get_config() == layer.get_config()
        built_copy = built(copy, arguments)
        built_copy.set_weights(original.get_weights())
        assert_equal(original(*arguments), built_copy(*arguments), rtol=0, atol=0)


def check_shapes(layer, arguments, expected_shape):
    """Shapes are as expected, foretold, and foretold without a batch size."""
    outputs = built(layer, arguments)(*arguments)
    assert shapes_of(outputs) == expected_shape
    for without_batch in (False, True):
        symbols = keras.tree.map_structure(
            lambda value, without_batch=without_batch: keras.KerasTensor(
                (None if without_batch else value.shape[0], *value.shape[1:]),
                dtype=keras.backend.standardize_dtype(value.dtype),
            ),
            arguments,
        )
        foretold = fresh(layer)(*symbols)
        real, symbolic = keras.tree.flatten(outputs), keras.tree.flatten(foretold)
        for value, symbol in zip(real, symbolic, strict=True):
            batch = None if without_batch else value.shape[0]
            assert tuple(symbol.shape) == (batch, *value.shape[1:])
            assert symbol.dtype == keras.backend.standardize_dtype(value.dtype)


def check_graph(layer, arguments):
    """A traced layer gives what the layer gives eagerly, and has no loose part.

    In float64: a graph may round otherwise than its operations one by one.
    """
    layer = built(fresh(layer, dtype="float64"), arguments)
    for part in layer._flatten_layers():
        assert part.built, f"{part.path} is not built"
    for training in (False, True):
        traced = tf.function(
            lambda *a, training=training: layer(*a, training=training),
            autograph=False,
        )
        eager = layer(*arguments, training=training)
        assert_equal(traced(*arguments), eager, rtol=1e-12, atol=1e-12)


def check_mixed_precision(layer, arguments):
    """Under mixed_bfloat16 all outputs are bfloat16 and all weights float32."""
    layer = built(fresh(layer, dtype="mixed_bfloat16"), arguments)
    for part in layer._flatten_layers():
        assert part.dtype_policy.name == "mixed_bfloat16", f"{part.path} lacks dtype="
    for training in (False, True):
        outputs = layer(*arguments, training=training)
        assert {value.dtype for value in keras.tree.flatten(outputs)} == {tf.bfloat16}
    assert {weight.dtype for weight in layer.weights} <= {"float32"}


def check_gradients(layer, arguments):
    """Every trainable weight moves some output when training begins."""
    keras.utils.set_random_seed(0)
    layer = fresh(layer)
    layer(*arguments)
    rng = np.random.default_rng(0)
    with tf.GradientTape() as tape:
        outputs = keras.tree.flatten(layer(*arguments, training=True))
        total = sum(
            tf.reduce_sum(value * rng.normal(size=value.shape).astype("float32"))
            for value in outputs
        )
    gradients = tape.gradient(total, [w.value for w in layer.trainable_weights])
    for weight, gradient in zip(layer.trainable_weights, gradients, strict=True):
        assert gradient is not None, f"{weight.path} has no gradient"
        assert np.isfinite(gradient).all(), f"{weight.path}: gradient is not finite"
        assert np.any(gradient), f"{weight.path}: gradient is zero"


def fresh(layer, **changes):
    """An unbuilt copy of a layer."""
    return type(layer).from_config({**layer.get_config(), **changes})


def built(layer, arguments):
    """A copy of a layer with weights that are not those of its initialisers."""
    layer = fresh(layer)
    layer(*arguments)
    randomize(layer)
    return layer


def randomize(layer, seed=0):
    """Gives every weight a random value: near 1 or near its bias, or near 0."""
    rng = np.random.default_rng(seed)
    for weight in layer.weights:
        if weight.path.endswith(("gamma", "variance")):
            weight.assign(rng.uniform(0.5, 1.5, weight.shape))
        elif weight.path.endswith("bias"):
            # A gate's bias decides whether anything happens at all.
            weight.assign_add(rng.normal(0.0, 0.4, weight.shape))
        else:
            weight.assign(rng.normal(0.0, 0.4, weight.shape))


def shapes_of(outputs):
    """The outputs' shapes as tuples, in the outputs' own structure."""
    if isinstance(outputs, dict):
        return {name: tuple(value.shape) for name, value in outputs.items()}
    return tuple(outputs.shape)


def assert_equal(ours, theirs, rtol, atol):
    """Two outputs of the same structure are equal, within tolerances."""
    keras.tree.assert_same_structure(ours, theirs)
    for left, right in zip(
        keras.tree.flatten(ours), keras.tree.flatten(theirs), strict=True
    ):
        np.testing.assert_allclose(left, right, rtol=rtol, atol=atol)
