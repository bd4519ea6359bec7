"""Numbers of the official network, and how its weights map to ours."""

import functools
import math
import pathlib

import numpy as np
import pytest

from selene_tf.pretrained import state_dict_names

official_names = state_dict_names.official_names
ours = state_dict_names.in_our_layout
# The slice that every clone has (see make_reference), and what it was made from.
PATH = pathlib.Path(__file__).with_name("official_reference.npz")
COMPLETE = pathlib.Path(__file__).parents[2] / "shared/reference/ref_small.npz"
# Both, as parameters of a fixture.
FILES = [
    pytest.param(PATH, id="slice"),
    pytest.param(
        COMPLETE,
        id="complete",
        marks=[
            pytest.mark.soak,
            pytest.mark.skipif(not COMPLETE.exists(), reason=f"there is no {COMPLETE}"),
        ],
    ),
]
_COLUMNS = ("names", "dtypes", "shapes", "strides", "largest")


@functools.cache
def load(file=PATH):
    """The arrays by name, NaN where the slice leaves out a number."""
    with np.load(file, allow_pickle=False) as packed:
        if "names" not in packed:
            return dict(packed)
        columns = [packed[key].tolist() for key in _COLUMNS]
        values = {dtype: packed[f"values_{dtype}"] for dtype in set(columns[1])}
    arrays, ends = {}, dict.fromkeys(values, 0)
    for name, dtype, shape, stride, largest in zip(*columns, strict=True):
        shape = tuple(map(int, shape.split()))
        kept = _kept(math.prod(shape), stride, largest)
        start, ends[dtype] = ends[dtype], ends[dtype] + len(kept)
        arrays[name] = np.full(shape, np.nan if stride > 1 else 0, dtype)
        arrays[name].flat[kept] = values[dtype][start : ends[dtype]]
    return arrays


def save(file, arrays, strides):
    """Packs arrays, of each every n-th number and the largest.

    An archive's entry takes 300 bytes, more than most of the 1600 arrays; hence one
    vector of values for each precision, and what says which are whose.
    """
    rows, values = [], {}
    for name, array in arrays.items():
        stride, dtype = strides[name], array.dtype.str[1:]
        largest = np.abs(array).argmax() if stride > 1 else 0
        rows.append((name, dtype, " ".join(map(str, array.shape)), stride, largest))
        kept = array.flat[_kept(array.size, stride, largest)]
        values.setdefault(dtype, []).append(kept)
    columns = dict(zip(_COLUMNS, zip(*rows, strict=True), strict=True))
    values = {f"values_{dtype}": np.concatenate(kept) for dtype, kept in values.items()}
    np.savez_compressed(file, **columns, **values)


def _kept(size, stride, largest):
    """The positions that stay of so many numbers."""
    return np.union1d(
        np.arange(0, size, stride), [largest] if stride > 1 else []
    ).astype(int)
