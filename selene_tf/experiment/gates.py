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
    for source, places in _spread([s for s in sources if s is not None], max_images):
        for image in _images(source, places):
            gates.append(predict(image[None])["gates"].numpy())
            sizes.append(image.shape[:2])
    return np.concatenate(gates), np.array(sizes)


def _images(source, places):
    """Float images of a source, read in a graph, without which each takes 0.5 s."""
    numbers = tf.data.Dataset.from_tensor_slices(places)
    images = numbers.map(
        tf.autograph.experimental.do_not_convert(
            lambda n: tf.cast(source.read(n)["image"], tf.float32)
        )
    )
    with named_failures(source):
        yield from images.prefetch(2)


def _spread(sources, max_images):
    """(source, numbers of its images to look at), in order."""
    ends = np.cumsum([source.size for source in sources])
    count = min(max_images or ends[-1], ends[-1])
    places = np.linspace(0, ends[-1] - 1, count).astype(np.int64)
    for source, end in zip(sources, ends, strict=True):
        start = end - source.size
        own = places[(places >= start) & (places < end)] - start
        if len(own):
            yield source, own
