"""TensorBoard's event files of a run that goes on from an earlier step."""

import pathlib

import tensorflow as tf
from tensorflow.core.util.event_pb2 import Event


def drop_after(folder, step):
    """Removes the events of steps that a run will take again.

    TensorBoard would otherwise show them twice. What a kill left half written at the
    end of a file is dropped too.

    Args:
        folder: The folder of the event files; need not exist.
        step: The last step whose events stay.

    Raises:
        OSError: if it is not a folder, or cannot be written to.
    """
    folder = pathlib.Path(folder)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(20, "Not a directory", str(folder))
    for file in sorted(folder.glob("events.out.tfevents.*")):
        records = _whole_records(file)
        kept = [record for record in records if _step(record) <= step]
        if len(kept) < len(records) or not _is_whole(file, records):
            _replace(file, kept)


def _whole_records(file):
    """All records up to the first that is damaged, bytes each."""
    records = []
    try:
        for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            records.append(record)
    except tf.errors.OpError:
        pass
    return records


def _is_whole(file, records):
    """Whether there is nothing but these records in a file."""
    # Each has its length in 8 bytes, and two checksums of 4.
    return file.stat().st_size == sum(len(record) + 16 for record in records)


def _step(record):
    return Event.FromString(record).step


def _replace(file, records):
    temporary = file.with_name(f".{file.name}.part")
    with tf.io.TFRecordWriter(str(temporary)) as writer:
        for record in records:
            writer.write(record)
    temporary.replace(file)
