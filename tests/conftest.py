import dataclasses
import os

import pytest

# Read by TensorFlow when it is imported: nothing below warnings.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")


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
