"""How long a network takes for one picture, in its own process and as TFLite file."""

import statistics
import time

import numpy as np
import tensorflow as tf

from selene_tf.export import saved_model, tflite

_REPEATS = 20


def of_network(network, size, repeats=_REPEATS):
    """Median milliseconds from a picture to its labels, as one TensorFlow graph.

    Args:
        network: A Keras model with an output "logits".
        size: Height and width of the picture, in pixels.
        repeats: Timed calls, after one that warms up.
    """
    serve = saved_model.serving(network)
    image = tf.TensorSpec((1, *size, 3), tf.uint8)
    traced = tf.function(lambda image: serve(image)["labels"], input_signature=[image])
    return median(lambda picture: traced(picture).numpy(), size, repeats)


def of_tflite(network, size, repeats=_REPEATS):
    """The same as TFLite file in float32, by LiteRT on its own choice of threads."""
    content = tflite.convert(network, size, "none")
    run = tflite.runner(model_content=content)
    return median(lambda picture: run(picture[0], "labels"), size, repeats)


def median(run, size, repeats):
    """Median milliseconds of a function of a picture, uint8 (1, height, width, 3)."""
    rng = np.random.default_rng(0)
    picture = rng.integers(0, 256, (1, *size, 3), dtype=np.uint8)
    readings = []
    for _ in range(repeats + 1):
        started = time.perf_counter()
        run(picture)
        readings.append(time.perf_counter() - started)
    return statistics.median(readings[1:]) * 1000
