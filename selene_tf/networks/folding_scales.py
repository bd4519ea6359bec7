"""Factors between the features of a folded network and the network's."""

import dataclasses

import numpy as np

from selene_tf.architectures import topology

# Features that are larger may leave the range of float16 on a device.
MAX_SCALE = 16.0


@dataclasses.dataclass(frozen=True)
class Scales:
    """Factors on features that make the gates of keep routes free of charge.

    Attributes:
        inputs: (num_layers + 2, 4): what flows into a cell, and in the last row
            into the decoder, is that many times what the network has there.
        keep_factors: (num_layers + 1, 4): what is left to multiply a keep route by.
    """

    inputs: np.ndarray
    keep_factors: np.ndarray


def find(gates, kept, bypassed, has_pooling=False):
    """Finds the scales that need the fewest multiplications on keep routes.

    A cell's output y is s y where its input is s x: the first kernel is divided by
    s, the last one multiplied. Along keep it is to arrive as s' g y. With s' = s / g
    that is s y, which is there already. Up and down routes take any factor into
    their own convolution. One keep route at most leads to a cell, so s' can be
    chosen; it grows with each gate, and where it passes `MAX_SCALE` it is set to 1
    again, at the cost of a multiplication. On the level of a pooling head it stays 1.

    Args:
        gates: (num_layers + 1, 4, 3), in [0, 1].
        kept: Bool of the same shape, routes that there are.
        bypassed: Bool (num_layers + 1, 4), cells that pass their input on.
        has_pooling: Whether a head follows on the coarsest level.

    Returns:
        `Scales`.
    """
    num_layers = len(gates) - 1
    inputs = np.ones((num_layers + 2, topology.NUM_LEVELS))
    keep_factors = np.ones((num_layers + 1, topology.NUM_LEVELS))
    for layer, level in topology.cells(num_layers):
        scale, gate = inputs[layer, level], gates[layer, level, 0]
        if not kept[layer, level, 0]:
            # Nothing, or the input as it is, goes along.
            inputs[layer + 1, level] = scale if bypassed[layer, level] else 1.0
            continue
        # Up to the head, since the cells behind may only pass on what they get.
        pools = has_pooling and level == topology.NUM_LEVELS - 1
        if pools or gate * MAX_SCALE <= scale:
            keep_factors[layer, level] = gate / scale
        else:
            inputs[layer + 1, level] = scale / gate
    return Scales(inputs, keep_factors)
