"""Published numbers of the compact networks of Nekrasov et al., by formula.

They come from the official modules: parameters, MACs of convolutions, and shapes.
"""

import dataclasses
import pathlib

import pytest

from selene_tf.architectures import (
    architecture_file,
    auxiliary_cells,
    compact_operations,
    cost,
    templates,
)
from selene_tf.architectures.compact_operations import Features, cost_of

FOLDER = pathlib.Path(__file__).parents[2] / "configs/architectures"


def read(name, num_classes, **options):
    options = {"first_block": "official", **options}
    return architecture_file.read(FOLDER / f"{name}.json", num_classes, **options)


@pytest.mark.parametrize(
    ("number", "num_classes", "deployed", "with_auxiliary"),
    [
        (0, 21, 2_629_909, 2_666_260),
        (1, 21, 2_810_133, 2_846_484),
        (2, 21, 2_853_141, 2_889_492),
        (0, 11, 2_624_139, 2_643_180),
        (1, 11, 2_804_363, 2_823_404),
        (2, 11, 2_847_371, 2_866_412),
        (0, 1, 2_618_369, 2_620_100),
        (1, 1, 2_798_593, 2_800_324),
        (2, 1, 2_841_601, 2_843_332),
    ],
)
def test_parameters_with_auxiliary_cells(number, num_classes, deployed, with_auxiliary):
    architecture = read(f"auxiliary_arch{number}", num_classes)
    assert cost(architecture, 360, 480).parameters == with_auxiliary
    assert cost(architecture.deployed, 360, 480).parameters == deployed
    # The encoder of keras.applications has one convolution fewer.
    keras = dataclasses.replace(architecture.deployed, first_block="keras")
    assert cost(keras, 360, 480).parameters == deployed - 1088


@pytest.mark.parametrize(
    ("number", "deployed", "with_cells"),
    [(0, 2_212_517, 2_412_884), (1, 2_316_197, 2_569_556), (2, 2_407_205, 2_706_068)],
)
def test_parameters_at_the_size_of_a_search(number, deployed, with_cells):
    sizes = {"channels": 48, "repeats": 1, "auxiliary": "cell"}
    architecture = read(f"auxiliary_arch{number}", 21, **sizes)
    assert cost(architecture, 360, 480).parameters == with_cells
    assert cost(architecture.deployed, 360, 480).parameters == deployed


@pytest.mark.parametrize(
    ("number", "num_classes", "parameters", "of_search"),
    [(0, 19, 280_147, 228_347), (1, 19, 268_235, 198_587)]
    + [(0, 11, 275_531, None), (1, 11, 263_619, None)],
)
def test_parameters_of_templates(number, num_classes, parameters, of_search):
    architecture = read(f"templates_arch{number}", num_classes)
    assert cost(architecture, 360, 480).parameters == parameters
    if of_search:
        small = dataclasses.replace(architecture, channels=48, repeats=1)
        assert cost(small, 360, 480).parameters == of_search


@pytest.mark.parametrize(
    ("name", "num_classes", "size", "gmacs", "with_auxiliary"),
    [
        ("auxiliary_arch0", 11, (360, 480), 2.741, 2.815),
        ("auxiliary_arch1", 11, (360, 480), 1.898, 1.924),
        ("auxiliary_arch2", 11, (360, 480), 2.238, 2.276),
        ("auxiliary_arch0", 11, (180, 240), None, 0.714),
        ("auxiliary_arch1", 11, (180, 240), None, 0.497),
        ("auxiliary_arch2", 11, (180, 240), None, 0.586),
        ("auxiliary_arch0", 21, (360, 480), None, 2.944),
        ("auxiliary_arch1", 21, (360, 480), None, 1.963),
        ("auxiliary_arch2", 21, (360, 480), None, 2.327),
        ("auxiliary_arch0", 21, (512, 512), None, 4.42),
        ("auxiliary_arch1", 21, (512, 512), None, 2.93),
        ("auxiliary_arch2", 21, (512, 512), None, 3.48),
        ("templates_arch0", 11, (360, 480), 1.082, 1.082),
        ("templates_arch1", 11, (360, 480), 1.493, 1.493),
        ("templates_arch0", 19, (360, 480), 1.132, 1.132),
        ("templates_arch1", 19, (360, 480), 1.543, 1.543),
        ("templates_arch0", 11, (180, 240), 0.272, 0.272),
        ("templates_arch1", 11, (180, 240), 0.375, 0.375),
        ("templates_arch0", 19, (1024, 2048), 13.72, 13.72),
        ("templates_arch1", 19, (1024, 2048), 18.72, 18.72),
    ],
)
def test_macs_are_the_published_ones(name, num_classes, size, gmacs, with_auxiliary):
    architecture = read(name, num_classes)
    # Half of the last digit, and a little more: 0.49649 is published as 0.497.
    half = 0.55 * 10 ** -len(str(with_auxiliary).partition(".")[2])
    counted = cost(architecture, *size).macs / 1e9
    assert counted == pytest.approx(with_auxiliary, abs=half)
    if gmacs:
        deployed = cost(architecture.deployed, *size).macs / 1e9
        assert deployed == pytest.approx(gmacs, abs=half)


@pytest.mark.parametrize(
    ("number", "nodes", "blocks", "stride"),
    [(0, [1, 4, 7, 10], [4, 5, 6], 4), (1, [4, 7, 10], [5, 6], 8)]
    + [(2, [1, 4, 7, 10], [5, 6], 8)],
)
def test_what_is_summed_and_joined(number, nodes, blocks, stride):
    architecture = read(f"auxiliary_arch{number}", 21)
    assert auxiliary_cells.loose_nodes(architecture.cell) == nodes
    assert auxiliary_cells.collected_blocks(architecture.connections) == blocks
    assert auxiliary_cells.output_stride(architecture) == stride


@pytest.mark.parametrize(
    ("number", "blocks", "parameters", "joined"),
    [
        (
            0,
            [(64, 32), (64, 32), (64, 32), (32, 8), (64, 4), (64, 8), (32, 4)],
            [20160, 41984, 52096, 7040, 16784, 47680, 12400],
            [4, 6, 7, 8],
        ),
        (
            1,
            [(32, 8), (64, 32), (64, 32), (64, 4), (32, 4), (32, 8), (64, 4)],
            [7616, 21256, 57344, 38528, 5296, 19712, 38528],
            [5, 6, 7, 8],
        ),
    ],
)
def test_every_block_of_templates_has_its_shape_and_parameters(
    number, blocks, parameters, joined
):
    architecture = read(f"templates_arch{number}", 11)
    applied, pool = templates.applications(architecture)
    assert [(own.channels, own.stride) for own in pool[2:]] == blocks
    counts = [
        sum(
            templates.application_cost(one, (360, 480), 2).parameters
            for one in applied
            if one.block == block
        )
        for block in range(7)
    ]
    assert counts == parameters
    assert templates.collected_blocks(architecture.structure) == joined


@pytest.mark.parametrize(
    ("operation", "published", "of_search"),
    [
        ("conv1x1", 4224, 2400),
        ("global_average_pool", 4224, 2400),
        ("conv3x3", 36_992, 20_832),
        ("conv3x3_dil12", 36_992, 20_832),
        ("sep_conv_3x3", 9600, 2832),
        ("sep_conv_3x3_dil3", 9600, 2832),
        ("sep_conv_5x5", 11_648, 3600),
        ("sep_conv_5x5_dil6", 11_648, 3600),
        ("skip_connect", 0, 0),
        ("none", 0, 0),
    ],
)
def test_parameters_of_each_operation(operation, published, of_search):
    large, small = Features(64, 4), Features(48, 4)
    size = (32, 32)
    assert cost_of(operation, large, 64, size, repeats=2).parameters == published
    assert cost_of(operation, small, 48, size, repeats=1).parameters == of_search


def test_sides_are_rounded_up():
    """360 x 480 at stride 32 is 12 x 15, from 23 x 30 at 16."""
    assert Features(1, 16).pixels(360, 480) == 23 * 30
    assert Features(1, 32).pixels(360, 480) == 12 * 15


def test_a_separable_convolution_strides_in_each_of_its_units():
    """In the published networks of two units a stride of 2 is one of 4."""
    out = compact_operations.output_of("sep_conv_3x3", Features(24, 4), 48, 2, 2)
    assert out == Features(48, 16)
    kept = compact_operations.output_of("global_average_pool", Features(24, 4), 48, 2)
    assert kept.stride == 4
