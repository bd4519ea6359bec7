"""What all test processes have in common: threads, fuzzing, which files go first."""

import dataclasses
import gc
import os
import pathlib
import sys

import hypothesis
import pytest

# TensorFlow reads these when it is imported, and so does what a test starts. The suite
# runs in a process a core: more threads would only wait for each other.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
for _name in ("OMP_NUM_THREADS", "TF_NUM_INTRAOP_THREADS", "TF_NUM_INTEROP_THREADS"):
    os.environ.setdefault(_name, "1")
# oneDNN prepares each new shape of tensors, which takes longer than tiny ones do: a
# seventh of the suite. Processes that tests start have it, as users do
# (`users_environment` of tests/commands.py); `TF_ENABLE_ONEDNN_OPTS=1 pytest` has it
# everywhere.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "0")

# `make test` finds the same examples each time; `make soak` looks for others.
hypothesis.settings.register_profile(
    "test", max_examples=200, deadline=None, derandomize=True, database=None
)
hypothesis.settings.register_profile(
    "soak", max_examples=2000, deadline=None, database=None, print_blob=True
)
hypothesis.settings.load_profile("test")


@pytest.fixture
def float64():
    """Networks that are built meanwhile compute in float64.

    For what is equal exactly, in other graphs or batches: float32 rounds differently on
    each processor, and a network's layers make a bound of it a guess.
    """
    # Not above, since many tests need no TensorFlow.
    import keras

    before = keras.config.floatx(), keras.config.dtype_policy()
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(before[0])
    keras.config.set_dtype_policy(before[1])


def _run_eagerly():
    """Functions run step by step; tracing one takes longer than a few steps of it.

    For tests that train or evaluate small networks for a few steps and ask what comes
    out: `pytestmark = pytest.mark.usefixtures("eager")` for a file, "eager_here" for a
    test. That a graph gives the same is asked in `tests/algorithms/contract.py`, and of
    the commands in their own processes.
    """
    # Not above, since many tests need no TensorFlow.
    import tensorflow as tf

    from selene_tf.inference import timing

    tf.config.run_functions_eagerly(True)
    with pytest.MonkeyPatch.context() as patch:
        # Of an evaluation that is not about milliseconds.
        patch.setattr(timing, "RUNS", 1)
        patch.setattr(timing, "IMAGES", 1)
        yield
    tf.config.run_functions_eagerly(False)


eager = pytest.fixture(scope="module")(_run_eagerly)
eager_here = pytest.fixture(_run_eagerly)


_ORDER = pathlib.Path(__file__).with_name("slowest_first.txt")


def pytest_collection_modifyitems(items):
    """Slow files first, so that the processes end at the same time.

    xdist's loadfile hands out whole files in this order. The list needs a line only
    for files that take tens of seconds; the others follow as they were collected.
    """
    lines = _ORDER.read_text().splitlines()
    files = [line for line in lines if not line.startswith("#")]
    places = {name: place for place, name in enumerate(files)}
    items.sort(key=lambda item: places.get(item.nodeid.split("::")[0], len(places)))


def _keep_kernels():
    """Setting a seed no longer throws away TensorFlow's compiled operations.

    It does so since random operations may hold a state. Those of ours hold none (their
    seeds are inputs), but the kernel of each variable of a network, half a millisecond
    each, would be made anew after every seed: a quarter of the tests of networks.
    """
    from tensorflow.python import pywrap_tfe

    pywrap_tfe.TFE_ContextClearCaches = lambda _context: None


def pytest_collection_finish():
    """Saves time that no test is about: of garbage collection and of kernels.

    Tracing makes so many objects that looking for garbage would take a fifth of it.
    """
    if "tensorflow" in sys.modules:
        _keep_kernels()
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.fixture(scope="session")
def saved_run(tmp_path_factory):
    """A run's folder with a path.json and random weights, made once a process.

    Tests may add files to it, but change none.
    """
    # Not above, since many tests need no TensorFlow.
    from tests.experiment.saved_runs import save_path, save_run

    folder = tmp_path_factory.mktemp("saved") / "run"
    save_run(folder)
    save_path(folder / "path.json", without=[(2, 1, "keep"), (2, 1, "up")])
    return folder


@pytest.fixture(scope="session")
def prepare_once():
    """`pruned_network.prepare` that makes each network once a process.

    Nobody may change its weights.
    """
    from selene_tf.experiment import RunOptions, pruned_network

    prepare, networks = pruned_network.prepare, {}
    names = [field.name for field in dataclasses.fields(RunOptions)]

    def prepare_once(options, conditional=False):
        key = (*(str(getattr(options, name)) for name in names), conditional)
        if key not in networks:
            networks[key] = prepare(options, conditional)
        return networks[key]

    return prepare_once
