"""Training along a path, as a user does it."""

import json
import shutil

import numpy as np
import pytest

from selene_tf.architectures import routing_path
from selene_tf.training.checkpoints import Checkpoints
from tests.commands import ROOT, assert_one_line, train, variables_of
from tests.experiment.saved_runs import save_path, save_run

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")

SETTINGS = ["--algorithm=supervised", "--warm_up_steps=1", "--steps=4"]


@pytest.fixture
def flags(tmp_path):
    """An earlier run and a path, and the flags that name them."""
    save_run(tmp_path / "earlier")
    save_path(tmp_path / "a.json", without=[(1, 1, None), (2, 1, "up")])
    return [f"--init_run={tmp_path / 'earlier'}", f"--path={tmp_path / 'a.json'}"]


@pytest.fixture
def train_and_die(monkeypatch):
    """A function that trains and is stopped, as by a kill, after a checkpoint."""

    class Killed(BaseException):
        pass

    save = Checkpoints.save

    def save_and_die(*arguments):
        save(*arguments)
        raise Killed

    def train_and_die(run_dir, arguments):
        with monkeypatch.context() as patches:
            patches.setattr(Checkpoints, "save", save_and_die)
            with pytest.raises(Killed):
                train(run_dir, *arguments)

    return train_and_die


@pytest.mark.slow
def test_a_tuning_that_is_killed_ends_where_an_uninterrupted_one_does(
    flags, train_and_die, tmp_path
):
    arguments = [*SETTINGS, *flags]
    steady, killed = tmp_path / "steady", tmp_path / "killed"
    result = train(steady, *arguments)
    assert result.returncode == 0, result.stderr
    assert "of the student after step 4 from" in result.stderr
    # First killed before there is a checkpoint: then it loads the weights again.
    killed.mkdir()
    for name in ("classes.json", "given_path.json", "colours.json"):
        shutil.copy(steady / name, killed)
    text = (steady / "config.cfg").read_text()
    (killed / "config.cfg").write_text(text.replace(str(steady), str(killed)))
    train_and_die(killed, arguments)
    assert not (killed / "summary.json").exists()
    # From then on neither the earlier run nor the path's file is needed.
    shutil.rmtree(tmp_path / "earlier")
    (tmp_path / "a.json").unlink()
    result = train(killed, *arguments)
    assert result.returncode == 0, result.stderr
    assert "resuming" in result.stderr
    expected, resumed = variables_of(steady), variables_of(killed)
    assert expected.keys() == resumed.keys()
    for name, value in expected.items():
        np.testing.assert_array_equal(value, resumed[name], err_msg=name)

    initial, discovered = (
        routing_path.read(steady / f"{n}path.json") for n in ("given_", "")
    )
    assert not (discovered.kept & ~initial.kept).any()
    for name in ("supernet_macs", "supernet_parameters"):
        assert discovered.metadata[name] >= initial.metadata[name]
    summary = json.loads((steady / "summary.json").read_text())
    assert summary["parameters"] == initial.metadata["parameters"]
    assert summary["macs"]["supernet"] < discovered.metadata["supernet_macs"]


@pytest.mark.slow
def test_mistakes_are_one_line(flags, tmp_path):
    result = train(tmp_path / "run", *SETTINGS, flags[0], "--path=no.json")
    assert_one_line(result, f"{ROOT / 'no.json'}")
    result = train(tmp_path / "run", *SETTINGS, "--init_run=no", flags[1])
    assert_one_line(result, "--init_run", f"{ROOT / 'no'}")
    result = train(tmp_path / "run", *SETTINGS, *flags, "--channels=6")
    assert_one_line(result, "a.json", "channels=6")
    assert not (tmp_path / "run").exists()
