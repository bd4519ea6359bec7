"""What a run folder keeps of where the run started."""

import dataclasses
import json
import shutil

import pytest

from selene_tf import pretrained
from selene_tf.cli import flagfile
from selene_tf.config import Config
from selene_tf.experiment import initial_state, make_network
from selene_tf.layers.normalize import IMAGENET_COLOURS
from selene_tf.training import run_folder
from tests.experiment.saved_runs import TINY, save_path
from tests.refusals import assert_refused


def begin(run_dir, **changes):
    """A run folder as it is before the first checkpoint."""
    config = Config(**TINY | changes, run_dir=str(run_dir))
    start = initial_state.resolve(config)
    run_folder.prepare(
        config.run_dir, flagfile.to_flagfile(config), {"class_names": []}, 0
    )
    initial_state.save(start, config)
    return config


def kept_of(config):
    return initial_state.resolve(config).path.kept.tolist()


def test_a_flag_that_is_no_more_is_one_line_that_names_the_file(tmp_path):
    config = begin(tmp_path / "run")
    file = tmp_path / "run/config.cfg"
    file.write_text(file.read_text() + "--gone=5\n")
    assert_refused(lambda: initial_state.settings_of(config.run_dir, "run_dir"), file)


@pytest.mark.parametrize("has_checkpoints", [False, True])
def test_a_run_needs_the_paths_file_no_more(tmp_path, has_checkpoints):
    path = save_path(tmp_path / "a.json", without=[(1, 1, None)])
    config = begin(tmp_path / "run", path=str(tmp_path / "a.json"))
    if has_checkpoints:
        (tmp_path / "run/checkpoints").mkdir()
    (tmp_path / "a.json").unlink()
    assert kept_of(config) == path.kept.tolist()
    start = initial_state.load(config, tmp_path / "run")
    assert start.path.bypassed.tolist() == path.bypassed.tolist()
    assert start.path.metadata == path.metadata


@pytest.mark.parametrize("has_checkpoints", [False, True])
def test_a_classic_networks_path_has_a_name_and_stays_the_runs(
    tmp_path, has_checkpoints
):
    config = begin(tmp_path / "run", path="unet", num_layers=6)
    assert initial_state.resolve(config).path.metadata["rule"] == "unet"
    assert (tmp_path / "run/given_path.png").is_file()
    if has_checkpoints:
        (tmp_path / "run/checkpoints").mkdir()
    assert kept_of(config) == kept_of(config)
    other = dataclasses.replace(config, path="hrnet")
    assert_refused(lambda: initial_state.resolve(other), "--path", "'hrnet'", "routes")


@pytest.mark.parametrize("has_checkpoints", [False, True])
def test_a_resumed_run_keeps_its_path(tmp_path, has_checkpoints):
    file = tmp_path / "a.json"
    save_path(file, without=[(1, 1, None)])
    config = begin(tmp_path / "run", path=str(file))
    if has_checkpoints:
        (tmp_path / "run/checkpoints").mkdir()
    # The same under another name.
    shutil.copy(file, tmp_path / "b.json")
    settings = TINY | {"run_dir": config.run_dir}
    same = Config(**settings, path=str(tmp_path / "b.json"))
    assert kept_of(same) == kept_of(config)
    none = Config(**settings)
    assert_refused(
        lambda: initial_state.resolve(none), "--path: found nothing", "along"
    )
    missing = Config(**settings, path=str(tmp_path / "c.json"))
    assert_refused(lambda: initial_state.resolve(missing), tmp_path / "c.json")
    save_path(file, without=[(1, 1, None), (2, 1, "up")])
    words = ("--path:", file, tmp_path / "run/given_path.json", "--run_dir")
    assert_refused(lambda: initial_state.resolve(config), *words)


def test_a_run_without_a_path_gets_none_later(tmp_path):
    save_path(tmp_path / "a.json")
    config = begin(tmp_path / "run")
    later = Config(**TINY, run_dir=config.run_dir, path=str(tmp_path / "a.json"))
    assert_refused(lambda: initial_state.resolve(later), "--path", "without one")


def test_a_path_of_another_network_is_refused(tmp_path):
    file = tmp_path / "a.json"
    save_path(file)
    config = Config(**TINY | {"channels": 6}, path=str(file))
    assert_refused(lambda: initial_state.resolve(config), file, "channels=4")
    file.write_text("{}")
    assert_refused(lambda: initial_state.resolve(config), file)


def test_colours_of_the_weights_go_from_run_to_run(tmp_path):
    begin(tmp_path / "first", init_checkpoint="model.pth")
    begin(tmp_path / "second", init_run=str(tmp_path / "first"))
    shutil.rmtree(tmp_path / "first")
    config = begin(tmp_path / "third", init_run=str(tmp_path / "second"))
    shutil.rmtree(tmp_path / "second")
    start = initial_state.load(config, tmp_path / "third")
    layer = make_network(config, "student", initial=start).get_layer("normalize")
    assert layer.mean == pretrained.OFFICIAL_COLOURS.mean
    assert layer.standard_deviation == pretrained.OFFICIAL_COLOURS.deviation
    assert layer.colour_order == "bgr"
    wrong = {"mean_colour": 5, "colour_deviation": [1, 1, 1], "colour_order": "rgb"}
    (tmp_path / "third/colours.json").write_text(json.dumps(wrong))
    assert_refused(
        lambda: initial_state.load(config, tmp_path / "third"), "colours.json"
    )
    (tmp_path / "third/colours.json").write_text("[]")
    assert_refused(
        lambda: initial_state.load(config, tmp_path / "third"), "colours.json"
    )


def test_a_run_of_our_own_weights_has_our_own_colours(tmp_path):
    begin(tmp_path / "first")
    config = begin(tmp_path / "second", init_run=str(tmp_path / "first"))
    assert initial_state.load(config, tmp_path / "second").colours == IMAGENET_COLOURS
