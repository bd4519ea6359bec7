"""The networks with auxiliary cells: MobileNetV2 and a decoder of searched cells."""

import keras

from selene_tf.architectures import auxiliary_cells
from selene_tf.layers.conv_norm import ConvNorm
from selene_tf.layers.normalize import IMAGENET_COLOURS
from selene_tf.layers.resize import ResizeLike
from selene_tf.layers.searched_cell import SearchedCell
from selene_tf.networks import compact_parts


def build(
    architecture,
    *,
    name="auxiliary_cells",
    synchronized=False,
    colours=IMAGENET_COLOURS,
):
    """Builds a network with auxiliary cells.

    Args:
        architecture: An `AuxiliaryCellsArchitecture`.
        name: Name of the Keras model.
        synchronized: Whether replicas share their batch statistics.
        colours: How images are normalised, a `ColourNormalization`.

    Returns:
        A Keras model as `networks.build` describes it. Its "features" are the
        encoder's at strides 4 to 32; "auxiliary" are logits of each block, if the
        architecture has them.

    Reference: Nekrasov et al. 2019, https://arxiv.org/abs/1810.10804.
    """
    image, levels = compact_parts.encode(
        4, architecture.first_block, synchronized, colours
    )
    options = {"synchronized": synchronized}
    pool = [
        ConvNorm(architecture.channels, name=f"adapt_{number}", **options)(level)
        for number, level in enumerate(levels)
    ]
    sizes = auxiliary_cells.pool(architecture)
    for number, pair in enumerate(architecture.connections):
        strides = [sizes[place].stride for place in pair]
        pool.append(
            _block(architecture, number, [pool[p] for p in pair], strides, options)
        )
    outputs = {
        "logits": _classify(architecture, image, pool, sizes, options),
        "features": levels,
    }
    if architecture.auxiliary != "none":
        outputs["auxiliary"] = [
            _auxiliary(architecture, image, number, block, options)
            for number, block in enumerate(pool[4:])
        ]
    return keras.Model(image, outputs, name=name)


def _cell(architecture, name, options):
    return SearchedCell(architecture.cell, architecture.repeats, name=name, **options)


def _block(architecture, number, pair, strides, options):
    """Two copies of the cell with weights of their own, joined at the larger size."""
    both = []
    for side, features in zip("ab", pair, strict=True):
        name = f"block_{number}{side}"
        features = _cell(architecture, f"{name}_cell", options)(features)
        conv = ConvNorm(architecture.channels, name=f"{name}_conv", **options)
        both.append(conv(features))
    if strides[0] != strides[1]:
        larger = strides.index(min(strides))
        enlarge = ResizeLike(name=f"block_{number}_enlarge")
        both[1 - larger] = enlarge([both[1 - larger], both[larger]])
    return keras.layers.Add(name=f"block_{number}")(both)


def _classify(architecture, image, pool, sizes, options):
    collected = auxiliary_cells.collected_blocks(architecture.connections)
    joined = compact_parts.join([(pool[n], sizes[n].stride) for n in collected])
    read = {place for pair in architecture.connections for place in pair}
    joined = compact_parts.keep_unread(joined, pool[:4], read)
    return compact_parts.classify(
        joined, image, architecture.channels, architecture.num_classes, options
    )


def _auxiliary(architecture, image, number, features, options):
    """Logits of one block, which learn beside the network."""
    if architecture.auxiliary == "cell":
        features = _cell(architecture, f"auxiliary_{number}_cell", options)(features)
    return compact_parts.logits(
        features, image, architecture.num_classes, f"auxiliary_{number}"
    )
