import errno
import os
import signal
import subprocess
import sys

import pytest

from selene_tf.errors import UserError
from selene_tf.training import atomic_write
from tests.refusals import assert_refused


def _write_half(output, error, beside=None):
    with atomic_write.atomic_path(output) as temporary:
        temporary.write_text("half")
        if beside:
            (output.parent / beside).write_text("of another")
        raise error


@pytest.mark.parametrize("kind", ["file", "folder"])
def test_nothing_is_there_before_the_end_and_all_is_after(tmp_path, kind):
    output = tmp_path / "new" / "name"
    with atomic_write.atomic_path(output) as temporary:
        assert not output.exists()
        if kind == "folder":
            temporary.mkdir()
            (temporary / "inner").write_text("all")
        else:
            temporary.write_text("all")
    written = output / "inner" if kind == "folder" else output
    assert written.read_text() == "all"
    assert os.listdir(output.parent) == ["name"]


def test_of_two_with_one_output_the_first_that_is_ready_has_it(tmp_path):
    output = tmp_path / "name"

    def both():
        with atomic_write.atomic_path(output) as temporary:
            temporary.write_text("slow")
            output.write_text("fast")

    assert_refused(both, "exists")
    assert output.read_text() == "fast"
    assert os.listdir(tmp_path) == ["name"]


def test_what_a_living_process_writes_is_left_alone(tmp_path):
    # Process 1 lives as long as the system.
    other = tmp_path / ".name.1.part"
    other.write_text("of another")
    with atomic_write.atomic_path(tmp_path / "name") as temporary:
        temporary.write_text("all")
    assert other.read_text() == "of another"


@pytest.mark.parametrize("error", [RuntimeError, KeyboardInterrupt, UserError])
def test_after_a_failure_nothing_is_there(tmp_path, error):
    with pytest.raises(error):
        _write_half(tmp_path / "new" / "name", error)
    assert list(tmp_path.iterdir()) == []


def test_an_interruption_that_tensorflow_renamed_is_one(tmp_path):
    error = RuntimeError("InvalidArgumentError REPLACED BY KeyboardInterrupt")
    with pytest.raises(KeyboardInterrupt):
        _write_half(tmp_path / "name", error)
    assert list(tmp_path.iterdir()) == []


def test_what_lies_there_is_left_alone(tmp_path):
    (tmp_path / "name").write_text("old")
    with (
        pytest.raises(UserError, match="exists"),
        atomic_write.atomic_path(tmp_path / "name"),
    ):
        raise AssertionError
    assert (tmp_path / "name").read_text() == "old"


def test_a_folder_that_something_else_came_into_is_kept(tmp_path):
    output = tmp_path / "new" / "name"
    with pytest.raises(RuntimeError):
        _write_half(output, RuntimeError, beside="other")
    assert os.listdir(output.parent) == ["other"]


def test_what_a_kill_leaves_is_hidden_and_replaced(tmp_path):
    output = tmp_path / "name"
    code = f"""
import os, signal
from selene_tf.training import atomic_write
with atomic_write.atomic_path({str(output)!r}) as temporary:
    temporary.mkdir()
    (temporary / "half").write_text("half")
    os.kill(os.getpid(), signal.SIGKILL)
"""
    result = subprocess.run([sys.executable, "-c", code], check=False)
    assert result.returncode == -signal.SIGKILL
    (left,) = tmp_path.iterdir()
    assert left.name.startswith(".")
    with atomic_write.atomic_path(output) as temporary:
        assert not temporary.exists()
        temporary.write_text("all")
    assert output.read_text() == "all"
    assert os.listdir(tmp_path) == ["name"]


def test_a_full_disk_is_one_line(tmp_path):
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with pytest.raises(UserError, match="No space left") as caught:
        _write_half(tmp_path / "name", error)
    assert str(tmp_path / "name") in str(caught.value)
    assert "\n" not in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("output", "match"), [("", "found nothing"), ("a.txt", r"ends in \.tflite")]
)
def test_names_that_are_refused(output, match):
    with pytest.raises(UserError, match=match):
        atomic_write.check_new(output, ".tflite")


@pytest.mark.parametrize("place", ["/proc/x/model", "/dev/null/model"])
def test_a_place_that_cannot_be_written_is_one_line(place):
    with (
        pytest.raises(UserError, match="cannot write") as caught,
        atomic_write.atomic_path(place),
    ):
        raise AssertionError
    assert "\n" not in str(caught.value)
