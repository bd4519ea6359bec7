import numpy as np
import pytest

from selene_tf.architectures import RoutingArchitecture, classic_paths, cost, topology
from selene_tf.search import classic_path
from tests.refusals import assert_refused

LAYERS = (6, 8, 16, 33)


def levels_of(name, num_layers):
    """The level of the one way's cell in each layer."""
    kept, _ = classic_paths.routes(name, num_layers)
    assert (kept.sum((1, 2)) == 1).all()
    return kept.any(-1).argmax(1).tolist()


@pytest.mark.parametrize("num_layers", LAYERS)
@pytest.mark.parametrize("name", classic_paths.NAMES)
def test_every_route_lies_on_a_way_from_the_stem_to_the_decoder(name, num_layers):
    kept, bypassed = classic_paths.routes(name, num_layers)
    exists = topology.all_routes(num_layers)
    assert not (kept & ~exists).any()
    assert not (bypassed & kept.any(-1)).any()
    connected, passing = topology.connected(kept, bypassed)
    np.testing.assert_array_equal(connected, kept)
    np.testing.assert_array_equal(passing, bypassed)


def test_fcn_goes_down_once_and_stays():
    assert levels_of("fcn_32s", 7) == [0, 0, 1, 1, 2, 2, 3, 3]


def test_deeplab_stays_at_stride_16():
    assert levels_of("deeplab_v3", 7) == [0, 0, 1, 1, 2, 2, 2, 2]


def test_auto_deeplab_has_the_published_levels_at_twelve_layers():
    published = [0, 0, 0, 1, 2, 1, 2, 2, 3, 3, 2, 1]
    assert levels_of("auto_deeplab", 11) == published
    assert levels_of("auto_deeplab", 23) == np.repeat(published, 2).tolist()


@pytest.mark.parametrize("num_layers", LAYERS)
def test_unet_comes_back_and_every_level_has_a_skip_connection(num_layers):
    kept, bypassed = classic_paths.routes("unet", num_layers)
    up = topology.ROUTES.index("up")
    # It ends at stride 4, alone.
    assert kept[-1, :, 0].tolist() == [True, False, False, False]
    assert kept[..., up].sum() == 3
    for level in range(3):
        layer = int(np.flatnonzero(kept[:, level + 1, up])[0]) + 1
        # What comes back meets what was passed on unchanged.
        before = layer - 1
        assert bypassed[before, level] or kept[before, level, 0], level
    assert levels_reached(kept) == 3


def levels_reached(kept):
    return int(np.flatnonzero(kept.any((0, 2))).max())


@pytest.mark.parametrize("num_layers", [7, 15])
def test_hrnet_keeps_every_stream_and_exchanges_between_the_quarters(num_layers):
    kept, _ = classic_paths.routes("hrnet", num_layers)
    streams = kept.any(-1).sum(1)
    assert streams.tolist() == np.repeat([1, 2, 3, 4], (num_layers + 1) // 4).tolist()
    # 1 stream sends down; 2 send up or down; 3 likewise.
    exchanges = kept[..., 1:].sum((1, 2))
    assert exchanges[exchanges > 0].tolist() == [1, 3, 5]
    assert kept[-1, :, 0].all()


def test_parallel_streams_cost_more_than_one_way_and_less_than_all_routes():
    architecture = RoutingArchitecture(19, gated=False)
    macs = {
        name: classic_path.make(name, architecture, (1024, 2048)).metadata["macs"]
        for name in classic_paths.NAMES
    }
    assert max(macs, key=macs.get) == "hrnet"
    assert max(macs.values()) < cost(architecture, 1024, 2048).macs


@pytest.mark.parametrize(("name", "layers"), [("unet", 5), ("vgg", 8), ("hrnet", 2)])
def test_too_few_layers_or_another_name_are_refused(name, layers):
    architecture = RoutingArchitecture(3, 4, layers)
    make = lambda: classic_path.make(name, architecture, (32, 64))  # noqa: E731
    assert_refused(make, "--path", f"'{name}'", str(layers))
