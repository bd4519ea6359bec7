import numpy as np

from selene_tf.architectures import topology
from selene_tf.evaluation import routing_use


def test_levels_that_nothing_reaches_are_not_used():
    """Two images: all routes of the first, of the second the finest level alone."""
    everything = topology.all_routes(num_layers=4).astype(float)
    finest = np.zeros_like(everything)
    finest[:, 0, 0] = 1
    levels = routing_use.levels(np.stack([everything, finest]))
    assert [levels[f"stride_{s}"]["images"] for s in (4, 8, 16, 32)] == [
        1,
        0.5,
        0.5,
        0.5,
    ]
    # Five layers; the coarser levels begin one layer later each.
    assert [levels[f"stride_{s}"]["cells"] for s in (4, 8, 16, 32)] == [5, 2, 1.5, 1]


def test_behind_closed_cells_coarser_levels_begin_later():
    gates = topology.all_routes(num_layers=4).astype(float)[None]
    # Both pass their input on along the finest level.
    gates[0, 0, 0] = gates[0, 1, 0] = 0
    levels = routing_use.levels(gates)
    assert [levels[f"stride_{s}"]["cells"] for s in (4, 8, 16, 32)] == [3, 2, 1, 0]
    assert levels["stride_32"]["images"] == 0


def test_every_image_is_in_the_histogram():
    histogram = routing_use.histogram([0, 0.049, 0.05, 0.5, 1.0])
    assert sum(histogram["images"]) == 5
    assert histogram["images"][0] == 2
    assert histogram["images"][-1] == 1
    assert histogram["edges"][0] == 0
    assert histogram["edges"][-1] == 1
