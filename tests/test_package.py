"""What `import selene_tf` gives, and what it costs."""

import importlib
import pathlib
import subprocess
import sys

import pytest

import selene_tf

ROOT = pathlib.Path(__file__).parents[1]
NAMES = {
    "Config": "selene_tf.config.config",
    "CrossPseudo": "selene_tf.algorithms.cross_pseudo",
    "MeanTeacher": "selene_tf.algorithms.mean_teacher",
    "RoutingArchitecture": "selene_tf.architectures.routing",
    "RoutingPath": "selene_tf.architectures.routing_path",
    "Supervised": "selene_tf.algorithms.supervised",
    "UserError": "selene_tf.errors",
    "build": "selene_tf.networks",
    "evaluate": "selene_tf.inference.scoring",
    "load": "selene_tf.inference.loading",
    "load_run": "selene_tf.experiment.saved_run",
    "train": "selene_tf.experiment.training_run",
}


@pytest.mark.parametrize(("name", "module"), NAMES.items())
def test_each_name_is_what_its_module_defines(name, module):
    value = getattr(selene_tf, name)
    assert value.__module__.startswith(module)
    assert getattr(selene_tf, name) is value
    assert name in dir(selene_tf)


def test_no_name_hides_a_module_of_the_package():
    package = pathlib.Path(selene_tf.__file__).parent
    modules = {path.stem for path in package.iterdir()}
    assert {"experiment", "pretrained", "losses", "errors"} < modules
    assert not modules & set(NAMES)
    for name in ("experiment", "pretrained", "losses"):
        module = importlib.import_module(f"selene_tf.{name}")
        assert getattr(selene_tf, name) is module


def test_another_name_is_no_attribute():
    assert not hasattr(selene_tf, "nothing_of_this_name")


def test_the_import_starts_neither_tensorflow_nor_keras():
    code = (
        "import sys, selene_tf; from selene_tf import Config, RoutingPath, UserError; "
        "heavy = {'tensorflow', 'keras', 'jax', 'matplotlib'} & set(sys.modules); "
        "assert not heavy, heavy; print(len(dir(selene_tf)), selene_tf.__version__)"
    )
    result = subprocess.run(
        [sys.executable, "-c", code],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode == 0, result.stderr
    assert result.stdout.split()[1] == selene_tf.__version__
