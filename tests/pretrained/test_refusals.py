import pathlib
import re

import keras
import numpy as np
import pytest

from selene_tf import pretrained
from selene_tf.inference import loading
from tests.pretrained import torch_zips
from tests.pretrained.official_weights import (
    HEAD,
    PREDICTOR,
    STEM,
    assert_nothing_loaded,
    random_weights,
    without,
)
from tests.refusals import assert_refused


@pytest.fixture
def refused(network, file):
    """Asserts that a file is refused with these words, and changes nothing."""

    def check(weights, *words, **options):
        torch_zips.save(file, {"model": torch_zips.Ordered(weights)})
        assert_nothing_loaded(network, file, *words, **options)

    return check


@pytest.mark.parametrize(
    ("other", "words"),
    [
        (
            {"num_layers": 4},
            ("found a network of 4 layers, expected 3", "num_layers=4"),
        ),
        ({"channels": 6}, ("found a network of 6 channels, expected 4", "channels=6")),
        (
            {"num_classes": 7},
            ("found a network of 7 classes", "num_classes=7", "other_classes=True"),
        ),
    ],
)
def test_a_network_of_another_size_is_refused(refused, other, words):
    refused(random_weights(**other), *words)


def test_an_encoder_of_another_size_is_refused(refused, official):
    encoder = without(official, HEAD)
    more = {key.replace("list.2.", "list.3."): v for key, v in encoder.items()}
    refused(encoder | more, "4 layers, expected 3", encoder_only=True)


def test_missing_arrays_are_refused(refused, official):
    key = "backbone.all_cell_list.1.1.res_up.1.weight"
    refused(without(official, key), f"found no {key}, expected all", "whole checkpoint")
    refused(without(official, key), key, encoder_only=True)
    refused(without(official, key), key, other_classes=True)
    refused(without(official, HEAD), HEAD, "more", "encoder_only=True")
    refused(without(official, PREDICTOR), PREDICTOR, other_classes=True)
    refused(without(official, f"{STEM}stem_2"), f"{STEM}stem_2", encoder_only=True)


def test_arrays_without_a_place_are_refused(refused, official):
    extra = {"fc.weight": np.ones(3, "f4"), "weird\nname": np.ones(1, "f4")}
    refused(official | extra, "fc.weight, weird\\nname", "no place")
    extra = {"backbone.extra": np.ones(3, "f4")}
    refused(official | extra, "backbone.extra", "no place", encoder_only=True)


def test_names_without_backbone_are_refused_unless_it_is_an_encoder(refused, official):
    bare = {key.removeprefix("backbone."): value for key, value in official.items()}
    refused(bare, "found none of the official network's cells", "encoder_only=True")


def test_another_network_is_refused(refused):
    refused({"conv1.weight": np.ones(3, "f4")}, "conv1.weight", "cells")
    refused({"conv1.weight": np.ones(3, "f4")}, "cells", encoder_only=True)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (lambda a: a[None], ("of shape (1, 64, 3, 3, 3), expected (64, 3, 3, 3)",)),
        (lambda a: a.transpose(2, 3, 1, 0), ("of shape (3, 3, 3, 64)",)),
        (lambda a: a.astype("int64"), ("of type int64", "floating point")),
        (lambda a: a * np.inf, ("not finite",)),
        (lambda a: a * np.where(a == a.max(), np.nan, 1), ("not finite",)),
        (lambda a: a.astype("float64") * 1e300, ("not finite",)),
    ],
)
def test_an_array_of_another_kind_is_refused(refused, official, change, words):
    key = "backbone.stem.stem_1.weight"
    refused(official | {key: change(official[key])}, key, *words)


@pytest.mark.parametrize(
    "scalar",
    ["backbone.init_layer.cell_ops._ops.0.op.0.weight", "sem_seg_head.predictor.bias"],
)
def test_a_single_number_for_an_array_is_refused(refused, official, scalar):
    refused(official | {scalar: np.array(1, "float32")}, "expected")


def test_a_damaged_file_changes_nothing(network, official, file):
    torch_zips.save(file, official)
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 1
    file.write_bytes(content)
    assert_nothing_loaded(network, file, "damaged")


def test_a_network_of_another_builder_is_a_mistake_of_the_program(file):
    dense = keras.Sequential([keras.Input((3,)), keras.layers.Dense(2)])
    with pytest.raises(ValueError, match=re.escape("dynamic_routing.build")):
        pretrained.load_dynamic_routing(dense, file)


def test_a_keras_file_is_refused_and_its_code_does_not_run(network, tmp_path):
    """Keras files may hold layers that are code; none is read, as weights or model."""
    canary, file = tmp_path / "canary", tmp_path / "weights.keras"

    def leave_a_mark(x):
        pathlib.Path(canary).touch()
        return x

    image = keras.Input((4,))
    keras.Model(image, keras.layers.Lambda(leave_a_mark)(image)).save(file)
    canary.unlink()
    for name in ("weights.keras", "weights.pth"):
        file = file.rename(tmp_path / name)
        assert_nothing_loaded(network, file)
    assert_refused(lambda: loading.load(str(file)), "--model", "another kind")
    assert not canary.exists()
