"""The cost of pictures as a function that gates learn from, and its budgets.

Reference: Li et al. 2020, https://arxiv.org/abs/2003.10401, section 3.4, and
the official DynamicRouting code, which fills in what the paper leaves open.
"""

from keras import ops

# The published networks: weight of the budget loss, and the share of the total
# that it draws the expected cost to.
BUDGETS = {"A": (0.8, 0.1), "B": (0.5, 0.1), "C": (0.5, 0.2)}
# The total of these shares: about what the cells and routes of 16 layers with
# 64 channels cost at 768 x 768 pixels, in the official convention.
OFFICIAL_TOTAL = 26.3e9


def expected(table, gates):
    """What each picture's cells and routes cost, weighted by their gates.

    A route costs its gate times what it costs open, a cell its largest gate
    times. Gates, stem and decoder, which no gate can save, are left out. With
    every gate at 1 it is `table.searched`.

    The gradient of a cell's cost goes to its largest gate alone, to the first
    in the order keep, up, down where several are equal.

    Args:
        table: A `CostTable`; the published budgets are of the convention
            "dynamic_routing".
        gates: (batch, num_layers + 1, 4, 3), the network's output.

    Returns:
        (batch,) in the table's unit, in float32.
    """
    gates = ops.cast(gates, "float32")
    # The gradient of a maximum would be shared between equal gates.
    largest = ops.argmax(ops.stop_gradient(gates), axis=-1)
    chosen = ops.one_hot(largest, gates.shape[-1], dtype="float32")
    runs = ops.sum(gates * chosen, axis=-1)
    cells = ops.convert_to_tensor(table.cells, "float32")
    routes = ops.convert_to_tensor(table.routes, "float32")
    return ops.sum(runs * cells, axis=(1, 2)) + ops.sum(gates * routes, axis=(1, 2, 3))
