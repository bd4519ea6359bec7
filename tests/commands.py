"""Running the commands as a user does, most of them in this process.

    result = run("evaluate.py", f"--run_dir={run_dir}")
    result = run("-m", "selene_tf.partition", "--fraction=1/8", missing=["torch"])
    assert result.returncode == 0, result.stderr
    assert_one_line(run("train.py", "--steps=0"), "--steps", "0")

`run` executes the root module or the script file as `__main__` from the checkout's
root: flags, their parsing, one-line errors and what is printed are those of a user. It
takes no seconds to start, since TensorFlow is there already, and fixtures may replace
what the command calls (`monkeypatch`).

What needs a process of its own, since it is killed, reads the environment, or has to
show that the command works as a user starts it, goes through `run_process`. It costs
about ten seconds: keep one for each kind of command in the whole suite.
"""

import contextlib
import io
import os
import pathlib
import runpy
import subprocess
import sys
import warnings
from unittest import mock

from absl import app, flags
from absl.testing import flagsaver

ROOT = pathlib.Path(__file__).parents[1]
TINY = [
    "--dataset=scenes",
    "--image_size=48,64",
    "--num_training_scenes=12",
    "--num_validation_scenes=4",
    "--labelled_ratio=3",
    "--crop_size=32,64",
    "--channels=4",
    "--num_layers=3",
    "--batch_size=2",
    "--steps=8",
    "--warm_up_steps=2",
    "--consistency_ramp_steps=4",
    "--log_every=2",
    "--evaluate_every=4",
    "--checkpoint_every=2",
    "--num_predictions=2",
    # It takes a second, as long as some of these trainings.
    "--nowrite_report",
]
# To be added where it is enough that a run ends.
SHORT = [
    "--num_training_scenes=6",
    "--num_validation_scenes=2",
    "--steps=2",
    "--warm_up_steps=1",
    "--consistency_ramp_steps=1",
    "--evaluate_every=2",
    "--num_predictions=1",
]


def run(*arguments, missing=()):
    """Runs a command in this process.

    Args:
        *arguments: As `python` takes them: a script of the checkout's root, or -m and
            a module; then the flags.
        missing: Names of packages that are to seem not installed.

    Returns:
        A `subprocess.CompletedProcess`: "returncode", "stdout", "stderr". What C++
        writes past Python's streams is not in it. An exception that would end a
        process with a traceback is raised.
    """
    output, errors = io.StringIO(), io.StringIO()
    with (
        _fresh_flags(),
        contextlib.chdir(ROOT),
        contextlib.redirect_stdout(output),
        contextlib.redirect_stderr(errors),
        _not_installed(missing),
        # Of what a command filters, and runpy's of a module imported already.
        warnings.catch_warnings(),
    ):
        warnings.simplefilter("ignore", RuntimeWarning)
        code = _exit_status(*arguments)
    return subprocess.CompletedProcess(
        arguments, code, output.getvalue(), errors.getvalue()
    )


def users_environment(**changes):
    """The environment as a user's commands have it: with oneDNN, unlike the tests.

    For processes whose numbers are not compared to the bit with this one's.
    """
    kept = {k: v for k, v in os.environ.items() if k != "TF_ENABLE_ONEDNN_OPTS"}
    return kept | changes


def run_process(*arguments, **options):
    """Runs a command in a process of its own; returns the same."""
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
        **options,
    )


def train(run_dir, *arguments, run=run):
    """Trains for some steps on drawn scenes; `run` may be `run_process`."""
    return run("train.py", *TINY, f"--run_dir={run_dir}", *arguments)


def assert_one_line(result, *words):
    """The command ended with status 2 and one line that holds all the words."""
    assert result.returncode == 2, result.stderr
    lines = result.stderr.strip().splitlines()
    assert len(lines) == 1, result.stderr
    for word in words:
        assert word in lines[0]


def variables_of(run_dir):
    """All variables of a run's newest checkpoint, by name."""
    # Here, since most tests of commands need no TensorFlow of their own.
    import tensorflow as tf

    newest = sorted((run_dir / "checkpoints").glob("step-*"))[-1]
    reader = tf.train.load_checkpoint(str(newest / "variables"))
    names = [n for n in reader.get_variable_to_shape_map() if "VARIABLE_VALUE" in n]
    return {name: reader.get_tensor(name) for name in names}


@contextlib.contextmanager
def _fresh_flags():
    """Flags that the command defines are gone afterwards."""
    # absl defines these once a process, at the first start of a command.
    app.define_help_flags()
    before = flagsaver.save_flag_values()
    try:
        yield
    finally:
        # TensorFlow, which the command may have started, defines some for good.
        after = flagsaver.save_flag_values()
        theirs = {name: after[name] for name in after if not _is_ours(name)}
        flagsaver.restore_flag_values(theirs | before)


def _is_ours(flag):
    """Whether a flag is defined in the package or by the command itself."""
    module = flags.FLAGS.find_module_defining_flag(flag)
    return module.startswith("selene_tf.") or module.endswith(".py")


@contextlib.contextmanager
def _not_installed(packages):
    kept = {name: sys.modules.get(name) for name in packages}
    sys.modules.update(dict.fromkeys(packages))
    try:
        yield
    finally:
        for name, module in kept.items():
            sys.modules.pop(name, None)
            if module is not None:
                sys.modules[name] = module


def _exit_status(command, *arguments):
    is_module = command == "-m"
    if is_module:
        command, *arguments = arguments
    with mock.patch.object(sys, "argv", [command, *arguments]):
        try:
            if is_module:
                runpy.run_module(command, run_name="__main__", alter_sys=True)
            else:
                runpy.run_path(command, run_name="__main__")
        except SystemExit as stop:
            return stop.code or 0
    raise AssertionError(f"{command} returned, where a command exits")
