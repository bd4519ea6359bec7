import struct
import zlib

import numpy as np
import pytest
from PIL import Image, ImageFile

from selene_tf.data.datasets.examples import Example
from selene_tf.data.files.label_map import LabelFormat, index
from selene_tf.data.files.pillow_reading import read_example, read_image, read_mask
from tests.data.small_images import IDS, PIXELS, save, save_mode, save_pair
from tests.refusals import assert_refused


def raw_png(width, height, depth, colour_type, rows):
    """Builds a PNG that Pillow itself would not write."""

    def chunk(kind, content):
        check_sum = zlib.crc32(kind + content)
        return (
            struct.pack(">I", len(content))
            + kind
            + content
            + struct.pack(">I", check_sum)
        )

    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def test_rgb_is_read_as_it_is(tmp_path):
    image = read_image(save(tmp_path / "a.png", PIXELS))
    assert image.dtype == np.uint8
    np.testing.assert_array_equal(image, PIXELS)


def test_jpeg_is_read_by_its_content_not_its_name(tmp_path):
    save(tmp_path / "a.png", np.full((6, 8, 3), 90, np.uint8), format="JPEG")
    np.testing.assert_allclose(read_image(tmp_path / "a.png"), 90, atol=1)


def test_grey_becomes_rgb(tmp_path):
    image = read_image(save(tmp_path / "a.png", PIXELS[..., 0]))
    np.testing.assert_array_equal(image, np.repeat(PIXELS[..., :1], 3, axis=2))


def test_palette_image_becomes_its_colours(tmp_path):
    palette = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    palette.putpalette([10, 20, 30, 40, 50, 60])
    palette.save(tmp_path / "a.png")
    np.testing.assert_array_equal(
        read_image(tmp_path / "a.png"), [[[10, 20, 30], [40, 50, 60]]]
    )


@pytest.mark.parametrize("alpha", [255, 254])
def test_alpha_is_dropped_only_if_opaque(tmp_path, alpha):
    pixels = np.dstack([PIXELS, np.full((6, 8), 255, np.uint8)])
    pixels[2, 3, 3] = alpha
    path = save(tmp_path / "a.png", pixels)
    if alpha == 255:
        np.testing.assert_array_equal(read_image(path), PIXELS)
    else:
        assert_refused(lambda: read_image(path), path, "1 transparent pixels")


def test_transparent_palette_entry_is_refused(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(IDS, "P").save(path, transparency=0)
    assert_refused(lambda: read_image(path), path, "2 transparent pixels")


@pytest.mark.parametrize("orientation", [3, 6])
@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_turned_images_are_refused(tmp_path, suffix, orientation):
    exif = Image.Exif()
    exif[274] = orientation
    path = save(tmp_path / f"a.{suffix}", PIXELS, exif=exif)
    assert_refused(lambda: read_image(path), path, f"EXIF orientation {orientation}")


def test_upright_exif_is_accepted(tmp_path):
    exif = Image.Exif()
    exif[274] = 1
    path = save(tmp_path / "a.png", PIXELS, exif=exif)
    np.testing.assert_array_equal(read_image(path), PIXELS)


def test_16_bit_images_are_refused(tmp_path):
    grey = save(tmp_path / "grey.png", PIXELS[..., 0].astype(np.uint16) * 257)
    assert_refused(lambda: read_image(grey), grey, "16-bit")
    # Pillow reads 16-bit colour as 8-bit without a word.
    colour = tmp_path / "colour.png"
    colour.write_bytes(raw_png(2, 1, 16, 2, bytes(13)))
    assert_refused(lambda: read_image(colour), colour, "16-bit")


@pytest.mark.parametrize("mode", ["CMYK", "YCbCr"])
def test_other_colour_spaces_are_refused_or_converted_by_jpeg(tmp_path, mode):
    path = save_mode(tmp_path / "a.jpg", mode)
    if mode == "CMYK":
        assert_refused(lambda: read_image(path), path, "CMYK", "RGB")
    else:
        assert read_image(path).shape == (6, 8, 3)


def test_other_formats_are_refused(tmp_path):
    path = save(tmp_path / "a.gif", PIXELS[..., 0])
    assert_refused(lambda: read_image(path), path, "PNG or JPEG", "GIF8")


def damaged(content):
    flipped = bytearray(content)
    # In the pixels, where the decoder alone would not notice.
    flipped[len(content) // 2] ^= 4
    return {
        "half": content[: len(content) // 2],
        "without its end": content[:-8],
        "empty": b"",
        "text": b"version https://git-lfs.github.com/spec/v1\noid sha256:00\n",
        "flipped bit": bytes(flipped),
        "zero size": raw_png(0, 0, 8, 0, b""),
    }


@pytest.mark.parametrize("damage", damaged(b"-" * 20))
@pytest.mark.parametrize("read", [read_image, lambda path: read_mask(path, index(250))])
def test_damaged_png_is_refused(tmp_path, read, damage):
    path = tmp_path / "a.png"
    save(path, PIXELS[..., 0])
    path.write_bytes(damaged(path.read_bytes())[damage])
    assert_refused(lambda: read(path), path)


@pytest.mark.parametrize("damage", ["half", "without its end", "empty"])
def test_damaged_jpeg_is_refused(tmp_path, damage):
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    path = save(tmp_path / "a.jpg", noise)
    path.write_bytes(damaged(path.read_bytes())[damage])
    assert_refused(lambda: read_image(path), path)
    assert not ImageFile.LOAD_TRUNCATED_IMAGES


@pytest.mark.parametrize(
    "read", [read_image, lambda path: read_mask(path, index(2, 255))]
)
def test_missing_files_and_folders_are_named(tmp_path, read):
    assert_refused(lambda: read(tmp_path / "no.png"), tmp_path / "no.png", "No such")
    assert_refused(lambda: read(tmp_path), tmp_path, "directory")


def test_grey_mask_holds_ids_as_values(tmp_path):
    mask = read_mask(save(tmp_path / "m.png", IDS), index(4, 255))
    assert mask.dtype == np.uint8
    np.testing.assert_array_equal(mask, IDS)


@pytest.mark.parametrize("bits", [2, 8])
def test_palette_mask_holds_ids_as_indices(tmp_path, bits):
    ids = np.array([[0, 3, 1], [2, 1, 0]], np.uint8)
    mask = Image.fromarray(ids, "P")
    mask.putpalette([90, 90, 90, 0, 0, 0, 220, 0, 0, 1, 1, 1])
    mask.save(tmp_path / "m.png", bits=bits)
    np.testing.assert_array_equal(read_mask(tmp_path / "m.png", index(4, 255)), ids)


def test_ignore_label_of_the_file_becomes_255(tmp_path):
    path = save(tmp_path / "m.png", np.array([[0, 11, 10]], np.uint8))
    np.testing.assert_array_equal(read_mask(path, index(11, 11)), [[0, 255, 10]])


def test_wrong_id_is_named_with_its_place(tmp_path):
    path = save(tmp_path / "m.png", np.array([[0, 1], [1, 7], [7, 0]], np.uint8))
    assert_refused(
        lambda: read_mask(path, index(3, 255)),
        path,
        "class id 7 in 2 pixels",
        "(row, column) = (1, 1)",
        "0 to 2",
        "255",
    )
    assert_refused(lambda: read_mask(path, index(7, 255)), "expected 0 to 6")
    assert read_mask(path, index(8, 255)).max() == 7


@pytest.mark.parametrize(
    ("mode", "expected"),
    [
        ("RGB", "8-bit colour"),
        ("RGBA", "8-bit colour and alpha"),
        ("LA", "8-bit grey and alpha"),
        ("I;16", "16-bit grey"),
    ],
)
def test_masks_that_hold_no_ids_are_refused(tmp_path, mode, expected):
    path = save_mode(tmp_path / "m.png", mode)
    assert_refused(lambda: read_mask(path, index(3, 255)), path, expected, "palette")


@pytest.mark.parametrize(
    ("depth", "row", "ids"),
    # By hand: the first bits of each byte are the first pixel.
    [(1, b"\xa0", [1, 0, 1]), (2, b"\x1c", [0, 1, 3]), (4, b"\x0f\x20", [0, 15, 2])],
)
def test_grey_masks_of_few_bits_are_not_stretched(tmp_path, depth, row, ids):
    path = tmp_path / "m.png"
    path.write_bytes(raw_png(3, 1, depth, 0, b"\x00" + row))
    np.testing.assert_array_equal(read_mask(path, index(16, 255)), [ids])


RED, BLUE, BLACK = (200, 0, 0), (0, 0, 200), (0, 0, 0)
COLOURS = LabelFormat({}, {RED: 0, BLUE: 1, BLACK: 255})


def test_colour_masks_hold_classes_as_colours(tmp_path):
    pixels = np.array([[RED, BLUE], [BLACK, BLUE]], np.uint8)
    mask = read_mask(save(tmp_path / "m.png", pixels), COLOURS)
    np.testing.assert_array_equal(mask, [[0, 1], [255, 1]])


def test_an_unknown_colour_is_named_with_its_place(tmp_path):
    pixels = np.array([[RED, BLUE], [(1, 2, 3), (1, 2, 3)]], np.uint8)
    path = save(tmp_path / "m.png", pixels)
    assert_refused(
        lambda: read_mask(path, COLOURS), path, "(1, 2, 3) in 2", "(1, 0)", "3 colours"
    )


def test_the_end_of_a_name_says_what_the_values_mean(tmp_path):
    labels = LabelFormat({0: 0}, by_suffix=(("_raw.png", {7: 0, 8: 255}),))
    plain = save(tmp_path / "m.png", np.zeros((1, 2), np.uint8))
    raw = save(tmp_path / "m_raw.png", np.array([[7, 8]], np.uint8))
    np.testing.assert_array_equal(read_mask(plain, labels), [[0, 0]])
    np.testing.assert_array_equal(read_mask(raw, labels), [[0, 255]])
    assert_refused(lambda: read_mask(raw, LabelFormat({0: 0})), raw, "id 7")


def test_jpeg_mask_is_refused(tmp_path):
    path = save(tmp_path / "m.jpg", IDS)
    assert_refused(lambda: read_mask(path, index(4, 255)), path, "PNG")


def test_example_without_a_mask(tmp_path):
    image, mask = read_example(
        Example(save(tmp_path / "a.png", PIXELS), None), index(3, 255)
    )
    assert image.shape == (6, 8, 3)
    assert mask is None


def test_sizes_of_image_and_mask_must_agree(tmp_path):
    example = save_pair(tmp_path, PIXELS, IDS)
    for image_size in (None, (4, 4)):
        assert_refused(
            lambda size=image_size: read_example(example, index(4, 255), size),
            example.image,
            example.mask,
            "8 x 6",
            "3 x 2",
        )


def test_resizing_averages_the_image_and_picks_from_the_mask(tmp_path):
    stripes = np.zeros((8, 8, 3), np.uint8)
    stripes[:, ::2] = 200
    ids = np.repeat([[0, 1, 255, 2]], 8, axis=0).repeat(2, axis=1).astype(np.uint8)
    example = save_pair(tmp_path, stripes, ids)
    image, mask = read_example(example, index(3, 255), (2, 4))
    # Away from the border the widened triangle weighs both stripes alike.
    np.testing.assert_allclose(image[:, 1:3], 100, atol=1)
    np.testing.assert_array_equal(mask, [[0, 1, 255, 2]] * 2)
    assert image.shape == (2, 4, 3)


def test_same_size_changes_nothing(tmp_path):
    ids = np.zeros((6, 8), np.uint8)
    image, mask = read_example(save_pair(tmp_path, PIXELS, ids), index(3, 255), (6, 8))
    np.testing.assert_array_equal(image, PIXELS)
    np.testing.assert_array_equal(mask, ids)
