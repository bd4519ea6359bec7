"""What of the search space images use: shares of the MACs, and levels."""

import numpy as np

from selene_tf.architectures import cost_table, topology

_BINS = 20


def histogram(shares):
    """Histogram of the images' shares of the MACs with all gates open.

    Args:
        shares: Numbers in 0..1, one for each image.

    Returns:
        {"edges": 21 shares, "images": 20 numbers of images}, for JSON.

    Example:
        >>> histogram([0.51, 0.53, 1.0])["images"][-10:]
        [2, 0, 0, 0, 0, 0, 0, 0, 0, 1]
    """
    counts, edges = np.histogram(shares, bins=_BINS, range=(0, 1))
    return {"edges": [round(e, 4) for e in edges.tolist()], "images": counts.tolist()}


def levels(gates, exists=None):
    """Which levels images use.

    Args:
        gates: (images, num_layers + 1, 4, 3), the network's output.
        exists: Of a pruned network its edges, as in `cost_table.active_cells`.

    Returns:
        For each level, by the name "stride_4" and so on: "images", the share that
        computes a cell of it, and "cells", how many of its cells an image computes, as
        the mean. A cell is computed if something flows in and a gate is open.
    """
    runs = cost_table.active_cells(gates, exists) & (
        gates.sum(-1) >= topology.OPEN_ABOVE
    )
    return {
        f"stride_{topology.stride(level)}": {
            "images": float(runs[:, :, level].any(1).mean()),
            "cells": float(runs[:, :, level].sum(1).mean()),
        }
        for level in range(topology.NUM_LEVELS)
    }
