"""Times a training step, inference and a cell; see `benchmarking.measure`."""

import contextlib
import os
import pathlib
import statistics
import time

import keras
import numpy as np
import tensorflow as tf

from selene_tf import networks
from selene_tf.algorithms.supervised import Supervised
from selene_tf.architectures import topology
from selene_tf.evaluation import evaluate
from selene_tf.layers.routing_cell import RoutingCell
from selene_tf.training import grappler
from selene_tf.training.sgd import TorchSGD

MAX_GRADIENT_NORM = 5.0
# Of no influence on the time.
LEARNING_RATE = 0.01
# A single step of a cell is too short to be timed.
CELL_STEPS = 10


def set_up(threads):
    """Sets the number of threads, before TensorFlow's first use; 0: its own choice."""
    tf.config.threading.set_intra_op_parallelism_threads(threads)
    tf.config.threading.set_inter_op_parallelism_threads(threads)
    keras.utils.set_random_seed(0)


def of_network(architecture, size, batch_size, repeats, what):
    """Times the network.

    Args:
        architecture: A `RoutingArchitecture`.
        size: Height and width of an image, in pixels.
        batch_size: Images in a batch.
        repeats: Timed calls, after one that warms up.
        what: "train", "inference" or "all".

    Returns:
        Two dicts: the seconds of what is done once, by name; and for "training" and
        "inference" milliseconds an image, by clock, then "median", "min", "max".
    """
    start, steps = {}, {}
    with _seconds(start, "build"):
        network = networks.build(architecture)
    batch = random_batch(architecture.num_classes, size, batch_size)
    if what != "inference":
        with grappler.disabled_on_cpu():
            step = training(network, batch, start)
            start["process_start_to_first_step"] = _process_age()
            steps["training"] = _timed(step, repeats, batch_size)
    if what != "train":
        step = inference(network, batch["image"], start)
        steps["inference"] = _timed(step, repeats, batch_size)
    return start, steps


def of_cell(architecture, size, batch_size, repeats):
    """Times one `RoutingCell`; milliseconds an image, as `of_network` gives them."""
    arrays = cell_arrays(architecture.channels, size, batch_size)
    with grappler.disabled_on_cpu():
        step = cell(*arrays, architecture.small_gate)
        return _timed(step, repeats, batch_size, CELL_STEPS)


def of_torch_cell(architecture, size, batch_size, repeats, threads):
    """Times the same cell in PyTorch, on so many threads; 0: PyTorch's own choice."""
    # Imported here, since it need not be installed.
    from selene_tf.benchmarking import torch_cell

    arrays = cell_arrays(architecture.channels, size, batch_size)
    step = torch_cell.cell(*arrays, architecture.small_gate, threads)
    return _timed(step, repeats, batch_size, CELL_STEPS)


def random_batch(num_classes, size, batch_size):
    """A batch of random images with labels, as `batching.training` gives it."""
    rng, shape = np.random.default_rng(0), (batch_size, *size)
    image = rng.uniform(0, 255, (*shape, 3)).astype("float32")
    label = rng.integers(num_classes, size=shape, dtype="int32")
    return {"image": tf.constant(image), "label": tf.constant(label)}


def training(network, batch, start):
    """Traces a training step, takes the first one and returns a function for more.

    Args:
        network: A routing network.
        batch: As `random_batch` gives it.
        start: Dict that receives the seconds of what is done once.
    """
    with _seconds(start, "optimizer"):
        train, step = training_step(Supervised(network, MAX_GRADIENT_NORM), batch)
    with _seconds(start, "trace"):
        train.get_concrete_function(batch)
    with _seconds(start, "first_step"):
        step()
    return step


def training_step(algorithm, batch):
    """Compiles an `Algorithm` and wraps its training step as `fit` does.

    Returns:
        The step as a `tf.function` of a batch, not traced yet; and a function that
        calls it on this batch and waits for the losses.
    """
    algorithm.compile(TorchSGD(LEARNING_RATE, momentum=0.9, weight_decay=1e-4))
    algorithm.optimizer.build(algorithm.trainable_variables)
    train = tf.function(algorithm.train_step, autograph=False)

    def step():
        return {name: np.asarray(value) for name, value in train(batch).items()}

    return train, step


def inference(network, images, start):
    """Traces inference, calls it once and returns a function for more calls.

    Args:
        network: A routing network.
        images: (batch, height, width, 3).
        start: Dict that receives the seconds of what is done once.
    """
    predict = evaluate.predictor(network)

    def step():
        return [output.numpy() for output in predict(images).values()]

    with _seconds(start, "inference_trace"):
        predict.get_concrete_function()
    with _seconds(start, "first_inference"):
        step()
    return step


def cell_arrays(channels, size, batch_size):
    """Random inputs of a cell at stride 8, and gradients of its outputs.

    Args:
        channels: Channels at stride 4.
        size: Height and width of the image, in pixels.
        batch_size: Number of images.

    Returns:
        Three arrays (batch, height, width, 2 * channels), and one for each route,
        of the route's shape.
    """
    # The network pads its images to multiples of 32 pixels.
    height, width = (-(-side // 32) * 4 for side in size)
    keep = (height, width, 2 * channels)
    up = (2 * height, 2 * width, channels)
    down = (height // 2, width // 2, 4 * channels)
    rng = np.random.default_rng(0)
    arrays = [
        rng.normal(size=(batch_size, *shape)).astype("float32")
        for shape in (keep, keep, keep, keep, up, down)
    ]
    return arrays[:3], arrays[3:]


def cell(features, gradients, small_gate):
    """Returns a function of one forward and backward pass through a `RoutingCell`.

    Args:
        features, gradients: As `cell_arrays` gives them.
        small_gate: Whether the gate looks at a quarter of the resolution.
    """
    batch = len(features[0])
    with tf.device("CPU"):
        layer = RoutingCell(topology.ROUTES, small_gate=small_gate)
        layer.build([array.shape for array in features], [(batch, 1)] * len(features))
        features = [tf.constant(array) for array in features]
        gradients = [tf.constant(array) for array in gradients]
        active = [tf.ones((batch, 1))] * len(features)

    @tf.function(autograph=False)
    def forward_and_backward(features, active, gradients):
        with tf.GradientTape() as tape:
            tape.watch(features)
            sent = layer(features, active, training=True)
            outputs = [sent[route] for route in topology.ROUTES]
        weights = [variable.value for variable in layer.trainable_variables]
        return tape.gradient(outputs, [*features, *weights], gradients)

    def step():
        with tf.device("CPU"):
            return forward_and_backward(features, active, gradients)

    return step


@contextlib.contextmanager
def _seconds(into, name):
    started = time.perf_counter()
    yield
    into[name] = time.perf_counter() - started


def timed_in_turn(calls, repeats, images=1):
    """Times several functions, round after round, each once a round.

    Args:
        calls: Name to function without arguments.
        repeats: Timed rounds, after one that warms up.
        images: By how many to divide.

    Returns:
        For each name milliseconds by clock, "wall" and "cpu" (of the process), then
        "median", "min", "max".
    """
    readings = {name: [] for name in calls}
    for _ in range(repeats + 1):
        for name, call in calls.items():
            before = time.perf_counter(), time.process_time()
            call()
            after = time.perf_counter(), time.process_time()
            readings[name].append([b - a for a, b in zip(before, after, strict=True)])
    milliseconds = {}
    for name, own in readings.items():
        # The first call warmed up.
        wall, cpu = zip(*own[1:], strict=True)
        clocks = {"wall": wall, "cpu": cpu}
        milliseconds[name] = {
            clock: _summary(seconds, images) for clock, seconds in clocks.items()
        }
    return milliseconds


def _timed(step, repeats, batch_size, steps=1):
    """Milliseconds of an image in `steps` steps, as `timed_in_turn` gives them."""

    def call():
        for _ in range(steps):
            step()

    return timed_in_turn({"call": call}, repeats, steps * batch_size)["call"]


def _summary(seconds, images):
    each = [1000 * reading / images for reading in seconds]
    return {"median": statistics.median(each), "min": min(each), "max": max(each)}


def _process_age():
    """Seconds since the process started, or None where the system does not tell."""
    try:
        fields = pathlib.Path("/proc/self/stat").read_text().rpartition(")")[2].split()
        # Field 22 of the line: clock ticks from the start of the system.
        started = int(fields[19]) / os.sysconf("SC_CLK_TCK")
        return time.clock_gettime(time.CLOCK_BOOTTIME) - started
    except (OSError, AttributeError):
        return None
