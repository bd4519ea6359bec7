"""Whatever a file holds, it is read or refused in one line."""

import json

import hypothesis
import pytest
from hypothesis import strategies

from selene_tf.data.datasets import dataset_info, description_file
from selene_tf.errors import UserError


def assert_read_or_refused(path):
    info, message = None, ""
    try:
        info = description_file.read(path)
    except UserError as error:
        message = str(error)
    if info is None:
        assert str(path) in message
        assert "\n" not in message
        return
    assert isinstance(info, dataset_info.DatasetInfo)
    count = info.num_classes
    assert count == len(info.colours) == len(set(info.colours)) >= 2
    assert {*range(count), 255} == {*info.labels.ids.values()}
    assert {*range(count), 255} >= {*info.labels.colours.values()}


def write(folder, name, content):
    path = folder / name
    path.write_bytes(content)
    return path


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("fuzz")


TEXTS = strategies.text(max_size=40)
BYTES = strategies.integers(-1, 257)
SCALARS = strategies.one_of(
    strategies.none(), strategies.booleans(), BYTES, strategies.floats(), TEXTS
)
ANYTHING = strategies.recursive(
    SCALARS,
    lambda inner: strategies.one_of(
        strategies.lists(inner, max_size=4),
        strategies.dictionaries(TEXTS, inner, max_size=4),
    ),
    max_leaves=8,
)


def mostly(good):
    """Rarely something else, so that not every file fails at its first key."""
    return strategies.integers(0, 31).flatmap(lambda n: good if n else ANYTHING)


MEANINGS = strategies.sampled_from(["road", "building", "ignore", 0, 1])
COLOURS = strategies.lists(BYTES, min_size=3, max_size=3)
TABLES = {
    "label_map": BYTES.map(str),
    "mask_colours": COLOURS.map(lambda colour: ",".join(map(str, colour))),
}
CONTENTS = strategies.fixed_dictionaries(
    {"class_names": mostly(strategies.just(["road", "building"]))},
    optional={
        "colours": mostly(strategies.lists(COLOURS, min_size=2, max_size=2)),
        "ignore_label": mostly(BYTES),
        **{
            key: mostly(
                strategies.dictionaries(keys, mostly(MEANINGS), min_size=3, max_size=8)
            )
            for key, keys in TABLES.items()
        },
    },
)


@hypothesis.given(CONTENTS)
def test_any_values_under_the_keys_are_read_or_refused(folder, content):
    assert_read_or_refused(write(folder, "dataset.json", json.dumps(content).encode()))


@hypothesis.given(ANYTHING)
def test_any_json_is_read_or_refused(folder, content):
    assert_read_or_refused(write(folder, "dataset.json", json.dumps(content).encode()))


@hypothesis.given(
    strategies.sampled_from(["", 'class_names = ["a", "b"]\n', "[label_map]\n"]),
    strategies.one_of(strategies.binary(), strategies.text().map(str.encode)),
)
def test_any_text_is_read_or_refused(folder, start, content):
    for name in ("dataset.toml", "dataset.json"):
        assert_read_or_refused(write(folder, name, start.encode() + content))
