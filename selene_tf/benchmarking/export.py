"""Times a network and paths through it in every form that a device may run."""

import dataclasses
import pathlib
import statistics
import tempfile
import time

import keras
import numpy as np
import tensorflow as tf

from selene_tf import networks
from selene_tf.architectures import RoutingArchitecture, cost, topology
from selene_tf.export import saved_model, tflite
from selene_tf.inference.saved_model import read_signature
from selene_tf.inference.tflite import Runner
from selene_tf.networks import folding
from selene_tf.search import path_for_cost

# Shares of the supernet's MACs that the paths may have.
KEPT_SHARES = (1.0, 0.5, 0.25)
FORMS = ("keras", "saved_model", "tflite", "tflite_int8")


def of_export(architecture, size, threads, repeats):
    """Times one image through the supernet and through folded paths of it.

    Weights and gates are random: no time depends on them. The forms of a network take
    turns, an image each, so that another program slows down all of them alike.

    Args:
        architecture: A `RoutingArchitecture` with gates; or one of another network,
            which is then the only row.
        size: Height and width of the image, in pixels.
        threads: Threads of LiteRT; those of TensorFlow are the process's.
        repeats: Timed calls of each form, after one that warms up.

    Returns:
        For each network a dict: "name"; "macs" and "parameters" that it has; for each
        of `FORMS` its median milliseconds from an image to its labels, and under
        "bytes" the sizes of the two files.
    """
    keras.utils.set_random_seed(0)
    rng = np.random.default_rng(0)
    rows = _networks(architecture, size, rng)
    return [
        {"name": name, "macs": macs, "parameters": parameters}
        | _timed(network, size, threads, repeats, rng)
        for name, macs, parameters, network in rows
    ]


def _networks(architecture, size, rng):
    """(name, MACs, parameters, network) of each row."""
    if not isinstance(architecture, RoutingArchitecture):
        count = cost(architecture, *size)
        network = networks.build(architecture)
        return [("network", count.macs, count.parameters, network)]
    gates = _random_gates(architecture.num_layers, rng)
    supernet, all_open = networks.build(architecture), cost(architecture, *size)
    rows = [("supernet, gates kept", all_open.macs, all_open.parameters, supernet)]
    for share in KEPT_SHARES:
        name, path = "supernet, folded", None
        ungated = dataclasses.replace(architecture, gated=False)
        macs = cost(ungated, *size).macs
        if share < 1:
            max_macs = int(share * all_open.macs)
            path = path_for_cost.within(
                gates, architecture, size, max_macs, counts_gates=False
            )
            name, macs = f"path, {share:.0%} of the MACs", path.metadata["macs"]
        network = networks.build(dataclasses.replace(ungated, path=path))
        model = folding.fold(network, gates[0], path)
        rows.append((name, macs, model.count_params(), model))
    return rows


def _random_gates(num_layers, rng):
    gates = np.zeros((1, num_layers + 1, topology.NUM_LEVELS, len(topology.ROUTES)))
    for layer, level in topology.cells(num_layers):
        for route in topology.routes(layer, level, num_layers):
            place = layer, level, topology.ROUTES.index(route)
            gates[0, *place] = rng.uniform(0.5, 1)
    return gates


def _timed(network, size, threads, repeats, rng):
    """Milliseconds of each form, and the sizes of the files."""
    image = rng.integers(0, 256, (1, *size, 3), dtype=np.uint8)
    with tempfile.TemporaryDirectory() as folder:
        forms, sizes = _forms(network, size, threads, image, pathlib.Path(folder))
        readings = {name: [] for name in forms}
        for turn in range(repeats + 1):
            for name, run in forms.items():
                started = time.perf_counter()
                run(image)
                if turn:
                    readings[name].append((time.perf_counter() - started) * 1000)
    medians = {name: statistics.median(values) for name, values in readings.items()}
    return {**medians, "bytes": sizes}


def _forms(network, size, threads, image, folder):
    """Functions from an image to its labels, and the sizes of the files in bytes."""
    serve = saved_model.serving(network)
    spec = tf.TensorSpec((None, *size, 3), tf.uint8)
    traced = tf.function(lambda x: serve(x)["labels"], [spec], autograph=False)
    saved_model.write(network, serve, folder / "saved_model", spec)
    signature = read_signature(folder / "saved_model")
    forms = {
        "keras": lambda image: traced(image).numpy(),
        "saved_model": lambda image: signature(image=image)["labels"].numpy(),
    }
    sizes = {}
    for name, quantization in (("tflite", "none"), ("tflite_int8", "int8")):
        content = tflite.convert(network, size, quantization, [image[0]])
        runner = Runner(model_content=content, num_threads=threads)
        forms[name] = lambda image, runner=runner: runner(image[0], "labels")
        sizes[name] = len(content)
    return forms, sizes
