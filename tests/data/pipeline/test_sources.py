import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from selene_tf.data.datasets.examples import Example
from selene_tf.data.datasets.image_folder import ImageFolder
from selene_tf.data.files.label_map import index
from selene_tf.data.pipeline import drawn_sources, sources
from selene_tf.data.pipeline.bad_samples import BadSamples
from selene_tf.data.scenes import draw
from selene_tf.errors import UserError


def load_split(source):
    return [
        source.read(tf.constant(i, tf.int64))["image"].numpy().tobytes()
        for i in range(source.size)
    ]


def test_scenes_are_split_by_the_ratio_without_overlap():
    drawn = drawn_sources.from_scenes(9, 4, 4, (32, 48), use_unlabelled=True)
    sizes = drawn.labelled.size, drawn.unlabelled.size, drawn.validation.size
    assert sizes == (3, 6, 4)
    everything = [
        image
        for source in (drawn.labelled, drawn.unlabelled, drawn.validation)
        for image in load_split(source)
    ]
    assert len(set(everything)) == 13


def test_the_labelled_scenes_are_every_nth():
    drawn = drawn_sources.from_scenes(9, 1, 4, (32, 48), use_unlabelled=False)
    assert drawn.unlabelled is None
    image, label = draw.draw(4, 0, 32, 48)
    second = drawn.labelled.read(tf.constant(1, tf.int64))
    np.testing.assert_array_equal(second["image"], image)
    np.testing.assert_array_equal(second["label"], label)


@pytest.mark.parametrize(("memory_gib", "stays"), [(1.0, True), (0.0, False)])
def test_images_that_fit_stay_in_memory(tmp_path, memory_gib, stays):
    examples = []
    for number in range(3):
        paths = tmp_path / f"{number}.png", tmp_path / f"{number}_mask.png"
        Image.fromarray(np.full((4, 6, 3), number, np.uint8)).save(paths[0])
        Image.fromarray(np.zeros((4, 6), np.uint8)).save(paths[1])
        examples.append(Example(*paths))
    folder = ImageFolder(tmp_path, index(2))
    source = sources.from_examples(
        folder, examples, None, memory_gib, BadSamples(len(examples))
    )
    for example in examples:
        example.image.unlink()
    if stays:
        assert len(set(load_split(source))) == 3
    else:
        with pytest.raises(UserError, match="No such file"):
            load_split(source)
