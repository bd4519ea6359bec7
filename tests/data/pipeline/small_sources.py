"""Small images that tell which of them they are, and what is drawn of them."""

import numpy as np
import tensorflow as tf
from PIL import Image

from selene_tf.data.datasets.examples import Example
from selene_tf.data.files.image_reader import FileReader
from selene_tf.data.files.label_map import index
from selene_tf.data.pipeline import views
from selene_tf.data.pipeline.bad_samples import BadSamples
from selene_tf.data.pipeline.sources import ReaderSource

PLAIN = views.Augmentation(crop_size=(4, 6))
VARIED = views.Augmentation((5, 5), (0.75, 1.0, 1.5), True, (9.0, 8.0, 7.0))


def take(dataset, count):
    return list(dataset.take(count).as_numpy_iterator())


def drawn(dataset, batches, key="image"):
    """Returns the numbers of the images drawn, from images of `make_source`."""
    values = [batch[key][:, 0, 0, 0] for batch in take(dataset, batches)]
    return np.concatenate(values).astype(int).tolist()


def assert_equal(first, second):
    tf.nest.map_structure(np.testing.assert_array_equal, first, second)


def from_files(examples, image_size=None, bad_samples=None):
    reader = FileReader(examples, index(3), image_size)
    return ReaderSource(reader, bad_samples or BadSamples(len(examples)))


def save_examples(folder, count, labelled=True):
    examples = []
    for number in range(count):
        image, mask = folder / f"{number}.png", folder / f"{number}_mask.png"
        Image.fromarray(np.full((4, 6, 3), number, np.uint8)).save(image)
        Image.fromarray(np.full((4, 6), number % 3, np.uint8)).save(mask)
        examples.append(Example(image, mask if labelled else None))
    return examples
