import os
import warnings

import pytest

from selene_tf.cli import native_output


def test_what_is_written_past_python_is_hidden(capfd):
    with native_output.suppressed():
        os.write(1, b"note")
        os.write(2, b"note")
        print("note")  # noqa: T201
        warnings.warn("note", stacklevel=1)
    print("result")  # noqa: T201
    out, err = capfd.readouterr()
    assert (out, err) == ("result\n", "")


def test_after_a_failure_it_is_shown(capfd):
    def fail():
        with native_output.suppressed():
            os.write(1, b"why it failed")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert capfd.readouterr().err == "why it failed"


def test_after_an_interruption_it_is_not(capfd):
    def interrupt():
        with native_output.suppressed():
            os.write(1, b"note")
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupt()
    assert capfd.readouterr() == ("", "")
