import json
import pathlib

import pytest

from selene_tf.architectures import architecture_file
from tests.refusals import assert_refused

FOLDER = pathlib.Path(__file__).parents[2] / "configs/architectures"
FILES = sorted(FOLDER.glob("*.json"))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.stem)
def test_a_file_comes_back_as_it_was(file, tmp_path):
    architecture = architecture_file.read(file, 11)
    again = tmp_path / "again.json"
    again.write_text(json.dumps(architecture_file.to_json(architecture)))
    assert architecture_file.read(again, 11) == architecture
    assert architecture.num_classes == 11


def test_there_are_five_published_ones():
    assert len(FILES) == 5


@pytest.mark.parametrize(
    ("name", "change", "words"),
    [
        ("auxiliary_arch0", {"version": 2}, ["version 2", "not 1"]),
        ("auxiliary_arch0", {"kind": "unet"}, ["kind", "'unet'"]),
        ("auxiliary_arch0", {"cell": [8]}, ["cell"]),
        ("auxiliary_arch0", {"cell": [11, *[[0, 0, 0, 0]] * 3]}, ["11", "0 to 10"]),
        ("auxiliary_arch0", {"cell": [8, *[[0, 2, 0, 0]] * 3]}, ["layer 1", "0 to 1"]),
        ("auxiliary_arch0", {"cell": [True, *[[0, 0, 0, 0]] * 3]}, ["True"]),
        ("auxiliary_arch0", {"connections": [[3, 3]]}, ["connections", "3"]),
        ("auxiliary_arch0", {"connections": [[4, 0]] * 3}, ["connection 1", "0 to 3"]),
        ("auxiliary_arch0", {"channels": 10**9}, ["channels"]),
        ("auxiliary_arch0", {"repeats": 0}, ["repeats"]),
        ("auxiliary_arch0", {"operations": ["conv1x1"]}, ["operations"]),
        ("auxiliary_arch0", {"more": 1}, ["'more' is unknown"]),
        ("auxiliary_arch0", {"first_block": "other"}, ["first_block"]),
        ("templates_arch0", {"templates": [[0, 0, 2]] * 3}, ["template 1", "0 to 1"]),
        ("templates_arch0", {"structure": [[0, 0, 0, 0, 0]]}, ["structure", "7"]),
        ("templates_arch0", {"structure": [[2, 0, 0, 0, 0]] * 7}, ["block 1"]),
        ("templates_arch0", {"structure": [[0, 0, 0, 4, 0]] * 7}, ["block 1"]),
        ("templates_arch0", {"structure": [[0, 0, 0, 0, 1]] * 7}, ["block 4"]),
        ("templates_arch0", {"aggregations": ["cat", "psum"]}, ["aggregations"]),
    ],
)
def test_what_no_network_could_be_built_from_is_refused(tmp_path, name, change, words):
    content = json.loads((FOLDER / f"{name}.json").read_text())
    file = tmp_path / "other.json"
    file.write_text(json.dumps(content | change))
    assert_refused(lambda: architecture_file.read(file, 11), file, *words)


@pytest.mark.parametrize("content", ["", "{", "[]", "null", '{"version": 1}'])
def test_a_damaged_file_is_one_line(tmp_path, content):
    file = tmp_path / "damaged.json"
    file.write_text(content)
    assert_refused(lambda: architecture_file.read(file, 11), file)
    missing = tmp_path / "none.json"
    assert_refused(lambda: architecture_file.read(missing, 11), missing)
