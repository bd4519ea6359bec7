"""A damaged path.json is read or refused in one line, whatever was damaged."""

import json
import pathlib
import tempfile

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from selene_tf.architectures import routing_path, topology
from selene_tf.architectures.routing import RoutingArchitecture
from selene_tf.errors import UserError
from selene_tf.search import discover


def path_of_everything():
    """The text of a path of all routes."""
    kept = topology.all_routes(4)
    path = discover.as_path(
        0.5 * kept[None],
        kept,
        np.zeros(kept.shape[:2], bool),
        RoutingArchitecture(num_classes=3, channels=4, num_layers=4),
        (32, 64),
        "by hand",
    )
    return json.dumps(routing_path.to_json(path))


TEXT = path_of_everything()
VALUES = st.one_of(
    *(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=3)),
    *(st.builds(list), st.builds(dict)),
    st.sampled_from([0, 1, 1.0, -1, 2**70, "keep"]),
)


@given(data=st.data())
def test_a_damaged_value_anywhere_is_accepted_or_refused_in_one_line(data):
    content = json.loads(TEXT)
    for _ in range(data.draw(st.integers(1, 3))):
        damage(content, data)
    read_or_refuse(json.dumps(content).encode())


def damage(content, data):
    """Replaces, removes or adds something, at a depth that is drawn."""
    while True:
        keys = list(content) if isinstance(content, dict) else range(len(content))
        key = data.draw(st.sampled_from(keys)) if keys else None
        below = content[key] if keys else None
        if not isinstance(below, dict | list) or data.draw(st.booleans()):
            break
        content = below
    action = data.draw(st.sampled_from(["replace", "remove", "add"]))
    if action == "remove" and keys:
        del content[key]
    elif action == "replace" and keys:
        content[key] = data.draw(VALUES)
    elif isinstance(content, dict):
        content[data.draw(st.text(max_size=3))] = data.draw(VALUES)
    else:
        content.append(data.draw(VALUES))


@given(st.integers(0, len(TEXT) - 1), st.binary(max_size=4), st.integers(0, 4))
def test_damaged_bytes_are_accepted_or_refused_in_one_line(place, new, length):
    content = TEXT.encode()
    read_or_refuse(content[:place] + new + content[place + length :])


def read_or_refuse(content):
    with tempfile.TemporaryDirectory() as folder:
        file = pathlib.Path(folder) / "path.json"
        file.write_bytes(content)
        message, path = "", None
        try:
            path = routing_path.read(file)
        except UserError as error:
            message = str(error)
    if path is None:
        assert str(file) in message
        assert len(message.splitlines()) == 1
    else:
        assert path.kept.any()
        assert routing_path.METADATA == path.metadata.keys()
