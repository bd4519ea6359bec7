"""A table of the gates of all cells."""

import keras
import numpy as np
from keras import ops


@keras.saving.register_keras_serializable("selene_tf")
class GateTable(keras.layers.Layer):
    """Gathers the gates of all cells into one tensor, with 0 where there is none.

    Args:
        num_layers: Layers of the network, beside the cell behind the stem.
        num_levels: Levels of the network.
        places: For each input, the (layer, level, route) of its columns, where
            route is 0 for keep, 1 for up and 2 for down.

    Input shape: a list of (batch, routes), one for each cell
    Output shape: (batch, num_layers + 1, num_levels, 3), in Keras's float type
    """

    def __init__(self, num_layers, num_levels, places, **kwargs):
        super().__init__(**kwargs)
        self.num_layers = num_layers
        self.num_levels = num_levels
        self.places = [[tuple(place) for place in cell] for cell in places]

    def call(self, inputs):
        # Looked up in one operation; column 0 is the gate that does not exist.
        columns = ops.concatenate([ops.zeros_like(inputs[0][:, :1]), *inputs], axis=1)
        table = ops.take(columns, self._indices(), axis=1)
        shape = (-1, self.num_layers + 1, self.num_levels, 3)
        return ops.cast(ops.reshape(table, shape), keras.config.floatx())

    def _indices(self):
        indices = np.zeros((self.num_layers + 1, self.num_levels, 3), "int32")
        places = [place for cell in self.places for place in cell]
        for column, place in enumerate(places, start=1):
            indices[place] = column
        return indices.ravel()

    def compute_output_shape(self, input_shape):
        return (input_shape[0][0], self.num_layers + 1, self.num_levels, 3)

    def compute_output_spec(self, inputs):
        shape = self.compute_output_shape([tensor.shape for tensor in inputs])
        return keras.KerasTensor(shape, dtype=keras.config.floatx())

    def get_config(self):
        return {
            **super().get_config(),
            "num_layers": self.num_layers,
            "num_levels": self.num_levels,
            "places": self.places,
        }
