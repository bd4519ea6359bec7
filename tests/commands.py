"""Running the commands as a user does, on a training of seconds."""

import pathlib
import subprocess
import sys

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
]


def run(*arguments):
    return subprocess.run(
        [sys.executable, *arguments],
        cwd=ROOT,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )


def train(run_dir, *arguments):
    return run("train.py", *TINY, f"--run_dir={run_dir}", *arguments)


def assert_one_line(result, *words):
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
