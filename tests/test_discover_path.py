"""The command on a run of random weights."""

import json

import pytest

from selene_tf.architectures import routing_path
from selene_tf.reports import path_text
from tests.commands import assert_one_line, run

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")


@pytest.mark.slow
def test_the_command(saved_run, tmp_path):
    command = ["-m", "selene_tf.discover_path", f"--run_dir={saved_run}"]
    output = tmp_path / "path.json"
    result = run(*command, "--keep=0.99", f"--output={output}")
    assert result.returncode == 0, result.stderr
    assert (
        result.stdout == f"{output}: {path_text.summary(routing_path.read(output))}\n"
    )
    assert json.loads(output.read_text())["rule"] == "keep<=0.99"
    assert_one_line(run(*command, "--path_macs=abc"), "--path_macs", "abc")
    assert_one_line(run(*command, "--keep=nan"), "--keep", "nan")
    assert_one_line(run(*command, f"--output={output}"), "--overwrite")
