"""Gathers the gates of all cells into one table."""

import keras
from keras import ops


@keras.saving.register_keras_serializable("selene_tf")
class GateTable(keras.layers.Layer):
    """Puts every cell's gates into one tensor, with 0 where there is no cell.

    Args:
        num_layers: Layers of the network, beside the cell behind the stem.
        num_levels: Levels of the network.
        cells: (layer, level) of each input.

    Input shape: a list of (batch, 3), one for each cell
    Output shape: (batch, num_layers + 1, num_levels, 3), in float32
    """

    def __init__(self, num_layers, num_levels, cells, **kwargs):
        super().__init__(**kwargs)
        self.num_layers = num_layers
        self.num_levels = num_levels
        self.cells = [tuple(cell) for cell in cells]

    def call(self, inputs):
        gates = dict(zip(self.cells, inputs, strict=True))
        absent = ops.zeros_like(inputs[0])
        table = [
            gates.get((layer, level), absent)
            for layer in range(self.num_layers + 1)
            for level in range(self.num_levels)
        ]
        shape = (-1, self.num_layers + 1, self.num_levels, 3)
        return ops.cast(ops.reshape(ops.stack(table, axis=1), shape), "float32")

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], self.num_layers + 1, self.num_levels, 3)

    def compute_output_spec(self, inputs):
        shape = self.compute_output_shape([tensor.shape for tensor in inputs])
        return keras.KerasTensor(shape, dtype="float32")

    def get_config(self):
        return {
            **super().get_config(),
            "num_layers": self.num_layers,
            "num_levels": self.num_levels,
            "cells": self.cells,
        }
