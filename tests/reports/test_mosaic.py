import numpy as np
import pytest

from selene_tf.reports import mosaic

NAMES = ("ground", "thing")
COLOURS = ((0, 0, 200), (250, 100, 0))


def sample(name="a.png", height=180, width=240, value=100, label=1):
    image = np.full((height, width, 3), value, np.uint8)
    return name, image, np.full((height, width), label, np.uint8)


def test_pixels_of_a_class_are_half_image_and_half_colour():
    _, image, mask = sample()
    mask[:, :120] = 0
    painted = mosaic.overlay(image, mask, COLOURS)
    assert painted.dtype == np.uint8
    assert (painted[:, :120] == [50, 50, 150]).all()
    assert (painted[:, 120:] == [175, 100, 50]).all()


@pytest.mark.parametrize("value", [0, 255])
def test_pixels_without_a_class_have_no_colour_and_are_hatched(value):
    _, image, mask = sample(value=value, label=255)
    painted = mosaic.overlay(image, mask, COLOURS)
    assert (painted == painted[..., :1]).all()
    values, counts = np.unique(painted[..., 0], return_counts=True)
    assert len(values) == 2
    # Lines two wide, six apart, on what is no lighter than the image.
    assert counts.tolist() == [180 * 240 * 3 // 4, 180 * 240 // 4]
    assert values[0] <= value


def colours_in(image):
    return {tuple(colour) for colour in np.unique(image.reshape(-1, 3), axis=0)}


def test_samples_stand_in_rows_of_six_above_the_legend():
    few = mosaic.draw([sample()] * 6, NAMES, COLOURS)
    more = mosaic.draw([sample()] * 7, NAMES, COLOURS)
    assert few.dtype == np.uint8
    assert few.shape[1] == more.shape[1] == 6 * 248 + 8
    row_height = 8 + 180 + 20
    assert more.shape[0] - few.shape[0] == row_height
    np.testing.assert_array_equal(more[2 * row_height :], few[row_height:])
    assert {(175, 100, 50), (0, 0, 0)} <= colours_in(few[:row_height])
    assert {*COLOURS, (0, 0, 0)} <= colours_in(few[row_height:])
    # The seventh stands alone in its row.
    assert (more[row_height : 2 * row_height, 256:] == 255).all()


def test_every_image_fits_its_cell_whatever_its_size():
    samples = [
        sample(height=1, width=1),
        sample(height=3000, width=20),
        sample(height=20, width=3000),
    ]
    image = mosaic.draw(samples, NAMES, COLOURS)
    rows = (image[:, :, 2] == 50).any(axis=1)
    assert image.shape[1] == 3 * 248 + 8
    assert rows.sum() == 480


def test_a_name_is_cut_at_its_beginning_to_the_width_of_a_cell():
    name = "a_very_long_name_" * 10
    long, other, short = (
        mosaic.draw([sample(text)] * 2, NAMES, COLOURS)
        for text in (f"1{name}end.png", f"2{name}end.png", f"{name}dne.png")
    )
    np.testing.assert_array_equal(long, other)
    assert (long != short).any()
    # Nothing is written between the two cells.
    assert (long[188:, 248:256][:20] == 255).all()


def test_long_legends_take_several_lines_and_odd_names_do_no_harm():
    names = [f"class number {i}" for i in range(254)]
    colours = [(i, 0, 255 - i) for i in range(254)]
    image = mosaic.draw([sample("Straße\n\u6f22.png")], names, colours)
    assert set(colours) <= colours_in(image)
    assert (image[:, -4:] == 255).all()


def test_without_samples_the_legend_is_left():
    image = mosaic.draw([], NAMES, COLOURS)
    assert image.shape[1] == 2 * 248 + 8
    assert set(COLOURS) <= colours_in(image)
