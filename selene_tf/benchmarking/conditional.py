"""Times inference that leaves out what is closed, at several shares of open routes."""

import dataclasses
import statistics
import time

import numpy as np
import tensorflow as tf

from selene_tf import networks
from selene_tf.architectures import cost_table, routing, topology
from selene_tf.evaluation import evaluate

# Probability of a route to be open.
OPEN_SHARES = (1.0, 0.75, 0.5, 0.25, 0.0)


def of_conditional(architecture, size, repeats):
    """Times one image through networks whose gates are open or closed at random.

    The same traced function for all; only the gates' biases differ.

    Args:
        architecture: A `RoutingArchitecture` with gates.
        size: Height and width of the image, in pixels.
        repeats: Timed calls for each share, after one that warms up.

    Returns:
        For each of `OPEN_SHARES` a dict: "open_share" of the routes; "macs" that
        the image costs; "wall" and "cpu", medians of milliseconds.
    """
    network = networks.build(dataclasses.replace(architecture, conditional=True))
    table = routing.macs_table(architecture, *size)
    rng = np.random.default_rng(0)
    image = tf.constant(rng.uniform(0, 255, (1, *size, 3)).astype("float32"))
    predict = evaluate.predictor(network)
    rows = []
    for share in OPEN_SHARES:
        _open_at_random(network, architecture.num_layers, share, rng)
        milliseconds, gates = _timed(predict, image, repeats)
        macs = int(cost_table.of_images(table, gates)[0])
        rows.append({"open_share": share, "macs": macs, **milliseconds})
    return rows


def _open_at_random(network, num_layers, share, rng):
    """Fixes every gate at tanh(1.5) or, with probability 1 - share, at 0."""
    for cell in topology.cells(num_layers):
        gate = network.get_layer(topology.cell_name(*cell)).gate.project
        gate.kernel.assign(tf.zeros_like(gate.kernel))
        gate.bias.assign(np.where(rng.random(gate.bias.shape) < share, 1.5, -1.5))


def _timed(predict, image, repeats):
    readings = []
    for _ in range(repeats + 1):
        before = time.perf_counter(), time.process_time()
        outputs = {name: value.numpy() for name, value in predict(image).items()}
        after = time.perf_counter(), time.process_time()
        readings.append([b - a for a, b in zip(before, after, strict=True)])
    wall, cpu = (1000 * statistics.median(x) for x in zip(*readings[1:], strict=True))
    return {"wall": wall, "cpu": cpu}, outputs["gates"]
