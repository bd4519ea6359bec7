"""The graph's decoder against Pillow's, file by file."""

import numpy as np
import pytest
import tensorflow as tf
from PIL import Image

from selene_tf.data.datasets import dataset_info
from selene_tf.data.datasets.examples import Example
from selene_tf.data.files import label_map, pillow_reading, tf_decoding
from selene_tf.data.files.image_reader import FileReader
from selene_tf.data.files.label_map import LabelFormat
from selene_tf.data.pipeline.bad_samples import DECODING_ERRORS
from selene_tf.errors import UserError

RNG = np.random.default_rng(0)
PIXELS = RNG.integers(0, 256, (37, 51, 3), dtype=np.uint8)
SMOOTH = np.asarray(Image.fromarray(PIXELS[:5, :7]).resize((51, 37), 3))
IDS = RNG.integers(0, 4, (37, 51), dtype=np.uint8)
LABELS = label_map.index(4)


def saved(path, array, mode=None, **options):
    image = Image.fromarray(array)
    if mode is not None:
        image = image.convert(mode)
    image.save(path, **options)
    return path


def decoded(examples, labels=LABELS, image_size=None):
    """What the graph decodes, in a data set, several at a time."""
    reader = FileReader(examples, labels, image_size)
    numbers = tf.data.Dataset.range(reader.size)
    mapped = numbers.map(reader.decode, num_parallel_calls=2)
    return list(mapped.as_numpy_iterator())


@pytest.mark.parametrize(
    ("mode", "options"),
    [
        ("RGB", {}),
        ("L", {}),
        ("1", {}),
        ("P", {}),
        ("LA", {}),
        ("RGBA", {}),
        ("RGB", {"format": "JPEG", "quality": 95}),
        ("RGB", {"format": "JPEG", "quality": 40, "subsampling": 0}),
        ("RGB", {"format": "JPEG", "quality": 80, "subsampling": 2}),
        ("RGB", {"format": "JPEG", "progressive": True}),
        ("L", {"format": "JPEG"}),
    ],
)
def test_images_are_pillows_to_the_bit(tmp_path, mode, options):
    path = saved(tmp_path / "a.png", SMOOTH, mode, **options)
    [(image, label)] = decoded([Example(path, None)])
    np.testing.assert_array_equal(image, pillow_reading.read_image(path))
    assert (label.dtype, label.shape) == (np.uint8, (37, 51))
    assert not label.any()


def test_opaque_alpha_of_a_colour_mask_is_dropped(tmp_path):
    """As some tools save every PNG; one transparent pixel is refused."""
    labels = LabelFormat({}, {(9, 0, 0): 0, (0, 9, 0): 1, (0, 0, 0): 255})
    colours = np.array([(9, 0, 0), (0, 9, 0), (0, 0, 0)], np.uint8)
    ids = RNG.integers(0, 3, (37, 51))
    image, mask = saved(tmp_path / "a.png", PIXELS), tmp_path / "m.png"
    Image.fromarray(colours[ids]).convert("RGBA").save(mask)
    example = Example(image, mask)
    expected = np.array([0, 1, 255])[ids]
    np.testing.assert_array_equal(decoded([example], labels)[0][1], expected)
    np.testing.assert_array_equal(pillow_reading.read_mask(mask, labels), expected)
    transparent = np.dstack([colours[ids], np.full((37, 51), 255, np.uint8)])
    transparent[3, 4, 3] = 254
    Image.fromarray(transparent).save(mask)
    with pytest.raises(DECODING_ERRORS):
        decoded([example], labels)
    with pytest.raises(UserError, match="has 1 transparent pixels"):
        pillow_reading.read_mask(mask, labels)


@pytest.mark.parametrize("bits", [2, 4, 8])
def test_palette_masks_give_their_indices(tmp_path, bits):
    mask = Image.fromarray(IDS, "P")
    # Grey levels, and one colour twice: only the index tells the ids apart.
    mask.putpalette([9, 9, 9, 200, 200, 200, 9, 9, 9, 0, 0, 0])
    mask.save(tmp_path / "m.png", bits=bits, transparency=1)
    [(_, label)] = decoded(
        [Example(saved(tmp_path / "a.png", PIXELS), tmp_path / "m.png")]
    )
    np.testing.assert_array_equal(label, IDS)


def test_masks_of_pascal_voc_are_indices_with_255_for_the_border(tmp_path):
    ids = np.where(RNG.random((37, 51)) < 0.1, 255, IDS).astype(np.uint8)
    mask = Image.fromarray(ids, "P")
    mask.putpalette([part for n in range(256) for part in dataset_info.bit_colour(n)])
    mask.save(tmp_path / "m.png")
    example = Example(saved(tmp_path / "a.jpg", PIXELS), tmp_path / "m.png")
    [(_, label)] = decoded([example], dataset_info.PASCAL_VOC.labels)
    np.testing.assert_array_equal(label, ids)
    np.testing.assert_array_equal(
        label, pillow_reading.read_mask(example.mask, dataset_info.PASCAL_VOC.labels)
    )


def test_cityscapes_raw_ids_and_train_ids_are_the_same_classes(tmp_path):
    image = saved(tmp_path / "a.png", PIXELS)
    raw = np.repeat([[7, 33, 0, 34 - 1, 6]], 37, 0).repeat(11, 1)[:, :51]
    train = np.repeat([[0, 18, 255, 18, 255]], 37, 0).repeat(11, 1)[:, :51]
    examples = [
        Example(image, saved(tmp_path / "a_labelIds.png", raw.astype(np.uint8))),
        Example(image, saved(tmp_path / "a_labelTrainIds.png", train.astype(np.uint8))),
    ]
    for _, label in decoded(examples, dataset_info.CITYSCAPES.labels):
        np.testing.assert_array_equal(label, train)


def test_colour_masks_are_looked_up(tmp_path):
    sky, wall, void = (128, 128, 128), (64, 192, 0), (0, 0, 0)
    pixels = np.array([[sky, wall], [void, sky]], np.uint8)
    image = saved(tmp_path / "a.png", PIXELS[:2, :2])
    index = saved(tmp_path / "i.png", np.array([[0, 1], [11, 0]], np.uint8))
    examples = [
        Example(image, saved(tmp_path / "m.png", pixels)),
        Example(image, index),
    ]
    for _, label in decoded(examples, dataset_info.CAMVID.labels):
        np.testing.assert_array_equal(label, [[0, 1], [255, 0]])


def test_masks_and_none_may_stand_in_one_list(tmp_path):
    image = saved(tmp_path / "a.png", PIXELS)
    mask = saved(tmp_path / "m.png", IDS)
    (_, first), (_, second) = decoded([Example(image, None), Example(image, mask)])
    assert not first.any()
    np.testing.assert_array_equal(second, IDS)


@pytest.mark.parametrize("image_size", [(20, 30), (80, 60)])
def test_resizing_is_pillows_within_a_grey_level(tmp_path, image_size):
    example = Example(saved(tmp_path / "a.png", PIXELS), saved(tmp_path / "m.png", IDS))
    [(image, label)] = decoded([example], image_size=image_size)
    expected, ids = pillow_reading.read_example(example, LABELS, image_size)
    assert image.dtype == np.uint8
    np.testing.assert_allclose(image.astype(int), expected, atol=1)
    np.testing.assert_array_equal(label, ids)


def cut(path, length):
    path.write_bytes(path.read_bytes()[:length])


def flipped(path):
    content = bytearray(path.read_bytes())
    content[len(content) // 2] ^= 8
    path.write_bytes(bytes(content))


def see_through(path):
    pixels = np.dstack([PIXELS, np.full((37, 51), 255, np.uint8)])
    pixels[3, 4, 3] = 254
    saved(path, pixels)


def sixteen_bits(path):
    Image.fromarray(IDS.astype(np.uint16) * 300).save(path)


@pytest.mark.parametrize(
    "spoil",
    [
        lambda image, _: cut(image, 300),
        lambda image, _: cut(image, -8),
        lambda image, _: cut(image, 0),
        lambda image, _: flipped(image),
        lambda image, _: image.write_text("version https://git-lfs"),
        lambda image, _: image.unlink(),
        lambda image, _: see_through(image),
        lambda image, _: sixteen_bits(image),
        lambda image, _: saved(image, PIXELS[:30]),
        lambda _, mask: cut(mask, 40),
        lambda _, mask: cut(mask, 10),
        lambda _, mask: flipped(mask),
        lambda _, mask: mask.unlink(),
        lambda _, mask: sixteen_bits(mask),
        lambda _, mask: saved(mask, PIXELS),
        lambda _, mask: saved(mask, IDS, "LA"),
        lambda _, mask: saved(mask, IDS + 1),
        lambda _, mask: saved(mask, np.full((37, 51), 254, np.uint8)),
    ],
)
def test_what_pillow_refuses_the_graph_refuses(tmp_path, spoil):
    image = saved(tmp_path / "a.png", PIXELS)
    mask = saved(tmp_path / "m.png", IDS)
    example = Example(image, mask)
    decoded([example])
    spoil(image, mask)
    with pytest.raises(UserError):
        pillow_reading.read_example(example, LABELS)
    with pytest.raises(DECODING_ERRORS):
        decoded([example])


def test_an_unknown_colour_is_an_error(tmp_path):
    image = saved(tmp_path / "a.png", PIXELS[:1, :1])
    mask = saved(tmp_path / "m.png", np.array([[[1, 2, 3]]], np.uint8))
    with pytest.raises(tf.errors.InvalidArgumentError):
        decoded([Example(image, mask)], LabelFormat({}, {(3, 2, 1): 0}))


def test_the_header_of_a_palette_file_changes_in_its_type_and_check_sum(tmp_path):
    mask = Image.fromarray(IDS, "P")
    mask.putpalette([0, 0, 0] * 4)
    mask.save(tmp_path / "m.png")
    before = (tmp_path / "m.png").read_bytes()[:33]
    after = tf_decoding.as_grey_header(before)
    assert (before[25], after[25]) == (3, 0)
    assert after[:25] == before[:25]
    assert after[26:29] == before[26:29]
