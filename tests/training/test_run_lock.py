import os
import pathlib
import signal
import subprocess
import sys

import pytest

from selene_tf.errors import UserError
from selene_tf.training import run_lock

ROOT = pathlib.Path(__file__).parents[2]
# Holds a lock until it is killed.
HOLDER = """
import sys, time
from selene_tf.training import run_lock
with run_lock.locked(sys.argv[1]):
    print("locked", flush=True)
    time.sleep(100)
"""


def test_a_second_start_is_refused_while_the_first_one_runs(tmp_path):
    with run_lock.locked(tmp_path):
        with pytest.raises(UserError) as caught, run_lock.locked(tmp_path):
            pass
        message = str(caught.value)
        assert f"process {os.getpid()} on " in message
        assert " since 20" in message
        assert str(tmp_path) in message
        assert "\n" not in message
    with run_lock.locked(tmp_path):
        pass


def test_an_error_lets_go_of_it(tmp_path):
    with pytest.raises(KeyError), run_lock.locked(tmp_path):
        raise KeyError
    with run_lock.locked(tmp_path):
        pass


def test_a_dead_process_holds_nothing(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(tmp_path)],
        cwd=ROOT,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout.readline() == "locked\n"
    with (
        pytest.raises(UserError, match=f"process {process.pid} "),
        run_lock.locked(tmp_path),
    ):
        pass
    process.send_signal(signal.SIGKILL)
    process.wait()
    process.stdout.close()
    with run_lock.locked(tmp_path):
        pass


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"\xff", b"[" * 5000])
def test_what_stands_in_its_file_does_not_matter(tmp_path, content):
    with run_lock.locked(tmp_path):
        (tmp_path / "lock.json").write_bytes(content)
        with (
            pytest.raises(UserError, match="another process"),
            run_lock.locked(tmp_path),
        ):
            pass


def test_a_folder_that_is_not_there_is_one_line(tmp_path):
    with (
        pytest.raises(UserError, match="cannot write to"),
        run_lock.locked(tmp_path / "none"),
    ):
        pass
