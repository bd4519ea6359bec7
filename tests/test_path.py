import json

import numpy as np
import pytest

from selene_tf import path as paths
from selene_tf import topology
from selene_tf.errors import UserError

FACTS = {
    "num_classes": 3,
    "small_gate": False,
    "gated": True,
    "pooling": "none",
    "channels": 4,
    "pictures": 7,
    "picture_size": [64, 96],
    "threshold": 0.5,
    "macs": 1_234_567,
    "parameters": 8_901,
    "supernet_macs": 2_345_678,
    "supernet_parameters": 10_902,
}


def make_path(num_layers=4, seed=0):
    """Random values where there are routes, with the file's six decimals."""
    rng = np.random.default_rng(seed)
    shape = (num_layers + 1, topology.NUM_LEVELS)
    kept, passing = np.zeros((*shape, 3), bool), np.zeros(shape, bool)
    mean_gate, open_share = np.zeros((*shape, 3)), np.zeros((*shape, 3))
    for layer, level in topology.cells(num_layers):
        passing[layer, level] = rng.random() < 0.5
        for route in topology.routes(layer, level, num_layers):
            place = layer, level, topology.ROUTES.index(route)
            kept[place] = rng.random() < 0.5
            mean_gate[place], open_share[place] = rng.random(2).round(6)
    return paths.Path(kept, passing, mean_gate, open_share, dict(FACTS))


def write(file, content):
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


@pytest.mark.parametrize("num_layers", [3, 4, 16])
def test_comes_back_from_json_as_it_was(num_layers, tmp_path):
    path = make_path(num_layers)
    back = paths.read(write(tmp_path / "path.json", paths.to_json(path)))
    assert back.num_layers == num_layers
    assert back.facts == FACTS
    for name in ("kept", "passing", "mean_gate", "open_share"):
        ours, theirs = getattr(back, name), getattr(path, name)
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs, name)


def test_json_says_of_each_cell_what_stays():
    path = make_path()
    path.kept[2, 1], path.passing[2, 1] = (True, False, True), False
    content = paths.to_json(path)
    assert len(content["cells"]) == len(topology.cells(4))
    cell = {cell["name"]: cell for cell in content["cells"]}["cell_02_s8"]
    assert (cell["layer"], cell["level"], cell["stride"]) == (2, 1, 8)
    assert cell["computed"] is True
    assert cell["passes_input"] is False
    is_open = {route: values["open"] for route, values in cell["routes"].items()}
    assert is_open == {"keep": True, "up": False, "down": True}


def edited(edit):
    content = paths.to_json(make_path())
    edit(content)
    return json.dumps(content)


WHOLE = json.dumps(paths.to_json(make_path()))


@pytest.mark.parametrize(
    "content",
    [
        "",
        "no json",
        WHOLE[: len(WHOLE) // 2],
        "[]",
        "null",
        "{}",
        "3",
        '{"version": 2}',
        edited(lambda content: content.update(version=1)),
        edited(lambda content: content.update(num_layers="4")),
        edited(lambda content: content["cells"][3].update(level=3)),
        edited(lambda content: content["cells"][3].update(layer=17)),
        edited(lambda content: content["cells"][3].pop("routes")),
        edited(lambda content: content["cells"][3]["routes"].update(sideways={})),
        edited(lambda content: content["cells"][3]["routes"]["keep"].pop("open")),
        edited(
            lambda content: content["cells"][3]["routes"]["keep"].update(mean_gate="x")
        ),
        edited(
            lambda content: content["cells"][3]["routes"]["keep"].update(mean_gate=2.0)
        ),
        edited(lambda content: content["cells"][3]["routes"]["keep"].update(open="no")),
        edited(lambda content: content["cells"][3].update(routes=[1])),
        edited(lambda content: content["cells"].pop()),
        edited(lambda content: content.update(num_layers=10**12)),
        edited(lambda content: content.update(num_layers=-1, cells=[])),
        edited(lambda content: content.pop("macs")),
        WHOLE.replace('"mean_gate": 0', '"mean_gate": NaN, "was": 0', 1),
    ],
)
def test_a_damaged_or_foreign_file_is_refused_in_one_line(content, tmp_path):
    file = tmp_path / "path.json"
    file.write_text(content, encoding="utf-8")
    assert_refused(file)


def test_bytes_that_are_no_text_are_refused(tmp_path):
    file = tmp_path / "path.json"
    file.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    assert_refused(file)


def test_a_missing_file_and_a_folder_are_refused(tmp_path):
    assert_refused(tmp_path / "nothing.json")
    assert_refused(tmp_path)


def assert_refused(file):
    with pytest.raises(UserError) as caught:
        paths.read(file)
    message = str(caught.value)
    assert str(file) in message
    assert "\n" not in message
