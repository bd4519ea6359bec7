import numpy as np
import tensorflow as tf

from selene_tf.data import scenes, sources


def images_of(source):
    return [
        source.read(tf.constant(i, tf.int64))["image"].numpy().tobytes()
        for i in range(source.size)
    ]


def test_scenes_are_split_by_the_ratio_without_overlap():
    drawn = sources.from_scenes(9, 4, 4, (32, 48), use_unlabelled=True)
    sizes = drawn.labelled.size, drawn.unlabelled.size, drawn.validation.size
    assert sizes == (3, 6, 4)
    everything = [
        image
        for source in (drawn.labelled, drawn.unlabelled, drawn.validation)
        for image in images_of(source)
    ]
    assert len(set(everything)) == 13


def test_the_labelled_scenes_are_every_nth():
    drawn = sources.from_scenes(9, 1, 4, (32, 48), use_unlabelled=False)
    assert drawn.unlabelled is None
    image, label = scenes.draw(4, 0, 32, 48)
    second = drawn.labelled.read(tf.constant(1, tf.int64))
    np.testing.assert_array_equal(second["image"], image)
    np.testing.assert_array_equal(second["label"], label)
