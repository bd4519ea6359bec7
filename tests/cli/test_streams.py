"""What a command tells may be lost; what it does must not."""

import os
import subprocess
import sys

import pytest

from selene_tf.cli import streams
from tests.commands import ROOT


@pytest.fixture
def closed_pipe():
    """A stream whose reader has gone."""
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "w", buffering=1) as stream:
        yield stream


def test_a_reader_that_went_away_is_no_error(closed_pipe):
    stream = streams.Lenient(closed_pipe)
    for _ in range(3):
        print("step", file=stream, flush=True)
    assert stream.isatty() is False


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_full_disk_is_an_error_for_results_alone():
    with open("/dev/full", "w", buffering=1) as full:
        print("a note", file=streams.Lenient(full), flush=True)
    with open("/dev/full", "w", buffering=1) as full:
        output = streams.lenient_output(full)
        with pytest.raises(OSError, match="No space left"):
            print("a result", file=output, flush=True)


def shell(line):
    return subprocess.run(
        ["bash", "-c", f"set -o pipefail; {line}"],
        cwd=ROOT,
        env={**os.environ, "PYTHON": sys.executable},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_help_that_is_cut_off_is_no_traceback():
    result = shell('"$PYTHON" train.py --help | head -n 1')
    assert result.stderr == ""
    assert len(result.stdout.splitlines()) == 1


@pytest.mark.skipif(not os.path.exists("/dev/full"), reason="there is no /dev/full")
def test_a_mistake_keeps_its_status_though_nobody_can_read_it():
    assert shell('"$PYTHON" train.py --steps=0 2> /dev/full').returncode == 2
