import numpy as np
import pytest
from PIL import Image

from selene_tf.architectures.routing_path import RoutingPath
from selene_tf.reports import path_drawing
from tests.architectures.test_routing_path import METADATA

OPEN = (0xC2, 0x41, 0x0C)
PASSING = (0x64, 0x74, 0x8B)


def draw(file, open_levels, passing_levels=(), num_layers=3):
    """Draws a path that stays at some levels and passes along at others."""
    kept = np.zeros((num_layers + 1, 4, 3), bool)
    bypassed = np.zeros((num_layers + 1, 4), bool)
    for level in open_levels:
        kept[level:, level, 0] = True
    for level in passing_levels:
        bypassed[level:, level] = True
    path_drawing.draw(
        RoutingPath(kept, bypassed, 0.9 * kept, 1.0 * kept, METADATA), file
    )
    with Image.open(file) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def count(image, colour):
    return int((image == colour).all(axis=-1).sum())


def test_draws_a_image_that_is_not_blank(tmp_path):
    image = draw(tmp_path / "path.png", open_levels=[0])
    height, width, _ = image.shape
    assert height > 200
    assert width > 200
    assert (image != image[0, 0]).any(axis=-1).mean() > 0.01


def test_more_routes_show_more_of_their_colour(tmp_path):
    images = [
        draw(tmp_path / "path.png", open_levels) for open_levels in ([], [0], [0, 1])
    ]
    none, one, two = [count(image, OPEN) for image in images]
    assert none == 0
    assert 0 < one < two


def test_cells_that_pass_their_input_have_a_colour_of_their_own(tmp_path):
    with_passing = draw(tmp_path / "path.png", [0], passing_levels=[1])
    without = draw(tmp_path / "path.png", [0])
    assert count(with_passing, PASSING) > 10 * max(count(without, PASSING), 1)


@pytest.mark.parametrize("num_layers", [3, 16])
def test_deeper_networks_take_wider_images(num_layers, tmp_path):
    image = draw(tmp_path / "path.png", [0], num_layers=num_layers)
    # At least half an inch of 120 dots for each layer.
    assert image.shape[1] > 60 * num_layers
