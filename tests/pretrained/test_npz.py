import numpy as np
import pytest

from selene_tf.pretrained import npz
from tests.pretrained import torch_zips
from tests.refusals import assert_refused

ARRAYS = {"a": np.arange(6.0).reshape(2, 3), "b": np.ones(2, "float32")}


@pytest.fixture
def file(tmp_path):
    return tmp_path / "arrays.npz"


def refused(file, *words):
    assert_refused(lambda: npz.read(file), file, "expected an .npz", *words)


def test_reads_what_numpy_writes(file):
    for save in (np.savez, np.savez_compressed):
        save(file, **ARRAYS)
        arrays = npz.read(file)
        assert list(arrays) == ["a", "b"]
        for name, array in ARRAYS.items():
            np.testing.assert_array_equal(arrays[name], array, strict=True)


def test_where_some_are_a_state_dict_the_others_are_not_read(file):
    objects = np.array([{}, None], dtype=object)
    np.savez(file, **{"sd/a": ARRAYS["a"], "b": objects, "c": ARRAYS["b"]})
    assert list(npz.read(file)) == ["a"]


def test_objects_are_refused(file):
    np.savez(file, **ARRAYS, c=np.array([{}, None], dtype=object))
    refused(file, "Object arrays cannot be loaded")


def test_a_missing_file_and_a_folder_are_refused(file, tmp_path):
    refused(file, "No such file")
    refused(tmp_path, "Is a directory")


@pytest.mark.parametrize("content", [b"", b"text", b"\x80\x04}.", b"PK\x03\x04"])
def test_another_format_is_refused(file, content):
    file.write_bytes(content)
    refused(file)


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_file_that_is_cut_off_is_refused(file, share):
    np.savez(file, **ARRAYS)
    content = file.read_bytes()
    file.write_bytes(content[: int(len(content) * share)])
    refused(file)


def test_a_flipped_bit_never_changes_what_is_read(file):
    np.savez(file, **ARRAYS)
    content = file.read_bytes()
    for position in range(0, len(content), 3):
        damaged = bytearray(content)
        damaged[position] ^= 1 << position % 8
        file.write_bytes(damaged)
        try:
            arrays = npz.read(file)
        except ValueError:
            refused(file)
        else:
            # A name may differ, since the archive keeps no sum of it.
            for array, expected in zip(arrays.values(), ARRAYS.values(), strict=True):
                np.testing.assert_array_equal(array, expected)


def test_more_than_the_memory_allows_is_refused(file):
    header = b"{'descr': '<f4', 'fortran_order': False, 'shape': (4000000000000,), }"
    start = b"\x93NUMPY\x01\x00" + len(header).to_bytes(2, "little") + header
    torch_zips.save_entries(file, {"a.npy": start})
    refused(file)


def test_other_content_is_refused(file, tmp_path):
    np.save(tmp_path / "single.npy", ARRAYS["a"])
    (tmp_path / "single.npy").rename(file)
    refused(file, "it holds a single array")
    torch_zips.save(file, ARRAYS)
    refused(file, "it holds files that are no arrays")
