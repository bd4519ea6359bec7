"""Imports run one way: a room imports rooms on lower floors only.

The floors are ARCHITECTURE.md's.
"""

import ast
import pathlib

import pytest

PACKAGE = pathlib.Path(__file__).parents[1] / "selene_tf"

# The floor of each room; the commands, which lie in the root, are above all of them.
FLOORS = {
    "errors": 0,
    **dict.fromkeys(("config", "architectures", "data/files", "data/scenes"), 1),
    **dict.fromkeys(("cli", "data/augmentation", "data/datasets"), 2),
    **dict.fromkeys(("layers", "losses", "search", "reports"), 2),
    **dict.fromkeys(("networks", "algorithms", "training", "data/pipeline"), 3),
    **dict.fromkeys(("pretrained", "evaluation"), 4),
    "experiment": 5,
    "inference": 6,
    "export": 7,
    **dict.fromkeys(("benchmarking", "studies"), 8),
}
COMMANDS = 9
# Rooms that may know the class `Config`.
KNOW_CONFIG = {"config", "cli", "experiment"}
# A command is flags, one call and one printed line.
MOST_LINES_OF_A_COMMAND = 90

FILES = sorted(PACKAGE.rglob("*.py"))
ROOT_FILES = [file for file in FILES if file.parent == PACKAGE]


def room_of(parts):
    """The room of a module, from the parts of its name after the package's."""
    if parts[0] == "data":
        return "/".join(parts[:2])
    return parts[0]


def owner(file):
    return room_of(file.relative_to(PACKAGE).with_suffix("").parts)


def imported_rooms(file):
    """Rooms of the package that a file imports from."""
    for node in ast.walk(ast.parse(file.read_text())):
        names = []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{file}: imports are absolute"
            names = [f"{node.module}.{name.name}" for name in node.names]
        elif isinstance(node, ast.Import):
            names = [name.name for name in node.names]
        for name in names:
            first, *parts = name.split(".")
            if first == "selene_tf" and parts:
                yield room_of(parts)


@pytest.mark.parametrize("file", FILES, ids=lambda f: str(f.relative_to(PACKAGE)))
def test_a_room_imports_lower_floors_only(file):
    if file.name == "__init__.py" and file.parent == PACKAGE:
        return  # The face of the package; it imports when it is asked.
    own = owner(file)
    floor = FLOORS.get(own, COMMANDS)
    for room in set(imported_rooms(file)) - {own}:
        if room.startswith("__"):
            continue
        assert FLOORS[room] < floor, f"{own} (floor {floor}) imports {room}"


def test_every_room_has_a_floor_and_every_floor_a_room():
    rooms = {owner(file) for file in FILES if file not in ROOT_FILES}
    assert rooms - {"data/__init__"} == set(FLOORS) - {"errors"}


@pytest.mark.parametrize("file", ROOT_FILES, ids=lambda f: f.name)
def test_the_root_holds_what_a_user_types(file):
    assert len(file.read_text().splitlines()) <= MOST_LINES_OF_A_COMMAND
    if file.name not in ("__init__.py", "errors.py"):
        assert "command.run(" in file.read_text(), "a command, or a file for a room"


@pytest.mark.parametrize("folder", ["layers", "networks", "architectures", "losses"])
def test_what_runs_on_every_backend_imports_tensorflow_inside_functions_only(folder):
    for file in (PACKAGE / folder).glob("*.py"):
        for node in ast.parse(file.read_text()).body:
            if isinstance(node, ast.Import):
                names = [name.name for name in node.names]
            elif isinstance(node, ast.ImportFrom):
                names = [node.module]
            else:
                continue
            assert not any(name.split(".")[0] == "tensorflow" for name in names), file


def test_a_config_is_read_in_experiment_alone():
    """Only flags and experiment know the class; nothing else has a `config.`."""
    for file in FILES:
        if owner(file) in KNOW_CONFIG:
            continue
        names = {
            node.value.id
            for node in ast.walk(ast.parse(file.read_text()))
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name)
        }
        assert "config" not in names, file
