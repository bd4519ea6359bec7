"""The compact networks' outputs: sizes, shapes of blocks, what is deployed."""

import dataclasses
import pathlib

import numpy as np
import pytest

from selene_tf import networks
from selene_tf.architectures import architecture_file, templates

FOLDER = pathlib.Path(__file__).parents[2] / "configs/architectures"


def read(name, **options):
    return architecture_file.read(FOLDER / f"{name}.json", 11, **options)


def shape_of(network, layer, size):
    """Height and width of a layer's output for an image, by its symbols."""
    import keras

    part = keras.Model(network.input, network.get_layer(layer).output)
    return tuple(part(np.zeros((1, *size, 3), "float32")).shape[1:])


@pytest.mark.parametrize(
    ("name", "size", "expected"),
    [
        ("auxiliary_arch0", (97, 131), (25, 33)),
        ("auxiliary_arch1", (97, 131), (13, 17)),
        ("templates_arch1", (97, 131), (25, 33)),
        ("templates_arch0", (375, 500), (94, 125)),
        ("auxiliary_arch1", (375, 500), (47, 63)),
    ],
)
def test_logits_have_the_published_size_before_they_are_resized(name, size, expected):
    network = networks.build(read(name, channels=8, repeats=1))
    assert shape_of(network, "logits_classifier", size) == (*expected, 11)


def test_blocks_of_templates_have_the_published_shapes():
    """At 360 x 480: 12 x 15 at stride 32, which is rounded up from 23 x 30."""
    architecture = read("templates_arch0")
    network = networks.build(architecture)
    sides = {4: (90, 120), 8: (45, 60), 32: (12, 15)}
    applied, _ = templates.applications(architecture)
    last = {one.block: one for one in applied}
    expected = [
        *[(12, 15, 64)] * 3,
        *[(45, 60, 32), (90, 120, 64), (45, 60, 64), (90, 120, 32)],
    ]
    for block, one in last.items():
        assert (*sides[one.output.stride], one.output.channels) == expected[block]
        name = f"block_{block}_{one.number}_join"
        assert shape_of(network, name, (360, 480)) == expected[block]


def test_what_only_learns_is_gone_from_the_deployed_network():
    """And changes nothing of the rest: its weights are there by name."""
    architecture = read("auxiliary_arch0", channels=8, repeats=1, auxiliary="cell")
    network = networks.build(architecture)
    assert len(network.output["auxiliary"]) == 3
    deployed = networks.build(architecture.deployed)
    assert "auxiliary" not in deployed.output
    values = {variable.path: variable.numpy() for variable in network.weights}
    assert not any("auxiliary" in variable.path for variable in deployed.weights)
    for variable in deployed.weights:
        variable.assign(values[variable.path])
    image = np.random.default_rng(0).uniform(0, 255, (1, 64, 96, 3)).astype("float32")
    np.testing.assert_allclose(
        deployed(image)["logits"], network(image)["logits"], rtol=1e-5, atol=1e-5
    )


def test_both_branches_of_a_block_have_weights_of_their_own():
    network = networks.build(read("auxiliary_arch0", channels=8, repeats=1))
    # Its first block joins one feature with itself.
    assert read("auxiliary_arch0").connections[0] == (3, 3)
    names = {variable.path.split("/")[0] for variable in network.weights}
    assert {"block_0a_cell", "block_0b_cell"} <= names


def test_an_auxiliary_part_without_a_cell_has_a_classifier_alone():
    with_cells = read("auxiliary_arch2", channels=8, repeats=1, auxiliary="cell")
    network = networks.build(dataclasses.replace(with_cells, auxiliary="classifier"))
    own = [v for v in network.trainable_weights if v.path.startswith("auxiliary")]
    assert sum(np.prod(v.shape) for v in own) == 3 * (9 * 8 * 11 + 11)
