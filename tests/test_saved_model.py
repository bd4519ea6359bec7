import json
import shutil
import subprocess
import sys

import keras
import numpy as np
import pytest

from selene_tf import saved_model
from selene_tf.errors import UserError
from selene_tf.networks import dynamic_routing


@pytest.fixture(scope="module")
def network():
    keras.utils.set_random_seed(0)
    return dynamic_routing.build(3, channels=4, num_layers=3)


@pytest.fixture(scope="module")
def images():
    rng = np.random.default_rng(0)
    sizes = ((32, 64), (45, 51))
    return [rng.integers(0, 256, (*size, 3), dtype=np.uint8) for size in sizes]


@pytest.fixture(scope="module")
def exported(network, images, tmp_path_factory):
    output = tmp_path_factory.mktemp("export") / "model"
    result = saved_model.export(network, output, images, ("a", "b", "c"))
    return output, result


def test_it_gives_what_the_network_gives_at_any_size(exported, network, images):
    output, result = exported
    assert result["images"] == 2
    serve = saved_model.load(output)
    for image in images:
        outputs = serve(np.stack([image, image]))
        wanted = np.asarray(network(image[None])["logits"])[0]
        assert np.abs(outputs["logits"].numpy() - wanted).max() < 1e-4
        np.testing.assert_array_equal(outputs["labels"][1], wanted.argmax(-1))


def test_the_class_names_travel_along(exported):
    output, _ = exported
    names = json.loads((output / "assets.extra/classes.json").read_text())
    assert names == ["a", "b", "c"]


@pytest.mark.slow
def test_it_loads_where_selene_tf_is_not_installed(exported, tmp_path):
    output, _ = exported
    code = f"""
import sys
import tensorflow as tf
serve = tf.saved_model.load({str(output)!r}).signatures["serving_default"]
outputs = serve(image=tf.zeros((1, 33, 40, 3), tf.uint8))
assert outputs["labels"].shape == (1, 33, 40), outputs["labels"].shape
assert "selene_tf" not in sys.modules
"""
    result = subprocess.run(
        [sys.executable, "-c", code], cwd=tmp_path, capture_output=True, check=False
    )
    assert result.returncode == 0, result.stderr.decode()


def test_an_existing_folder_is_left_alone(network, images, tmp_path):
    (tmp_path / "model").mkdir()
    with pytest.raises(UserError, match="exists"):
        saved_model.export(network, tmp_path / "model", images, "abc")
    assert list((tmp_path / "model").iterdir()) == []


def test_a_network_that_gives_nan_is_not_exported(images, tmp_path):
    network = dynamic_routing.build(3, channels=4, num_layers=3)
    bias = network.get_layer("predictor").bias
    bias.assign(np.full(bias.shape, np.nan))
    with pytest.raises(RuntimeError, match="not finite"):
        saved_model.export(network, tmp_path / "model", images, "abc")
    assert list(tmp_path.iterdir()) == []


def test_a_model_that_differs_is_noticed(exported, images):
    other = dynamic_routing.build(3, channels=4, num_layers=3)
    with pytest.raises(RuntimeError, match="differ"):
        saved_model.compare(other, saved_model.load(exported[0]), images)


def test_a_folder_without_a_model_is_one_line(tmp_path):
    with pytest.raises(UserError, match="no readable SavedModel") as caught:
        saved_model.load(tmp_path)
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("place", ["/proc/x/model", "/dev/null/model"])
def test_a_place_that_cannot_be_written_is_one_line(network, images, place):
    with pytest.raises(UserError, match="cannot write") as caught:
        saved_model.export(network, place, images, "abc")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize("damage", ["cut", "foreign"])
def test_a_damaged_or_foreign_model_is_one_line(exported, tmp_path, damage):
    folder = tmp_path / "model"
    if damage == "cut":
        shutil.copytree(exported[0], folder)
        data = folder / "variables/variables.data-00000-of-00001"
        data.write_bytes(data.read_bytes()[:100])
    else:
        keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)]).export(folder)
    with pytest.raises(UserError) as caught:
        saved_model.load(folder)
    assert str(folder) in str(caught.value)
    assert "\n" not in str(caught.value)
