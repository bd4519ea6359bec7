"""The slice of the official network's numbers that comes with every clone."""

import numpy as np
import pytest

from tests import make_reference, reference


def test_of_a_sliced_array_every_nth_number_and_the_largest_stay(tmp_path):
    array = np.arange(24, dtype="float64").reshape(2, 3, 4)
    array[1, 0, 1] = -99.0  # Number 13.
    file = tmp_path / "slice.npz"
    reference.save(file, {"a": array, "b": np.arange(3)}, {"a": 7, "b": 1})
    arrays = reference.load(file)
    known = np.flatnonzero(~np.isnan(arrays["a"]))
    np.testing.assert_array_equal(known, [0, 7, 13, 14, 21])
    np.testing.assert_array_equal(arrays["a"].flat[known], array.flat[known])
    np.testing.assert_array_equal(arrays["b"], [0, 1, 2], strict=True)


@pytest.mark.parametrize(
    ("name", "shape", "stride"),
    [
        ("sd/backbone.stem.stem_1.weight", (64, 3, 3, 3), 1),
        ("grad/backbone.stem.stem_1.weight", (4, 64), 1),
        ("grad64/backbone.stem.stem_1.weight", (64, 3, 3, 3), 7),
        ("grad_budget/backbone.stem.stem_2.1.weight", (64, 64, 1, 1), 17),
        ("eval/logits", (2, 5, 64, 96), 17),
    ],
)
def test_which_arrays_are_sliced(name, shape, stride):
    assert make_reference.stride_of(name, np.ones(shape)) == stride


def test_the_slice_is_small_and_reaches_every_channel_of_activations():
    assert reference.PATH.stat().st_size < 1e6
    for name, array in reference.load().items():
        if "/cell/" in name and np.isnan(array).any():
            assert (~np.isnan(array)).any(axis=(0, 2, 3)).all(), name


@pytest.mark.skipif(
    not reference.COMPLETE.exists(), reason=f"there is no {reference.COMPLETE}"
)
def test_it_is_what_the_complete_file_gives(tmp_path, monkeypatch):
    committed = reference.load()
    monkeypatch.setattr(reference, "PATH", tmp_path / "slice.npz")
    make_reference.main(reference.COMPLETE)
    anew, complete = reference.load(reference.PATH), reference.load(reference.COMPLETE)
    assert list(anew) == list(committed)
    for name, array in committed.items():
        np.testing.assert_array_equal(anew[name], array, strict=True)
        if array.dtype.kind == "f":
            known = ~np.isnan(array)
            np.testing.assert_array_equal(array[known], complete[name][known])
            assert np.abs(array[known]).max() == np.abs(complete[name]).max()
        else:
            np.testing.assert_array_equal(array, complete[name])
