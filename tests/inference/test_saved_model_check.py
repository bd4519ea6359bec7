"""A SavedModel is a program; one that does more than compute is not run."""

import json
import shutil

import keras
import numpy as np
import pytest
import tensorflow as tf

from selene_tf.errors import UserError
from selene_tf.export import saved_model as writer
from selene_tf.inference import saved_model, saved_model_check
from tests.export import exported


@pytest.fixture(scope="module")
def sound(tmp_path_factory):
    """An export of ours."""
    folder = tmp_path_factory.mktemp("sound") / "model"
    image = keras.Input((None, None, 3))
    logits = keras.layers.Conv2D(3, 1, name="logits")(image)
    network = keras.Model(image, {"logits": logits})
    examples = exported.examples(network)
    writer.export(network, folder, examples, exported.metadata())
    return folder


def disguised(sound, folder, serve):
    """A SavedModel with our files beside it and another function inside."""
    shutil.copytree(sound, folder)
    module = tf.Module()
    image = tf.TensorSpec((None, None, None, 3), tf.uint8, name="image")
    module.serve = tf.function(serve, [image], autograph=False)
    tf.saved_model.save(
        module, str(folder / "1"), signatures={"serving_default": module.serve}
    )
    return folder


def outputs(image):
    logits = tf.cast(image, tf.float32)
    return {"labels": tf.argmax(logits, -1, tf.int32), "logits": logits}


def test_ours_are_loaded(sound):
    assert saved_model_check.foreign_operations(sound / "1") == []
    assert saved_model.load(sound).class_names == exported.NAMES


def test_what_only_computes_is_loaded(sound, tmp_path):
    assert saved_model.load(disguised(sound, tmp_path / "a", outputs)).size is None


def writes_a_file(path):
    def serve(image):
        with tf.control_dependencies([tf.io.write_file(str(path), "written")]):
            return outputs(image)

    return serve


def saves_variables(path):
    def serve(image):
        op = tf.raw_ops.SaveV2(
            prefix=str(path), tensor_names=["a"], shape_and_slices=[""], tensors=[1.0]
        )
        with tf.control_dependencies([op]):
            return outputs(image)

    return serve


def calls_python(path):
    def serve(image):
        def write():
            path.write_text("written")
            return np.int64(1)

        with tf.control_dependencies([tf.numpy_function(write, [], tf.int64)]):
            return outputs(image)

    return serve


def hides_it_in_a_branch(path):
    def serve(image):
        dark = tf.reduce_sum(tf.cast(image, tf.int32)) < 0
        done = tf.cond(
            dark, lambda: tf.io.read_file(str(path)), lambda: tf.constant("")
        )
        with tf.control_dependencies([done]):
            return outputs(image)

    return serve


@pytest.mark.parametrize(
    ("make", "operation"),
    [
        (writes_a_file, "WriteFile"),
        (saves_variables, "SaveV2"),
        (calls_python, "PyFunc"),
        (hides_it_in_a_branch, "ReadFile"),
    ],
)
def test_what_reads_or_writes_or_calls_is_refused_unloaded(
    sound, tmp_path, monkeypatch, make, operation
):
    canary = tmp_path / "canary"
    folder = disguised(sound, tmp_path / "model", make(canary))
    canary.unlink(missing_ok=True)
    with monkeypatch.context() as patch:
        patch.setattr(tf.saved_model, "load", lambda *_: pytest.fail("was loaded"))
        with pytest.raises(UserError, match=f"{operation}.*--trust_model") as caught:
            saved_model.load(folder)
    assert "\n" not in str(caught.value)
    assert not canary.exists()
    if make is not calls_python:
        assert saved_model.load(folder, trust=True).class_names == exported.NAMES


@pytest.mark.parametrize("content", [b"", b"\xff" * 50, None])
def test_a_damaged_one_is_one_line(sound, tmp_path, content):
    shutil.copytree(sound, tmp_path / "model")
    file = tmp_path / "model/1/saved_model.pb"
    file.write_bytes(file.read_bytes()[:500] if content is None else content)
    with pytest.raises(UserError, match="no readable SavedModel of ours"):
        saved_model.load(tmp_path / "model")


@pytest.mark.parametrize(
    "changes",
    [
        {"size": "64"},
        {"size": [-1, 5]},
        {"size": [10**9, 10**9]},
        {"size": [1, 2, 3]},
        {"size": [32, 64]},
        {"class_names": ["a", "b"], "colours": [[0, 0, 0], [1, 1, 1]]},
        {"class_names": ["a", "b\n\x1b[2J", "c"]},
        {"class_names": ["a", "b" * 5000, "c"]},
        {"scores": "labels"},
    ],
)
def test_metadata_that_are_not_the_graphs_are_one_line(sound, tmp_path, changes):
    shutil.copytree(sound, tmp_path / "model")
    file = tmp_path / "model/1/assets.extra/metadata.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | changes))
    with pytest.raises(UserError) as caught:
        saved_model.load(tmp_path / "model")
    assert "\n" not in str(caught.value)
    assert "model" in str(caught.value)
