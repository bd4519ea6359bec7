import os
import subprocess
import sys
import warnings

import pytest

from selene_tf.cli import native_output


def test_what_is_written_past_python_is_hidden(capfd):
    with native_output.suppressed():
        os.write(1, b"note")
        os.write(2, b"note")
        print("note")  # noqa: T201
        warnings.warn("note", stacklevel=1)
    print("seen")  # noqa: T201
    out, err = capfd.readouterr()
    assert (out, err) == ("seen\n", "")


def test_after_a_failure_it_is_shown(capfd):
    def fail():
        with native_output.suppressed():
            os.write(1, b"why it failed")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert capfd.readouterr().err == "why it failed"


def test_after_an_interruption_it_is_not():
    code = """
import os
from selene_tf.cli import native_output
try:
    with native_output.suppressed():
        os.write(1, b"note")
        raise KeyboardInterrupt
except KeyboardInterrupt:
    print("seen")
"""
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert (result.stdout, result.stderr) == ("seen\n", "")
