import numpy as np
import pytest
import tensorflow as tf

from selene_tf.data.datasets.tfrecord_index import index, read_record
from tests.refusals import assert_refused

RECORDS = [b"first", b"", b"x" * 300_000, b"last"]


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "a.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for record in RECORDS:
            writer.write(record)
    return path


def read(path, place):
    offset, length = (tf.constant(number, tf.int64) for number in place)
    return read_record(tf.constant(str(path)), offset, length)


def test_places_follow_each_other(path):
    # Each record has 12 bytes in front of its data and 4 behind.
    assert index(path) == [(0, 5), (21, 0), (37, 300_000), (300_053, 4)]


def test_an_empty_file_has_no_records(tmp_path):
    (tmp_path / "a.tfrecord").touch()
    assert index(tmp_path / "a.tfrecord") == []


def test_records_are_read_in_any_order(path):
    for number in (2, 0, 3, 1, 2):
        assert read(path, index(path)[number]).numpy() == RECORDS[number]


def test_records_are_read_in_a_graph_by_several_threads(path):
    places = np.array(index(path), np.int64)
    order = np.random.default_rng(0).integers(0, len(RECORDS), 100)
    dataset = tf.data.Dataset.from_tensor_slices(places[order])
    dataset = dataset.map(
        lambda place: read_record(tf.constant(str(path)), place[0], place[1]),
        num_parallel_calls=2,
    )
    assert list(dataset.as_numpy_iterator()) == [RECORDS[number] for number in order]


@pytest.mark.parametrize("missing", [1, 4, 10, 19])
def test_a_file_that_is_cut_off_is_refused(path, missing):
    content = path.read_bytes()
    path.write_bytes(content[:-missing])
    size = f"{len(content) - missing} bytes"
    assert_refused(lambda: index(path), path, size, "record 3", "byte 300053")


def test_a_cut_within_a_length_is_refused(path):
    path.write_bytes(path.read_bytes()[: 21 + 7])
    assert_refused(lambda: index(path), path, "28 bytes", "record 1", "byte 21")


def test_a_wrong_length_is_refused(path):
    content = bytearray(path.read_bytes())
    content[21 + 6] = 1
    path.write_bytes(content)
    assert_refused(lambda: index(path), path, "damaged", "record 1")


def test_a_missing_file_is_refused(tmp_path):
    assert_refused(lambda: index(tmp_path / "no"), tmp_path / "no", "No such file")


@pytest.mark.parametrize("place", [3, 13, 18])
def test_a_flipped_bit_is_an_error(path, place):
    content = bytearray(path.read_bytes())
    content[place] ^= 1
    path.write_bytes(content)
    with pytest.raises(tf.errors.DataLossError):
        read(path, (0, 5))
