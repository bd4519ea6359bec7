"""The command on a run of random weights."""

import json

import pytest

from selene_tf.benchmarking import pareto_sweep
from tests.commands import assert_one_line, run

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")


@pytest.mark.slow
def test_the_command(saved_run, tmp_path):
    output = tmp_path / "my sweep"
    command = ["-m", "selene_tf.sweep", f"--run_dir={saved_run}", f"--output={output}"]
    result = run(*command, "--targets=1")
    assert (result.returncode, result.stderr) == (0, "")
    content = json.loads((output / "sweep.json").read_text())
    assert result.stdout == f"{pareto_sweep.table(content)}\nwrote {output}\n"
    assert len(content["points"]) == 2
    assert_one_line(run(*command, "--targets=1"), "--output", str(output))
