"""Where the records of a TFRecord file lie, and how to read a single one of them.

A record is its length (8 bytes), a check sum of these, the data, and a check sum of
the data (4 bytes each). Numbers are little-endian.
"""

import os
import struct

import tensorflow as tf

from selene_tf.errors import UserError

_HEADER, _FOOTER = 12, 4


def index(path):
    """Finds the records of a file; of their data nothing is read.

    Args:
        path: A TFRecord file on a local disk, not compressed.

    Returns:
        A list of (offset, length): where each record begins, and the bytes of its
        data.

    Raises:
        UserError: The file cannot be read, or ends within a record.
    """
    try:
        # Without a buffer: between two lengths lie many more bytes than it holds.
        with open(path, "rb", buffering=0) as file:
            return _places(file, os.fstat(file.fileno()).st_size)
    except OSError as error:
        raise UserError(
            f"Cannot read {path} ({error.strerror}); expected a TFRecord file. Check "
            "the path, or prepare the data set again."
        ) from None


def _places(file, size):
    places, offset = [], 0
    while offset < size:
        file.seek(offset)
        header = file.read(_HEADER)
        length = struct.unpack_from("<Q", header)[0] if len(header) == _HEADER else 0
        end = offset + _HEADER + length + _FOOTER
        if end > size:
            raise UserError(
                f"{file.name} is cut off or damaged: it has {size} bytes and ends "
                f"within record {len(places)}, which begins at byte {offset}; copy the "
                "file again, or prepare the data set again."
            )
        places.append((offset, length))
        offset = end
    return places


def read_record(path, offset, length):
    """Reads one record inside TensorFlow's graph, where no Python runs.

    Args:
        path: The file, a string tensor.
        offset: Where the record begins, an int64 tensor.
        length: Bytes of its data, an int64 tensor.

    Returns:
        The data, a string tensor. A wrong check sum is an error of TensorFlow.
    """
    # `tf.data.TFRecordDataset` does the same, but takes no offset.
    records = tf.raw_ops.TFRecordDatasetV2(
        filenames=[path],
        compression_type="",
        # The one record fills it, so nothing beyond is read.
        buffer_size=length + _HEADER + _FOOTER,
        byte_offsets=[offset],
    )
    form = {"output_types": [tf.string], "output_shapes": [()]}
    first = tf.raw_ops.TakeDataset(
        input_dataset=records, count=tf.constant(1, tf.int64), **form
    )
    return tf.raw_ops.DatasetToSingleElement(dataset=first, **form)[0]
