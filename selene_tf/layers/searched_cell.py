"""The cell of the networks with auxiliary cells: a small graph of operations."""

import keras

from selene_tf.architectures.auxiliary_cells import loose_nodes
from selene_tf.architectures.compact_operations import CELL_OPERATIONS
from selene_tf.layers.compact_operation import CompactOperation


@keras.saving.register_keras_serializable("selene_tf")
class SearchedCell(keras.layers.Layer):
    """A cell that a search found: operations, and which of their outputs they read.

    Args:
        cell: As in `AuxiliaryCellsArchitecture`.
        repeats: Units of a separable convolution.
        synchronized: Whether replicas share their batch statistics.

    Input shape: (batch, height, width, channels)
    Output shape: the same

    Reference: Nekrasov et al. 2019, https://arxiv.org/abs/1810.10804, section 3.
    """

    def __init__(self, cell, repeats=2, synchronized=False, **kwargs):
        super().__init__(**kwargs)
        self.cell = cell
        self.repeats = repeats
        self.synchronized = synchronized

    def build(self, input_shape):
        first, *layers = self.cell
        numbers = [first, *(number for layer in layers for number in layer[2:])]
        self.operations = [
            CompactOperation(
                CELL_OPERATIONS[number],
                input_shape[-1],
                repeats=self.repeats,
                synchronized=self.synchronized,
                dtype=self.dtype_policy,
                name=f"operation_{place}",
            )
            for place, number in enumerate(numbers)
        ]
        for operation in self.operations:
            operation.build(input_shape)

    def call(self, inputs, training=False):
        first, *others = self.operations
        nodes = [inputs, first(inputs, training=training)]
        pairs = zip(others[::2], others[1::2], strict=True)
        for (one, other, *_), (left, right) in zip(self.cell[1:], pairs, strict=True):
            both = (
                left(nodes[one], training=training),
                right(nodes[other], training=training),
            )
            nodes += [*both, both[0] + both[1]]
        return sum(nodes[place] for place in loose_nodes(self.cell))

    def compute_output_shape(self, input_shape):
        return input_shape

    def get_config(self):
        return {
            **super().get_config(),
            "cell": self.cell,
            "repeats": self.repeats,
            "synchronized": self.synchronized,
        }
