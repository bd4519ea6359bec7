"""The contract of every network, and of the routing network's variants."""

import pathlib

import numpy as np
import pytest

from selene_tf.architectures import (
    DeepLabV3PlusArchitecture,
    RoutingArchitecture,
    RoutingPath,
    architecture_file,
    topology,
)
from tests.networks.contract import NetworkContract
from tests.networks.plain import PlainArchitecture

ARCHITECTURES = pathlib.Path(__file__).parents[2] / "configs/architectures"


def path(num_layers=3):
    """Without level 3, without the cell (1, 1), and without a way up from (2, 1)."""
    kept = topology.all_routes(num_layers)
    bypassed = np.zeros(kept.shape[:2], bool)
    kept[1, 1], bypassed[1, 1] = False, True
    kept[2, 1, topology.ROUTES.index("up")] = kept[num_layers, 3] = False
    kept, bypassed = topology.connected(kept, bypassed)
    return RoutingPath(kept, bypassed, 0.5 * kept, 0.5 * kept, {})


class TestSupernet(NetworkContract):
    architecture = RoutingArchitecture(3, channels=4, num_layers=3)


class TestWithoutGatesButWithAtrousPoolingAndDropPath(NetworkContract):
    architecture = RoutingArchitecture(
        3, 4, 3, gated=False, pooling="aspp", drop_path=0.3
    )


class TestSmallGatesAndPyramidPooling(NetworkContract):
    architecture = RoutingArchitecture(3, 4, 3, small_gate=True, pooling="psp")


class TestAlongAPath(NetworkContract):
    architecture = RoutingArchitecture(3, channels=4, num_layers=3, path=path())


class TestPlain(NetworkContract):
    architecture = PlainArchitecture(3)


class TestPlainWithAuxiliaryLogits(NetworkContract):
    architecture = PlainArchitecture(3, auxiliary=True)


class TestDeepLabOnASmallBackbone(NetworkContract):
    architecture = DeepLabV3PlusArchitecture(3, "mobilenet_v2", output_stride=16)


class TestTemplates(NetworkContract):
    # One unit of each separable convolution; `test_compact` has the published two.
    architecture = architecture_file.read(
        ARCHITECTURES / "templates_arch0.json", 3, **{"channels": 8, "repeats": 1}
    )


# Of the same parts; `tests/test_compact_networks.py` trains and exports one.
@pytest.mark.soak
class TestAuxiliaryCells(NetworkContract):
    architecture = architecture_file.read(
        ARCHITECTURES / "auxiliary_arch1.json",
        3,
        **{"channels": 8, "repeats": 1, "auxiliary": "cell", "first_block": "official"},
    )
