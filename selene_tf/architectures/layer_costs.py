"""A counter of MACs and parameters over the layers of any Keras model."""

import contextlib
import math

import keras

from selene_tf.architectures.costs import Cost

_COUNTED = (
    keras.layers.Conv2D,
    keras.layers.Conv2DTranspose,
    keras.layers.DepthwiseConv2D,
    keras.layers.SeparableConv2D,
    keras.layers.Dense,
)


def count(network, height, width):
    """Counts the MACs and parameters of a Keras model over its layers.

    A MAC is one multiplication with its addition. Counted are convolutions (also
    depthwise, separable and transposed ones) and dense layers, each as often as it
    runs; biases, normalisation, activations, resizing and sums are not, as in
    `cost_table.macs`. The network is traced for one image, and nothing is computed.

    Args:
        network: A Keras model of images, channels last, on TensorFlow.
        height: Height of the image in pixels.
        width: Width of the image in pixels.

    Returns:
        A `Cost`; its parameters are those that are trained.

    Raises:
        ValueError: if the network multiplies by weights in layers of another kind.

    Example:
        >>> image = keras.Input((None, None, 3))
        >>> network = keras.Model(image, keras.layers.Conv2D(8, 3)(image))
        >>> count(network, height=10, width=12)  # 8 * 10 positions, 3 * 3 * 3 * 8
        Cost(macs=17280, parameters=224)
    """
    # Layers run on other backends, too; tracing is TensorFlow's.
    import tensorflow as tf

    layers = [x for x in network._flatten_layers() if isinstance(x, _COUNTED)]
    _check_complete(network, layers)
    macs = []
    with contextlib.ExitStack() as stack:
        for layer in layers:
            stack.enter_context(_observed(layer, macs))
        tf.function(
            lambda image: network(image), autograph=False
        ).get_concrete_function(tf.TensorSpec((1, height, width, 3), tf.float32))
    parameters = sum(math.prod(v.shape) for v in network.trainable_variables)
    return Cost(sum(macs), parameters)


@contextlib.contextmanager
def _observed(layer, macs):
    """Adds the MACs of each call of a layer to a list."""
    call = layer.call

    def observed(inputs, *arguments, **options):
        outputs = call(inputs, *arguments, **options)
        macs.append(_macs(layer, inputs, outputs))
        return outputs

    # Not by setattr, with which Keras keeps account of layers and variables.
    vars(layer)["call"] = observed
    try:
        yield
    finally:
        del vars(layer)["call"]


def _macs(layer, inputs, outputs):
    match layer:
        case keras.layers.Conv2DTranspose():
            # Each pixel of the input is multiplied by the whole kernel.
            return _positions(inputs) * math.prod(layer.kernel.shape)
        case keras.layers.SeparableConv2D():
            kernels = (layer.depthwise_kernel, layer.pointwise_kernel)
            weights = sum(math.prod(kernel.shape) for kernel in kernels)
            return _positions(outputs) * weights
        case _:
            return _positions(outputs) * math.prod(layer.kernel.shape)


def _positions(features):
    """Pixels of one image's features, or 1 for a vector."""
    return math.prod(features.shape[1:-1])


def _check_complete(network, layers):
    counted = {id(weight) for layer in layers for weight in layer.weights}
    others = [
        weight.path
        for weight in network.weights
        if len(weight.shape) > 1 and id(weight) not in counted
    ]
    if others:
        kinds = ", ".join(kind.__name__ for kind in _COUNTED)
        raise ValueError(
            f"found weights that belong to none of {kinds}: {', '.join(others[:3])}; "
            "expected a formula of the network's own for its MACs."
        )
