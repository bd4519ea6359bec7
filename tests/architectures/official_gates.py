"""Gates in the reference file, as our table, and sums over each cell's inputs."""

import numpy as np

from selene_tf.architectures import topology

NUM_LAYERS = 4


def name(layer, level):
    """The reference file's name of a cell: its layer 0 is our layer 1."""
    return f"l{layer - 1}c{level}" if layer else "init"


def gates(arrays, prefix):
    """(batch, 5, 4, 3), of `eval`, `train` or `eval_b1/0`."""
    batch = len(arrays[f"{prefix}/gate/init"])
    table = np.zeros((batch, NUM_LAYERS + 1, 4, 3), "float32")
    for layer, level in topology.cells(NUM_LAYERS):
        theirs = arrays[f"{prefix}/gate/{name(layer, level)}"].reshape(batch, -1)
        routes = topology.routes(layer, level, NUM_LAYERS)
        columns = [topology.ROUTES.index(route) for route in routes]
        table[:, layer, level, columns] = theirs
    return table


def of_cells(table, runs, gates):
    """Each cell's cost and that of the edges into it, one after the other.

    Args:
        table: A `CostTable`.
        runs: (batch, num_layers + 1, 4), how much of each cell is paid.
        gates: (batch, num_layers + 1, 4, 3), how much of each edge.

    Returns:
        (batch, num_layers + 1, 4)
    """
    num_layers = gates.shape[1] - 1
    costs = runs * table.cells.astype("float64")
    for layer, level in topology.cells(num_layers):
        for *cell, route in topology.sources(layer, level, num_layers):
            place = (*cell, topology.ROUTES.index(route))
            costs[:, layer, level] += gates[:, *place] * table.routes[place]
    return costs
