import pytest
import tensorflow as tf
from tensorflow.core.util.event_pb2 import Event

from selene_tf.training import event_files


def write(folder, steps):
    writer = tf.summary.create_file_writer(str(folder))
    with writer.as_default():
        for step in steps:
            tf.summary.scalar("loss", float(step), step=step)
    writer.close()


def steps_of(folder):
    """Steps of all points in a folder's files, which have to be whole."""
    steps = []
    for file in sorted(folder.glob("events*")):
        for record in tf.data.TFRecordDataset(str(file)).as_numpy_iterator():
            event = Event.FromString(record)
            steps += [event.step] * len(event.summary.value)
    return steps


def test_points_of_later_steps_are_dropped(tmp_path):
    write(tmp_path, range(1, 8))
    event_files.drop_after(tmp_path, 4)
    assert steps_of(tmp_path) == [1, 2, 3, 4]
    event_files.drop_after(tmp_path, 4)
    assert steps_of(tmp_path) == [1, 2, 3, 4]
    event_files.drop_after(tmp_path, 0)
    assert steps_of(tmp_path) == []


def test_what_a_kill_left_half_written_is_dropped(tmp_path):
    write(tmp_path, [1, 2, 3])
    (file,) = tmp_path.iterdir()
    file.write_bytes(file.read_bytes()[:-5])
    event_files.drop_after(tmp_path, 9)
    assert steps_of(tmp_path) == [1, 2]
    assert [path.name for path in tmp_path.iterdir()] == [file.name]


def test_a_file_that_is_sound_is_left_alone(tmp_path):
    write(tmp_path, [1, 2])
    (file,) = tmp_path.iterdir()
    before = file.stat().st_mtime_ns, file.read_bytes()
    event_files.drop_after(tmp_path, 2)
    assert (file.stat().st_mtime_ns, file.read_bytes()) == before


def test_a_folder_may_be_missing_but_no_file(tmp_path):
    event_files.drop_after(tmp_path / "none", 3)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotADirectoryError):
        event_files.drop_after(tmp_path / "file", 3)
    assert (tmp_path / "file").read_text() == "mine"
