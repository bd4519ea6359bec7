import dataclasses
import json

import numpy as np
import pytest

from selene_tf.architectures import RoutingArchitecture, routing_path, topology
from selene_tf.errors import UserError
from tests import refusals

METADATA = {
    "num_classes": 3,
    "small_gate": False,
    "gated": True,
    "pooling": "none",
    "channels": 4,
    "images": 7,
    "image_size": [64, 96],
    "rule": "threshold=0.5",
    "counts_gates": True,
    "macs": 1_234_567,
    "parameters": 8_901,
    "supernet_macs": 2_345_678,
    "supernet_parameters": 10_902,
}


def make_path(num_layers=4, seed=0):
    """Random values where there are routes, with the file's six decimals."""
    rng = np.random.default_rng(seed)
    shape = (num_layers + 1, topology.NUM_LEVELS)
    kept, bypassed = np.zeros((*shape, 3), bool), np.zeros(shape, bool)
    mean_gate, open_share = np.zeros((*shape, 3)), np.zeros((*shape, 3))
    for layer, level in topology.cells(num_layers):
        bypassed[layer, level] = level and rng.random() < 0.5
        for route in topology.routes(layer, level, num_layers):
            place = layer, level, topology.ROUTES.index(route)
            kept[place] = rng.random() < 0.5 and not bypassed[layer, level]
            mean_gate[place], open_share[place] = rng.random(2).round(6)
    kept[:, 0, 0] = True
    kept, bypassed = topology.connected(kept, bypassed)
    return routing_path.RoutingPath(
        kept, bypassed, mean_gate, open_share, dict(METADATA)
    )


def write(file, content):
    file.write_text(json.dumps(content), encoding="utf-8")
    return file


@pytest.mark.parametrize("num_layers", [3, 4, 16])
def test_comes_back_from_json_as_it_was(num_layers, tmp_path):
    path = make_path(num_layers)
    back = routing_path.read(write(tmp_path / "path.json", routing_path.to_json(path)))
    assert back.num_layers == num_layers
    assert back.metadata == METADATA
    for name in ("kept", "bypassed", "mean_gate", "open_share"):
        ours, theirs = getattr(back, name), getattr(path, name)
        assert ours.dtype == theirs.dtype
        np.testing.assert_array_equal(ours, theirs, name)


def test_version_3_is_still_read(tmp_path):
    path = make_path(4)
    text = json.dumps(routing_path.to_json(path) | {"version": 3})
    for new, old in (("images", "pictures"), ("bypassed", "passes_input")):
        assert f'"{new}"' in text
        text = text.replace(f'"{new}"', f'"{old}"')
    text = text.replace('"image_size"', '"picture_size"')
    (tmp_path / "path.json").write_text(text)
    back = routing_path.read(tmp_path / "path.json")
    assert back.metadata == METADATA
    np.testing.assert_array_equal(back.bypassed, path.bypassed)


def test_json_says_of_each_cell_what_stays():
    content = routing_path.to_json(path_along("down", "down", "up", "keep"))
    assert content["version"] == 4
    assert len(content["cells"]) == len(topology.cells(4))
    cells = {cell["name"]: cell for cell in content["cells"]}
    cell = cells["cell_02_s16"]
    assert (cell["layer"], cell["level"], cell["stride"]) == (2, 2, 16)
    assert cell["computed"] is True
    assert cell["bypassed"] is False
    is_open = {route: values["open"] for route, values in cell["routes"].items()}
    assert is_open == {"keep": False, "up": True, "down": False}
    assert cells["cell_02_s8"]["computed"] is False


def path_along(*way):
    """Only one way through four layers; it ends at the decoder."""
    kept, cell = np.zeros((5, 4, 3), bool), (0, 0)
    for route in way:
        kept[(*cell, topology.ROUTES.index(route))] = True
        cell = topology.target(*cell, route)
    kept[(*cell, 0)] = True
    nothing = np.zeros(kept.shape)
    return routing_path.RoutingPath(
        kept, np.zeros((5, 4), bool), nothing, nothing, dict(METADATA)
    )


def edited(edit):
    content = routing_path.to_json(make_path())
    edit(content)
    return json.dumps(content)


def set_fact(**metadata):
    return edited(lambda content: content.update(metadata))


def set_cell(number, **values):
    return edited(lambda content: content["cells"][number].update(values))


def set_keep(number, **values):
    return edited(
        lambda content: content["cells"][number]["routes"]["keep"].update(values)
    )


WHOLE = json.dumps(routing_path.to_json(make_path()))


@pytest.mark.parametrize(
    ("content", "words"),
    [
        ("", ()),
        ("no json", ()),
        (WHOLE[: len(WHOLE) // 2], ()),
        (WHOLE + "}", ()),
        ("[" * 100_000, ("brackets",)),
        ("[]", ()),
        ("null", ()),
        ("{}", ("missing",)),
        ("3", ()),
        ('{"version": 4}', ("missing",)),
        # To look for each name in all of them would take hours.
        pytest.param(
            "{" + "".join(f'"{i}": 1, ' for i in range(300_000)) + '"299999": 1}',
            ("'299999'", "twice"),
            id="many keys",
        ),
        ('{"version": 4, "version": 4}', ("version", "twice")),
        (WHOLE.replace('"open": ', '"open": true, "open": ', 1), ("'open'", "twice")),
        (set_fact(num_layers="4"), ("num_layers", "'4'")),
        (set_fact(num_layers=4.0), ("num_layers", "4.0")),
        (set_fact(num_layers=10**12), ("num_layers", "1000")),
        (edited(lambda content: content.update(num_layers=-1, cells=[])), ("-1",)),
        (set_fact(num_layers=5), ("cells", "5 layers")),
        (edited(lambda content: content.pop("macs")), ("macs", "missing")),
        (set_fact(threshold=0.5), ("threshold", "unknown")),
        (set_fact(num_classes=1), ("num_classes", "1")),
        (set_fact(channels=5), ("channels", "5", "even")),
        (set_fact(channels=True), ("channels", "True")),
        (set_fact(small_gate=0), ("small_gate", "0")),
        (set_fact(gated="true"), ("gated", "'true'")),
        (set_fact(pooling="max"), ("pooling", "'max'", "aspp")),
        (set_fact(pooling=["psp"]), ("pooling",)),
        (set_fact(images=0), ("images", "0")),
        (set_fact(image_size=[64]), ("image_size", "[64]")),
        (set_fact(image_size=[64, -1]), ("image_size", "-1")),
        (set_fact(image_size="64"), ("image_size", "'64'")),
        (set_fact(rule=0.5), ("rule", "0.5")),
        (set_fact(macs=1.5), ("macs", "1.5")),
        (set_fact(macs=10**400), ("macs",)),
        (set_fact(parameters=10_903), ("parameters", "supernet_parameters")),
        (set_fact(cells={}), ("cells",)),
        (edited(lambda content: content["cells"].pop()), ("cells", "4 layers")),
        (set_cell(3, level=3), ("cell_02_s4", "level", "3")),
        (set_cell(3, layer=17), ("cell_02_s4", "layer", "17")),
        (set_cell(3, name="cell_03_s4"), ("cell_02_s4", "cell_03_s4")),
        (set_cell(3, stride=8), ("cell_02_s4", "stride", "8")),
        (set_cell(3, computed=False), ("cell_02_s4", "computed", "False")),
        (set_cell(3, bypassed=True), ("cell_02_s4", "passes its input on")),
        (set_cell(3, routes=[1]), ("cell_02_s4", "routes")),
        (set_cell(3, colour="red"), ("cell_02_s4", "colour", "unknown")),
        (edited(lambda content: content["cells"][3].pop("routes")), ("cell_02_s4",)),
        (set_cell(3, routes={"sideways": {}}), ("cell_02_s4", "keep")),
        (set_keep(3, open="no"), ("cell_02_s4", "keep", "'no'")),
        (set_keep(3, mean_gate="x"), ("cell_02_s4", "keep", "mean_gate", "'x'")),
        (set_keep(3, mean_gate=2.0), ("cell_02_s4", "keep", "mean_gate", "2.0")),
        (set_keep(3, open_share=-0.1), ("open_share", "-0.1")),
        (set_keep(3, open_share=float("nan")), ("NaN",)),
        (set_keep(3, mean_gate=float("inf")), ("Infinity",)),
        (set_fact(macs="x" * 10**6), ("macs",)),
    ],
)
def test_a_damaged_or_foreign_file_is_refused_in_one_line(content, words, tmp_path):
    file = tmp_path / "path.json"
    file.write_text(content, encoding="utf-8")
    assert_refused(file, *words)


@pytest.mark.parametrize("version", [1, 2, 5, "4"])
def test_another_version_says_how_to_make_a_new_one(version, tmp_path):
    file = tmp_path / "path.json"
    file.write_text(json.dumps({"version": version}))
    command = "python -m selene_tf.discover_path --run_dir=..."
    assert_refused(file, repr(version), "expected 4", command)


def changed(*cells):
    """One way, along level 0 to 1 and back, with some cells opened or closed."""
    content = routing_path.to_json(path_along("down", "keep", "up", "keep"))
    by_name = {cell["name"]: cell for cell in content["cells"]}
    for name, values in cells:
        cell = by_name[name]
        for route, is_open in values.items():
            if route == "bypassed":
                cell["bypassed"] = is_open
            else:
                cell["routes"][route]["open"] = is_open
        cell["computed"] = any(values["open"] for values in cell["routes"].values())
    return content


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        # Nothing leads there; it leads nowhere; the way is cut.
        ([("cell_03_s16", {"keep": True}), ("cell_04_s16", {"keep": True})], "s16"),
        ([("cell_02_s8", {"down": True})], "cell_02_s8"),
        ([("cell_02_s8", {"keep": True})], "cell_02_s8"),
        ([("cell_02_s8", {"up": False})], "cell_00_s4"),
        ([("cell_04_s4", {"keep": False})], "cell_00_s4"),
        ([("cell_02_s16", {"bypassed": True})], "cell_02_s16"),
    ],
)
def test_what_is_not_connected_is_refused(changes, words, tmp_path):
    assert routing_path.read(write(tmp_path / "path.json", changed())).kept.sum() == 5
    assert_refused(write(tmp_path / "path.json", changed(*changes)), words)


def test_a_path_without_any_route_is_refused(tmp_path):
    content = routing_path.to_json(make_path())
    for cell in content["cells"]:
        cell |= {"computed": False, "bypassed": False}
        for values in cell["routes"].values():
            values["open"] = False
    assert_refused(write(tmp_path / "path.json", content), "no route is open")


def test_a_passing_cell_connects(tmp_path):
    closed = {"up": False, "bypassed": True}
    on = [("cell_03_s8", {"keep": True}), ("cell_04_s8", {"keep": True})]
    behind = [("cell_03_s4", {"keep": False}), ("cell_04_s4", {"keep": False})]
    content = changed(("cell_02_s8", closed), *on, *behind)
    path = routing_path.read(write(tmp_path / "path.json", content))
    assert np.argwhere(path.bypassed).tolist() == [[2, 1]]


def test_bytes_that_are_no_text_are_refused(tmp_path):
    file = tmp_path / "path.json"
    file.write_bytes(b"\x89PNG\r\n\x1a\n\xff\xfe")
    assert_refused(file, "bytes that are no text")


def test_a_missing_file_a_folder_and_a_huge_file_are_refused(tmp_path):
    assert_refused(tmp_path / "nothing.json", "no such file")
    assert_refused(tmp_path, "a folder")
    with open(tmp_path / "huge.json", "wb") as file:
        file.truncate(50_000_001)
    assert_refused(tmp_path / "huge.json", "50,000,000 bytes")


ARCHITECTURE = RoutingArchitecture(num_classes=3, channels=4, num_layers=4)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("num_classes", 11),
        ("channels", 64),
        ("num_layers", 5),
        ("small_gate", True),
        ("gated", False),
        ("pooling", "psp"),
    ],
)
def test_a_path_of_another_network_does_not_fit(name, value):
    path = make_path()
    routing_path.check_fits(path, ARCHITECTURE, "my/path.json")
    other = dataclasses.replace(ARCHITECTURE, **{name: value})
    refusals.assert_refused(
        lambda: routing_path.check_fits(path, other, "my/path.json"),
        "my/path.json",
        f"{name}={getattr(ARCHITECTURE, name)}",
        f"{name}={value}",
    )


def assert_refused(file, *words):
    refusals.assert_refused(lambda: routing_path.read(file), file, *words)
    with pytest.raises(UserError) as caught:
        routing_path.read(file)
    assert len(str(caught.value)) < 500 + len(str(file))
