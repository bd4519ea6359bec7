"""Arrays that TensorFlow uses where they are.

Its own conversion of an array needs three times the array's memory (TensorFlow 2.21,
measured), which for a data set decides whether it fits.
"""

import math

import numpy as np
import tensorflow as tf

# TensorFlow's operations take for granted that tensors begin at such an address.
_ALIGNMENT = 64


def empty(shape):
    """An uninitialised uint8 array of the shape, that `as_tensor` need not copy."""
    size = math.prod(shape)
    memory = np.empty(size + _ALIGNMENT, np.uint8)
    start = -memory.ctypes.data % _ALIGNMENT
    return memory[start : start + size].reshape(shape)


def as_tensor(array):
    """A tensor on the CPU that shares the memory of a uint8 array.

    The array must not be written to any more. One that is not contiguous, not
    writable or not aligned is copied first, once.
    """
    is_usable = array.flags.c_contiguous and array.flags.writeable
    if not is_usable or array.ctypes.data % _ALIGNMENT:
        copy = empty(array.shape)
        copy[...] = array
        array = copy
    return tf.experimental.dlpack.from_dlpack(array.__dlpack__())
