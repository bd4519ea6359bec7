"""How long a network takes for one image, in its own process and as TFLite file."""

import statistics
import time

import numpy as np
import tensorflow as tf

from selene_tf.export import saved_model, tflite
from selene_tf.inference.tflite import Runner

_REPEATS = 20


def of_network(network, size, repeats=_REPEATS):
    """Median milliseconds from an image to its labels, as one TensorFlow graph.

    Args:
        network: A Keras model with an output "logits".
        size: Height and width of the image, in pixels.
        repeats: Timed calls, after one that warms up.
    """
    serve = saved_model.serving(network)
    spec = tf.TensorSpec((1, *size, 3), tf.uint8)
    traced = tf.function(lambda x: serve(x)["labels"], [spec], autograph=False)
    return median(lambda image: traced(image).numpy(), size, repeats)


def of_tflite(network, size, repeats=_REPEATS):
    """The same as TFLite file in float32, by LiteRT on its own choice of threads."""
    content = tflite.convert(network, size, "none")
    runner = Runner(model_content=content)
    return median(lambda image: runner(image[0], "labels"), size, repeats)


def median(run, size, repeats):
    """Median milliseconds of a function of an image, uint8 (1, height, width, 3)."""
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (1, *size, 3), dtype=np.uint8)
    readings = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        run(image)
        readings.append(time.perf_counter() - started)
    return statistics.median(readings[1:]) * 1000
