import io
import struct
import zlib

import numpy as np
import pytest
import tensorflow as tf
import tensorflow_datasets as tfds
from PIL import Image

from selene_tf.data.datasets import tfrecord_index
from selene_tf.data.datasets.tfds_features import layout
from selene_tf.data.datasets.tfds_records import Record, RecordReader
from selene_tf.data.files.label_map import LabelFormat, index
from tests.data.datasets.tfds_files import GREY, example, features, write
from tests.refusals import assert_refused

PETS = LabelFormat({1: 0, 2: 1, 3: 2, 255: 255})
COLOURS = np.random.default_rng(0).integers(0, 256, (4, 6, 3), dtype=np.uint8)
IDS = np.arange(24, dtype=np.uint8).reshape(4, 6) % 3


def file_bytes(array, kind="PNG", mode=None, **options):
    file = io.BytesIO()
    image = Image.fromarray(array)
    (image.convert(mode) if mode else image).save(file, kind, **options)
    return file.getvalue()


def open_reader(folder, examples, labels=PETS, image_size=None, mask=None):
    """Of one file; `mask` is the feature in place of 8-bit grey images."""
    form = features(**({"segmentation_mask": mask} if mask else {}))
    shard = next(write(folder, {"train": [examples]}, form).glob("*tfrecord*"))
    records = [
        Record(f"train[{number}]", f"train[{number}] mask", str(shard), *place)
        for number, place in enumerate(tfrecord_index.index(shard))
    ]
    form = layout(form, "image", "segmentation_mask")
    return RecordReader(records, form, labels, image_size)


def pair(image=COLOURS, mask=IDS[..., np.newaxis]):
    return {"image": image, "label": 0, "segmentation_mask": mask}


def decode_all(reader, order):
    numbers = tf.data.Dataset.from_tensor_slices(np.array(order, np.int64))
    decoded = numbers.map(reader.decode, num_parallel_calls=2)
    return list(decoded.as_numpy_iterator())


def assert_same(one, other):
    for first, second in zip(one, other, strict=True):
        assert first.dtype == second.dtype == np.uint8
        np.testing.assert_array_equal(first, second)


def assert_bad(reader, *expected):
    """It cannot be used, and the two ways to read it agree on that."""
    assert_refused(lambda: reader.read_checked(0), *expected)
    with pytest.raises(tf.errors.OpError):
        decode_all(reader, [0])


def test_images_and_class_ids_come_in_any_order(tmp_path):
    reader = open_reader(tmp_path, [example(number) for number in range(6)])
    assert (reader.size, reader.image_size) == (6, None)
    order = [3, 0, 5, 5, 1, 4, 2]
    for number, pixels in zip(order, decode_all(reader, order), strict=True):
        ids = (number + np.arange(24, dtype=np.uint8).reshape(4, 6)) % 3
        assert_same(pixels, (np.full((4, 6, 3), 10 * number, np.uint8), ids))
        assert_same(pixels, reader.read_checked(number))
        assert reader.name(number) == f"train[{number}]"


def test_no_python_runs_in_the_graph(tmp_path):
    reader = open_reader(tmp_path, [example(0)], image_size=(2, 2))
    traced = tf.function(reader.decode).get_concrete_function(
        tf.TensorSpec((), tf.int64)
    )
    graph = str(traced.graph.as_graph_def())
    assert "TFRecordDatasetV2" in graph
    assert "PyFunc" not in graph


def test_without_a_mask_the_label_is_zero(tmp_path):
    with_mask = open_reader(tmp_path / "a", [example(1)])
    shard = next((tmp_path / "a").rglob("*tfrecord*"))
    records = [Record("a", None, str(shard), *tfrecord_index.index(shard)[0])]
    form = layout(features(), "image", "segmentation_mask")
    reader = RecordReader(records, form, PETS)
    image = with_mask.read_checked(0)[0]
    assert_same(decode_all(reader, [0])[0], (image, np.zeros((4, 6), np.uint8)))
    np.testing.assert_array_equal(reader.read_checked(0)[0], image)
    assert reader.read_checked(0)[1] is None


def test_no_records_are_refused():
    form = layout(features(), "image", "segmentation_mask")
    assert_refused(lambda: RecordReader([], form, PETS), "no images")


@pytest.mark.parametrize("kind", ["PNG", "BMP"])
def test_images_in_files_of_several_kinds(tmp_path, kind):
    reader = open_reader(tmp_path, [pair(file_bytes(COLOURS, kind))], index(3))
    assert_same(decode_all(reader, [0])[0], (COLOURS, IDS))
    assert_same(reader.read_checked(0), (COLOURS, IDS))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF"])
def test_grey_images_become_colour(tmp_path, kind):
    content = file_bytes(np.full((4, 6), 90, np.uint8), kind)
    reader = open_reader(tmp_path, [pair(content)], index(3))
    expected = np.full((4, 6, 3), 90, np.uint8)
    assert_same(decode_all(reader, [0])[0], (expected, IDS))
    assert_same(reader.read_checked(0), (expected, IDS))


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_masks_of_few_bits_hold_their_numbers(tmp_path, bits):
    ids = np.minimum(IDS, 2**bits - 1)
    content = grey_png(ids, bits)
    reader = open_reader(tmp_path, [pair(mask=content)], index(3))
    assert_same(decode_all(reader, [0])[0], (COLOURS, ids))
    assert_same(reader.read_checked(0), (COLOURS, ids))


def grey_png(ids, bits):
    """Pillow writes 2 and 4 bits for palettes only, which differ in two bytes."""
    image = Image.fromarray(ids)
    if bits == 1:
        return file_bytes(ids * 255, mode="1")
    image.putpalette([0, 0, 0] * 2**bits)
    file = io.BytesIO()
    image.save(file, "PNG", bits=bits)
    content = bytearray(file.getvalue())
    content[25] = 0
    content[29:33] = struct.pack(">I", zlib.crc32(bytes(content[12:29])))
    return bytes(content)


WIDE = {
    "uint16 files": tfds.features.Image(**GREY, dtype=np.uint16),
    "int32": tfds.features.Tensor(shape=(None, 6, 1), dtype=np.int32),
    "int64": tfds.features.Tensor(shape=(4, 6, 1), dtype=np.int64),
    "zipped": tfds.features.Tensor(
        shape=(None, None, 1), dtype=np.int32, encoding="zlib"
    ),
}


@pytest.mark.parametrize("kind", WIDE)
def test_masks_of_wide_numbers(tmp_path, kind):
    values = (IDS[..., np.newaxis] + 1).astype(WIDE[kind].np_dtype)
    values[0, 0] = 255
    reader = open_reader(tmp_path / "a", [pair(mask=values)], mask=WIDE[kind])
    expected = IDS.copy()
    expected[0, 0] = 255
    assert_same(decode_all(reader, [0])[0], (COLOURS, expected))
    assert_same(reader.read_checked(0), (COLOURS, expected))
    # 256 is 0 in a byte, which these labels have a meaning for.
    values[2, 3:5] = 256
    reader = open_reader(tmp_path / "b", [pair(mask=values)], index(4), mask=WIDE[kind])
    assert_bad(reader, "value 256 in 2 pixels", "(row, column) = (2, 3)", "0 to 3")


def test_negative_numbers_are_refused(tmp_path):
    mask = tfds.features.Tensor(shape=(4, 6), dtype=np.int32)
    values = IDS.astype(np.int32)
    values[1, 2] = -1
    reader = open_reader(tmp_path, [pair(mask=values)], index(3), mask=mask)
    assert_bad(reader, "value -1 in 1 pixels", "(row, column) = (1, 2)")


def test_masks_of_two_values(tmp_path):
    mask = tfds.features.Tensor(shape=(4, 6), dtype=np.bool_)
    reader = open_reader(tmp_path, [pair(mask=IDS > 0)], index(2), mask=mask)
    assert_same(decode_all(reader, [0])[0], (COLOURS, np.minimum(IDS, 1)))
    assert_same(reader.read_checked(0), (COLOURS, np.minimum(IDS, 1)))


def test_values_without_meaning_are_refused(tmp_path):
    reader = open_reader(tmp_path, [pair()])
    assert_bad(
        reader,
        "train[0] mask holds the value 0 in 8 pixels, first at (row, column) = (0, 0)",
        "expected 1 to 3, or 255 for no class",
        "label_map",
    )


def test_image_and_mask_of_different_sizes_are_refused(tmp_path):
    reader = open_reader(tmp_path, [pair(mask=IDS[:3, :5, np.newaxis])], index(3))
    assert_bad(reader, "train[0] is 6 x 4", "train[0] mask is 5 x 3")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (file_bytes(IDS, "JPEG"), "no PNG file"),
        (file_bytes(COLOURS), "a colour PNG"),
        (file_bytes(IDS, mode="P"), "a palette PNG"),
        (file_bytes(IDS, mode="LA"), "a transparent PNG"),
        (file_bytes(IDS)[:20], "damaged"),
        (file_bytes(IDS)[:-30], "damaged"),
        (b"", "no PNG file"),
    ],
)
def test_masks_that_hold_no_numbers_are_refused(tmp_path, content, expected):
    reader = open_reader(tmp_path, [pair(mask=content)], index(256 - 2))
    assert_bad(reader, "train[0] mask", expected)


def test_a_feature_of_three_channels_may_hold_grey_files(tmp_path):
    mask = tfds.features.Image()
    reader = open_reader(tmp_path, [pair(mask=file_bytes(IDS))], index(3), mask=mask)
    assert_same(decode_all(reader, [0])[0], (COLOURS, IDS))
    assert_same(reader.read_checked(0), (COLOURS, IDS))


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "BMP"])
def test_the_size_is_read_from_the_beginning(tmp_path, kind):
    content = file_bytes(np.zeros((5, 7, 3), np.uint8), kind)
    reader = open_reader(tmp_path, [pair(content)], image_size=(2, 2))
    assert reader.read_size(0) == (5, 7)


def test_reading_the_size_shows_what_is_wrong_at_the_beginning(tmp_path):
    examples = [pair(b"GIF89a"), pair(mask=file_bytes(COLOURS)), pair()]
    reader = open_reader(tmp_path, examples)
    assert_refused(lambda: reader.read_size(0), "The image of train[0] is damaged")
    assert_refused(lambda: reader.read_size(1), "train[1] mask is a colour PNG")
    assert reader.read_size(2) == (4, 6)


@pytest.mark.parametrize("content", [file_bytes(COLOURS)[:-40], b"GIF89a", b""])
def test_damaged_images_are_refused(tmp_path, content):
    reader = open_reader(tmp_path, [pair(content)], index(3))
    assert_bad(reader, "The image of train[0] is damaged (")


def test_damaged_records_are_refused(tmp_path):
    reader = open_reader(tmp_path, [pair()], index(3))
    shard = next(tmp_path.rglob("*tfrecord*"))
    content = bytearray(shard.read_bytes())
    content[40] ^= 1
    shard.write_bytes(content)
    assert_bad(reader, shard, "byte 0", "train[0]", "is damaged (")


def test_resizing_averages_the_image_and_picks_from_the_mask(tmp_path):
    stripes = np.zeros((8, 8, 3), np.uint8)
    stripes[:, ::2] = 200
    ids = np.repeat([[0, 1, 255, 2]], 8, axis=0).repeat(2, axis=1).astype(np.uint8)
    examples = [pair(stripes, ids[..., np.newaxis])]
    reader = open_reader(tmp_path, examples, index(3), image_size=(2, 4))
    image, label = reader.read_checked(0)
    assert reader.image_size == (2, 4)
    assert image.shape == (2, 4, 3)
    np.testing.assert_allclose(image[:, 1:3], 100, atol=1)
    np.testing.assert_array_equal(label, [[0, 1, 255, 2]] * 2)
    assert_same(decode_all(reader, [0])[0], (image, label))


def test_resizing_to_the_same_size_changes_nothing(tmp_path):
    reader = open_reader(tmp_path, [pair()], index(3), image_size=(4, 6))
    assert_same(reader.read_checked(0), (COLOURS, IDS))
    assert_same(decode_all(reader, [0])[0], (COLOURS, IDS))
