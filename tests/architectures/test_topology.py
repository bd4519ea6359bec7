import collections

import numpy as np
import pytest

from selene_tf.architectures import topology


def all_routes(num_layers):
    return [
        (layer, level, route)
        for layer, level in topology.cells(num_layers)
        for route in topology.routes(layer, level, num_layers)
    ]


def test_the_pyramid_opens_by_one_level_a_layer():
    counts = collections.Counter(layer for layer, _ in topology.cells(6))
    assert [counts[layer] for layer in range(7)] == [1, 2, 3, 4, 4, 4, 4]


# The official networks, with 16 and 33 layers, whose count leaves out the cell
# behind the stem and its two gates (spec, section 1).
@pytest.mark.parametrize(
    ("num_layers", "cells", "gates"), [(16, 61, 147), (33, 129, 317)]
)
def test_cells_and_gates_are_as_many_as_the_official(num_layers, cells, gates):
    assert len(topology.cells(num_layers)) == cells + 1
    assert len(all_routes(num_layers)) == gates + 2


@pytest.mark.parametrize(
    ("layer", "level", "expected"),
    [
        (0, 0, ("keep", "down")),
        (1, 1, ("keep", "up", "down")),
        (4, 0, ("keep", "down")),
        (4, 2, ("keep", "up", "down")),
        (4, 3, ("keep", "up")),
        (5, 0, ("keep",)),
        (5, 3, ("keep",)),
    ],
)
def test_routes_of_a_cell(layer, level, expected):
    assert topology.routes(layer, level, num_layers=5) == expected


@pytest.mark.parametrize("num_layers", [3, 4, 16])
def test_every_route_before_the_last_layer_leads_to_a_cell(num_layers):
    cells = set(topology.cells(num_layers))
    for layer, level, route in all_routes(num_layers):
        if layer < num_layers:
            assert topology.target(layer, level, route) in cells


@pytest.mark.parametrize("num_layers", [3, 4, 16])
def test_sources_are_the_routes_that_lead_there(num_layers):
    edges = {
        (source, cell)
        for cell in topology.cells(num_layers)
        for source in topology.sources(*cell, num_layers)
    }
    expected = {
        (route, topology.target(*route))
        for route in all_routes(num_layers)
        if route[0] < num_layers
    }
    assert edges == expected


def test_sources_come_finest_level_first():
    assert topology.sources(4, 1, num_layers=5) == [
        (3, 0, "down"),
        (3, 1, "keep"),
        (3, 2, "up"),
    ]
    assert topology.sources(1, 1, num_layers=5) == [(0, 0, "down")]
    assert topology.sources(0, 0, num_layers=5) == []


def test_names_say_layer_and_stride():
    assert [topology.stride(level) for level in range(4)] == [4, 8, 16, 32]
    assert topology.cell_name(3, 1) == "cell_03_s8"
    assert topology.cell_name(12, 3) == "cell_12_s32"


def test_all_routes_are_those_of_each_cell():
    kept = topology.all_routes(4)
    for layer, level in topology.cells(4):
        places = np.flatnonzero(kept[layer, level])
        names = tuple(topology.ROUTES[place] for place in places)
        assert names == topology.routes(layer, level, 4)
    # By hand: 1 + 2 + 3 + 4 + 4 cells; 2 + 5 + 8 + 10 + 4 routes.
    assert kept.any(axis=-1).sum() == 14
    assert kept.sum() == 29
