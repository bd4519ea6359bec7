import numpy as np
import pytest
from PIL import Image

from selene_tf.reports import overlay

COLOURS = ((10, 20, 30), (200, 100, 50))


def test_each_class_has_its_colour_and_ignored_pixels_are_black():
    labels = np.array([[0, 1], [255, 1]])
    painted = overlay.colour_map(labels, COLOURS)
    assert painted[0, 0].tolist() == [10, 20, 30]
    assert painted[0, 1].tolist() == [200, 100, 50]
    assert painted[1, 0].tolist() == [0, 0, 0]


@pytest.mark.parametrize("opacity", [0.0, 0.25, 0.5, 1.0])
def test_an_overlay_is_between_image_and_colours(opacity):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    labels = rng.integers(0, 2, (5, 7)).astype(np.uint8)
    painted = overlay.overlay(image, labels, COLOURS, opacity)
    assert painted.dtype == np.uint8
    expected = image * (1 - opacity) + np.array(COLOURS)[labels] * opacity
    np.testing.assert_allclose(painted, expected, atol=1)


def test_an_overlay_leaves_the_image_where_there_is_no_class():
    image = np.full((2, 2, 3), 100, np.uint8)
    labels = np.array([[0, 2], [255, 1]], np.uint8)
    painted = overlay.overlay(image, labels, COLOURS, 0.5)
    assert painted[0, 1].tolist() == painted[1, 0].tolist() == [100, 100, 100]
    assert painted[0, 0].tolist() == [55, 60, 65]
    assert painted[1, 1].tolist() == [150, 100, 75]


def test_image_truth_and_prediction_stand_in_a_row(tmp_path):
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (5, 7, 3), dtype=np.uint8)
    truth = rng.integers(0, 2, (5, 7))

    class Labels:
        @staticmethod
        def numpy():
            return 1 - truth

    def predict(images):
        assert images.shape == (1, 5, 7, 3)
        return {"labels": [Labels]}

    overlay.write_predictions(
        tmp_path / "predictions", predict, [("00003", image, truth)], COLOURS
    )
    written = np.asarray(Image.open(tmp_path / "predictions/00003.png"))
    assert written.shape == (5, 3 * 7 + 8, 3)
    np.testing.assert_array_equal(written[:, :7], image)
    np.testing.assert_array_equal(written[:, 11:18], overlay.colour_map(truth, COLOURS))
    np.testing.assert_array_equal(
        written[:, 22:], overlay.colour_map(1 - truth, COLOURS)
    )
