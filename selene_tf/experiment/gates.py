"""The gates that a network opens for the images of a run."""

import numpy as np
import tensorflow as tf

from selene_tf.data.pipeline.sources import named_failures
from selene_tf.evaluation import evaluate

# A share of so many images is known to 1.6 points (one standard error), which is enough
# to tell open routes from closed ones.
MAX_IMAGES = 1000


def collect(network, sources, max_images=MAX_IMAGES, predict=None):
    """Evaluates a network's gates on images, one at a time, as they are.

    Args:
        network: A network.
        sources: `Source`s of images; None among them is passed over.
        max_images: At most so many, spread evenly over all of them; 0 for all.
        predict: As `evaluate.predictor` returns it for the network, if the caller has
            it already: tracing another one takes seconds.

    Returns:
        (gates, sizes): float32 (images, num_layers + 1, 4, 3), and int (images, 2),
        each image's height and width in pixels; (None, None) of a network without
        gates.

    Raises:
        UserError: an image cannot be read.
    """
    if "gates" not in network.output:
        return None, None
    predict = predict or evaluate.predictor(network)
    gates, sizes = [], []
    for source, place in _spread([s for s in sources if s is not None], max_images):
        with named_failures(source):
            image = source.read(tf.constant(place, tf.int64))["image"]
        image = tf.cast(image, tf.float32)
        gates.append(predict(image[None])["gates"].numpy())
        sizes.append(image.shape[:2])
    return np.concatenate(gates), np.array(sizes)


def _spread(sources, max_images):
    """(source, number) of the images to look at, in order."""
    every = [(source, number) for source in sources for number in range(source.size)]
    count = min(max_images or len(every), len(every))
    places = np.linspace(0, len(every) - 1, count).astype(int)
    return [every[place] for place in places.tolist()]
