import numpy as np
import tensorflow as tf

from selene_tf.export import sample_images


def test_examples_are_spread_and_resized():
    numbers = np.arange(10, dtype=np.uint8)
    images = np.tile(numbers[:, None, None, None] * 20, (1, 4, 6, 3))
    labels = np.tile(numbers[:, None, None], (1, 4, 6))
    labels[:, 0] = 255

    class Source:
        size = 10
        failure = staticmethod(lambda: None)

        @staticmethod
        def read(place):
            return {
                "image": tf.constant(images[int(place)]),
                "label": tf.constant(labels[int(place)]),
            }

    samples = sample_images.examples(Source, 4)
    assert [image[0, 0, 0] // 20 for image, _ in samples] == [0, 3, 6, 9]
    assert len(sample_images.examples(Source, 0)) == 10
    image, label = sample_images.examples(Source, 1, (8, 12))[0]
    assert image.shape == (8, 12, 3)
    # The nearest label and no mixture of two.
    assert label[:, 0].tolist() == [255, 255, 0, 0, 0, 0, 0, 0]
