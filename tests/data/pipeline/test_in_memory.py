import gc

import numpy as np
import pytest
import tensorflow as tf

from selene_tf.data.pipeline import in_memory


def test_a_tensor_shares_the_memory_and_keeps_it():
    array = in_memory.empty((3, 5, 7))
    array[...] = np.arange(105).reshape(3, 5, 7)
    tensor = in_memory.as_tensor(array)
    array[1, 2, 3] = 200
    assert int(tensor[1, 2, 3]) == 200
    expected = array.copy()
    del array
    gc.collect()
    np.testing.assert_array_equal(tensor, expected)
    assert "CPU" in tensor.device


def aligned_columns():
    """Begins where tensors do, but its rows do not follow on one another."""
    array = in_memory.empty((4, 128))
    array[...] = np.arange(512).reshape(4, 128) % 251
    return array[:, :64]


@pytest.mark.parametrize(
    "array",
    [
        np.arange(105, dtype=np.uint8).reshape(3, 5, 7)[:, ::2],
        np.broadcast_to(np.arange(7, dtype=np.uint8), (3, 7)),
        np.arange(105, dtype=np.uint8)[1:],
        np.zeros((0, 4), np.uint8),
        aligned_columns(),
    ],
)
def test_arrays_of_other_kinds_are_copied(array):
    tensor = in_memory.as_tensor(array)
    np.testing.assert_array_equal(tensor, array)
    assert (tensor.dtype, tuple(tensor.shape)) == (tf.uint8, array.shape)
