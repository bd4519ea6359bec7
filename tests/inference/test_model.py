import numpy as np
import pytest

from tests.inference.toy_models import Pixelwise, expected_labels
from tests.refusals import assert_refused


def images(shape=(2, 4, 6, 3), dtype=np.uint8):
    return np.random.default_rng(0).integers(0, 256, shape).astype(dtype)


def test_images_go_to_the_network_as_they_are():
    batch = images()
    np.testing.assert_array_equal(Pixelwise().labels(batch), expected_labels(batch))
    np.testing.assert_array_equal(
        Pixelwise().logits(batch).argmax(-1), expected_labels(batch)
    )


@pytest.mark.parametrize("shape", [(1, 1, 1, 3), (1, 4, 6, 3)])
def test_a_network_of_any_size_takes_one_pixel(shape):
    assert Pixelwise().labels(images(shape)).shape == shape[:3]


@pytest.mark.parametrize("method", ["labels", "logits"])
@pytest.mark.parametrize(
    ("value", "words"),
    [
        (images(dtype=np.int64), ["int64 (2, 4, 6, 3)", "0 to 255"]),
        (images(dtype=np.float32) / 255, ["lie in 0 to 1", "by 255"]),
        (np.full((1, 4, 6, 3), np.nan), ["not finite"]),
        (images((4, 6, 3)), ["(4, 6, 3)", "image[None]"]),
        (images((1, 3, 4, 6)), ["(1, 3, 4, 6)", "colours come last"]),
        (images((1, 4, 6, 4)), ["(1, 4, 6, 4)", "fourth channel"]),
        (images((1, 4, 6, 1)), ["(1, 4, 6, 1)", "grey"]),
        (images((4, 6)), ["(4, 6)"]),
        (images((0, 4, 6, 3)), ["(0, 4, 6, 3)", "one image"]),
        (images((1, 0, 6, 3)), ["(1, 0, 6, 3)", "one pixel"]),
        ([images((4, 6, 3)), images((5, 6, 3))], ["several sizes"]),
        ("image.png", ["expected uint8"]),
    ],
)
def test_other_than_images_are_refused(value, words, method):
    action = getattr(Pixelwise(name="a run"), method)
    expected = "uint8 (batch, height, width, 3), RGB"
    assert_refused(lambda: action(value), "'a run'", expected, *words)


def test_a_network_of_one_size_refuses_others():
    model = Pixelwise(size=(4, 6))
    assert model.labels(images()).shape == (2, 4, 6)
    assert_refused(
        lambda: model.labels(images((1, 6, 4, 3))), "(1, 6, 4, 3)", "(batch, 4, 6, 3)"
    )
