"""What a training takes over from an earlier run."""

import dataclasses
import json
import shutil

import numpy as np
import pytest
from PIL import Image

from selene_tf.config import Config
from selene_tf.experiment import initial_state, make_algorithm
from selene_tf.experiment.initial_weights import (
    check_earlier_run,
    load_initial_weights,
)
from selene_tf.networks import dynamic_routing
from selene_tf.training import run_folder
from tests.experiment.saved_runs import TINY, save_path, save_run
from tests.refusals import assert_refused

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")

IMAGES = np.random.default_rng(0).uniform(0, 255, (2, 32, 64, 3)).astype("float32")
# Nothing leads to (2, 2) then, and from there to level 3.
WITHOUT = [(1, 1, None), (2, 1, "up")]


@pytest.fixture(scope="module")
def earlier(tmp_path_factory):
    """A folder with the run "run", and its path "path.json"; the run's algorithm."""
    folder = tmp_path_factory.mktemp("earlier")
    _, algorithm = save_run(folder / "run")
    save_path(folder / "path.json", without=WITHOUT)
    return folder, algorithm


def started(config):
    """The algorithm at the first step, and the line that says what was loaded."""
    start = initial_state.resolve(config)
    check_earlier_run(config, start.path)
    algorithm = make_algorithm(config, start)
    return algorithm, load_initial_weights(config, algorithm)


def values_of(network):
    return {variable.path: variable.numpy() for variable in network.weights}


@pytest.mark.parametrize("name", ["supervised", "mean_teacher"])
def test_a_tuning_starts_as_the_pruned_network_of_the_run(earlier, name):
    folder, algorithm = earlier
    settings = TINY | {"algorithm": name, "drop_path": 0.1, "num_training_scenes": 8}
    config = Config(
        **settings, init_run=str(folder / "run"), path=str(folder / "path.json")
    )
    tuned, line = started(config)
    weights = values_of(algorithm.networks["student"])
    pruned = dynamic_routing.build(
        weights["predictor/bias"].size,
        channels=4,
        num_layers=3,
        path=initial_state.resolve(config).path,
    )
    for variable in pruned.weights:
        variable.assign(weights[variable.path])
    expected = pruned(IMAGES)
    for network in tuned.networks.values():
        outputs = network(IMAGES)
        for output in ("logits", "gates"):
            np.testing.assert_array_equal(outputs[output], expected[output])
    assert f"loaded {len(pruned.weights)} arrays of the student after step 4" in line
    assert str(folder / "run") in line
    assert len(pruned.weights) < len(weights)


def test_from_scratch_along_a_path_there_are_only_its_variables(earlier):
    folder, algorithm = earlier
    config = Config(**TINY, path=str(folder / "path.json"))
    network = make_algorithm(config, initial_state.resolve(config)).networks["student"]
    names = set(values_of(network))
    gone = set(values_of(algorithm.networks["student"])) - names
    parts = ("cell_01_s8/", "cell_02_s8/up/", "cell_02_s16/", "cell_03_s32/")
    parts += ("decoder_s32/",)
    assert all(name.startswith(parts) for name in gone)
    assert not [name for name in names if name.startswith(parts)]
    assert {part for part in parts if any(name.startswith(part) for name in gone)} == {
        *parts
    }


def test_a_whole_network_may_go_on_from_a_run(earlier):
    folder, algorithm = earlier
    config = Config(**TINY | {"steps": 9}, init_run=str(folder / "run"))
    tuned, _ = started(config)
    expected = values_of(algorithm.networks["student"])
    for path, value in values_of(tuned.networks["student"]).items():
        np.testing.assert_array_equal(value, expected[path])


def test_a_pruned_run_gives_to_the_same_path_and_to_less_but_not_to_more(
    earlier, tmp_path
):
    folder, _ = earlier
    _, algorithm = save_run(tmp_path / "pruned", path=str(folder / "path.json"))
    save_path(tmp_path / "less.json", without=[*WITHOUT, (1, 0, "down")])
    save_path(tmp_path / "more.json", without=WITHOUT[:1])
    expected = values_of(algorithm.networks["student"])
    for file in (folder / "path.json", tmp_path / "less.json"):
        config = Config(**TINY, init_run=str(tmp_path / "pruned"), path=str(file))
        values = values_of(started(config)[0].networks["student"])
        assert all((value == expected[path]).all() for path, value in values.items())
    for file, problem in [("", "nothing"), (tmp_path / "more.json", tmp_path)]:
        config = Config(**TINY, init_run=str(tmp_path / "pruned"), path=str(file))
        words = ("--path: found", problem, tmp_path / "pruned/given_path.json")
        assert_refused(lambda config=config: started(config), *words)


@pytest.mark.slow
def test_two_networks_start_from_two(earlier, tmp_path):
    folder, _ = earlier
    settings = {"algorithm": "cross_pseudo", "num_training_scenes": 8}
    _, algorithm = save_run(tmp_path / "two", **settings)
    config = Config(**TINY | settings, init_run=str(tmp_path / "two"))
    tuned, line = started(config)
    assert "of the first and second after" in line
    for name, network in algorithm.networks.items():
        expected = values_of(network)
        for path, value in values_of(tuned.networks[name]).items():
            np.testing.assert_array_equal(value, expected[path])
    config = dataclasses.replace(config, init_run=str(folder / "run"))
    assert_refused(lambda: started(config), "--init_run:", "cross_pseudo", "supervised")
    # One network starts from the one that is deployed.
    config = Config(**TINY, init_run=str(tmp_path / "two"))
    values = values_of(started(config)[0].networks["student"])
    expected = values_of(algorithm.networks["first"])
    assert all((value == expected[path]).all() for path, value in values.items())


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"channels": 6}, ("--channels: found 6", "4")),
        ({"num_layers": 4}, ("--num_layers: found 4", "3")),
        ({"pooling": "psp"}, ("--pooling: found psp", "none")),
        ({"small_gate": True}, ("--small_gate: found true", "false")),
        ({"gated": False}, ("--gated: found false", "true")),
    ],
)
def test_a_run_of_another_network_is_refused(earlier, changes, words):
    folder, _ = earlier
    config = Config(**TINY | changes, init_run=str(folder / "run"))
    assert_refused(lambda: check_earlier_run(config, None), *words, folder / "run")


def test_a_run_of_other_classes_or_without_a_checkpoint_or_none_at_all_is_refused(
    earlier, tmp_path
):
    folder, _ = earlier
    shutil.copytree(folder / "run", tmp_path / "run")
    config = Config(**TINY, init_run=str(tmp_path / "run"))
    classes = run_folder.read_json(tmp_path / "run/classes.json")
    renamed = classes | {"class_names": ["other", *classes["class_names"][1:]]}
    run_folder.write_json(tmp_path / "run/classes.json", renamed)
    assert_refused(lambda: started(config), "--init_run", "other", "expected those")
    # What a mask's values mean is another matter.
    run_folder.write_json(tmp_path / "run/classes.json", classes | {"masks": []})
    started(config)
    shutil.rmtree(tmp_path / "run/checkpoints")
    assert_refused(lambda: started(config), "--init_run", "no checkpoint")
    config = Config(**TINY, init_run=str(tmp_path))
    assert_refused(lambda: started(config), "--init_run", "config.cfg", tmp_path)


def other_classes(tmp_path, names, **changes):
    """A `Config` on a data set of other classes, which starts from an earlier run."""
    folder = tmp_path / "data"
    rng = np.random.default_rng(0)
    for part in ("train", "val"):
        for kind, shape in (("images", (32, 64, 3)), ("masks", (32, 64))):
            (folder / part / kind).mkdir(parents=True, exist_ok=True)
            array = rng.integers(0, len(names), shape, dtype=np.uint8)
            Image.fromarray(array).save(folder / part / kind / "0.png")
    settings = TINY | {"labelled_ratio": 1, "dataset": "folder"}
    for name in ("image_size", "num_training_scenes", "num_validation_scenes"):
        del settings[name]
    return Config(**settings | changes, data_dir=str(folder), class_names=tuple(names))


def test_a_run_of_other_classes_gives_what_fits(earlier, tmp_path):
    folder, algorithm = earlier
    before = list(json.loads((folder / "run/classes.json").read_text())["class_names"])
    names = ("lake", before[3], before[0])
    arguments = {"init_run": str(folder / "run"), "init_other_classes": True}
    tuned, line = started(other_classes(tmp_path, names, **arguments))
    fresh = make_algorithm(other_classes(tmp_path, names))
    weights = values_of(algorithm.networks["student"])
    untouched = values_of(fresh.networks["student"])
    for path, value in values_of(tuned.networks["student"]).items():
        if not path.startswith("predictor/"):
            np.testing.assert_array_equal(value, weights[path], err_msg=path)
            continue
        np.testing.assert_array_equal(value[..., 1], weights[path][..., 3])
        np.testing.assert_array_equal(value[..., 2], weights[path][..., 0])
        np.testing.assert_array_equal(value[..., 0], untouched[path][..., 0])
    assert f"classifier of its {len(before)} classes, but for {names[1]}, " in line


def test_without_leave_other_classes_are_refused(earlier, tmp_path):
    folder, _ = earlier
    config = other_classes(tmp_path, ("a", "b"), init_run=str(folder / "run"))
    assert_refused(
        lambda: started(config), "--init_run", "a, b", "--init_other_classes"
    )
