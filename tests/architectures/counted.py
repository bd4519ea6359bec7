"""What runs in a network, counted; and gates that let everything run."""

import keras
import numpy as np

from selene_tf.architectures import topology


def open_gates(num_layers, images=1):
    """Gates of 0.9 on every route that there is."""
    gates = np.zeros((images, num_layers + 1, 4, 3), "float32")
    for layer, level in topology.cells(num_layers):
        for route in topology.routes(layer, level, num_layers):
            gates[:, layer, level, topology.ROUTES.index(route)] = 0.9
    return gates


def kernels_and_positions(network, images, monkeypatch):
    """{kernel's path: (kernel's size, output positions)}, from running it."""
    counts = {}

    def record(kind):
        original = kind.call

        def call(self, inputs, **options):
            outputs = original(self, inputs, **options)
            positions = int(np.prod(outputs.shape[1:-1]))
            counts[self.kernel.path] = int(np.prod(self.kernel.shape)), positions
            return outputs

        monkeypatch.setattr(kind, "call", call)

    record(keras.layers.Conv2D)
    record(keras.layers.DepthwiseConv2D)
    record(keras.layers.Dense)
    network(images)
    return counts
