"""The expected cost of images, differentiable in their gates.

Reference: Li et al. 2020, https://arxiv.org/abs/2003.10401, section 3.4, and
the official DynamicRouting code, which fills in what the paper leaves open.
"""

import keras
from keras import ops


def expected(table, gates):
    """Expected cost of each image: cells and routes weighted by their gates.

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
        (batch,) in the table's unit; in float64 if the gates are, else float32.
    """
    dtype = "float64" if _is_wide(gates) else "float32"
    gates = ops.cast(gates, dtype)
    # The gradient of a maximum would be shared between equal gates.
    largest = ops.argmax(ops.stop_gradient(gates), axis=-1)
    chosen = ops.one_hot(largest, gates.shape[-1], dtype=dtype)
    runs = ops.sum(gates * chosen, axis=-1)
    cells = ops.convert_to_tensor(table.cells, dtype)
    routes = ops.convert_to_tensor(table.routes, dtype)
    return ops.sum(runs * cells, axis=(1, 2)) + ops.sum(gates * routes, axis=(1, 2, 3))


def _is_wide(tensor):
    return keras.backend.standardize_dtype(tensor.dtype) == "float64"
