import numpy as np
import pytest

from selene_tf.data.pipeline.sources import MemorySource
from selene_tf.experiment import gates
from selene_tf.networks import dynamic_routing
from tests.checks import randomize

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture(scope="module")
def network():
    network = dynamic_routing.build(3, channels=4, num_layers=3)
    randomize(network, seed=0)
    return network


@pytest.fixture(scope="module")
def sources():
    """Three labelled and five unlabelled images, the latter of another size."""
    rng = np.random.default_rng(0)
    return [
        MemorySource(
            rng.integers(0, 256, (count, *size, 3), dtype=np.uint8),
            np.zeros((count, *size), np.uint8),
        )
        for count, size in ((3, (32, 64)), (5, (64, 32)))
    ]


def test_each_image_of_all_sources_has_its_gates_and_size(network, sources):
    found, sizes = gates.collect(network, [sources[0], None, sources[1]])
    assert sizes.tolist() == [[32, 64]] * 3 + [[64, 32]] * 5
    assert found.shape == (8, 4, 4, 3)
    image = sources[1].read(np.int64(4))["image"].numpy().astype("float32")
    expected = np.asarray(network(image[None])["gates"])[0]
    np.testing.assert_allclose(found[7], expected, rtol=1e-4, atol=1e-5)
    assert np.ptp(found, axis=0).max() > 0.01, "of use where images differ"


def test_few_of_many_are_spread_over_all(network, sources):
    found, sizes = gates.collect(network, sources, max_images=3)
    every, _ = gates.collect(network, sources)
    assert sizes.tolist() == [[32, 64], [64, 32], [64, 32]]
    np.testing.assert_array_equal(found, every[[0, 3, 7]])
