import contextlib
import pickle
import zipfile

import numpy as np
import pytest

from selene_tf.pretrained import torch_checkpoint
from tests.pretrained import torch_zips
from tests.pretrained.torch_zips import (
    WEIGHTS,
    Raw,
    View,
    assert_same,
    constant,
    read_back,
    text,
)
from tests.refusals import assert_refused


@pytest.fixture
def refused(tmp_path):
    """Asserts that a checkpoint of this content is refused with these words."""

    def check(content, *words):
        file = tmp_path / "weights.pth"
        torch_zips.save(file, content)
        assert_refused(lambda: torch_checkpoint.read(file), file, *words)

    return check


def shell(command):
    """Arguments of os.system and the like."""
    return b"(" + text(command) + b"t"


def harmful(canary):
    """Name -> (instructions that make the canary when run, word of the refusal)."""
    command, code = f"touch {canary}", f"open({str(canary)!r}, 'w')"
    system = constant("posix", "system")
    ordered = constant("collections", "OrderedDict") + b")R"
    # An OrderedDict takes attributes, and the second BUILD calls the first's.
    setstate = b"}" + text("__setstate__") + system + b"s" + b"b" + text(command) + b"b"
    return {
        "reduce": (system + shell(command) + b"R", "posix.system"),
        "eval": (
            constant("builtins", "eval") + shell(code) + b"R",
            "builtins.eval",
        ),
        "stack_global": (
            text("posix") + text("system") + b"\x93" + shell(command) + b"R",
            "posix.system",
        ),
        "inst": (
            b"(" + text(command) + b"iposix\nsystem\n",
            "INST posix system",
        ),
        "obj": (b"(" + system + text(command) + b"o", "posix.system"),
        "build": (ordered + setstate, "posix.system"),
        "nested": (
            b"}" + text("model") + b"}" + text("a")
            + system + shell(command) + b"R" + b"ss",
            "posix.system",
        ),
    }  # fmt: skip


@pytest.mark.parametrize("name", list(harmful("canary")))
def test_a_harmful_pickle_is_refused_and_not_run(tmp_path, name):
    canary = tmp_path / "canary"
    instructions, word = harmful(canary)[name]
    run_by_python(b"\x80\x02" + instructions + b".")
    assert canary.exists(), "they do no harm, so the test would show nothing"
    canary.unlink()
    file = tmp_path / "weights.pth"
    weights = {"a": WEIGHTS["first.bias"], "b": Raw(instructions)}
    for content in (Raw(instructions), weights, {"model": WEIGHTS, "other": weights}):
        torch_zips.save(file, content)
        assert_refused(
            lambda: torch_checkpoint.read(file), file, word, "nothing of it was"
        )
        assert not canary.exists()


def run_by_python(program):
    # What goes wrong afterwards, such as a state that is no dict, is no matter.
    with contextlib.suppress(TypeError, AttributeError, pickle.UnpicklingError):
        pickle.loads(program)


@pytest.mark.parametrize(
    ("instructions", "name"),
    [(b")\x81", "NEWOBJ"), (b")}\x92", "NEWOBJ_EX"), (b"P0\n", "PERSID 0")],
)
def test_other_instructions_are_refused(refused, instructions, name):
    made = constant("collections", "OrderedDict") + instructions
    refused({"a": Raw(made)}, f"instruction '{name}'", "nothing of it was run")


@pytest.mark.parametrize(
    "instruction",
    [b"\x82\x01", b"\x83\x01\x00", b"\x84\x01\x00\x00\x00"],
    ids=["EXT1", "EXT2", "EXT4"],
)
def test_the_extension_registry_is_not_asked(refused, instruction):
    refused({"a": Raw(instruction + b")R")}, "EXT", "nothing of it was run")


def test_attributes_of_our_own_functions_cannot_be_set(tmp_path):
    function = constant("torch._utils", "_rebuild_tensor_v2")
    # What a pickle gives as (state, slots) are attributes that are set.
    state = Raw(function + b"N}" + text("__defaults__") + b"(K\x01t" + b"s\x86b")
    assert_same(read_back(tmp_path, {"model": WEIGHTS, "x": state}), WEIGHTS)
    assert_same(read_back(tmp_path, {"model": WEIGHTS}), WEIGHTS)


@pytest.mark.parametrize(
    "instructions",
    [
        text("a") + b")R",
        b"}" + constant("torch", "FloatStorage") + b"s.",
        constant("torch", "FloatStorage") + b")R",
        b"\x85" * 3,
        b"u",
        b"}(" + text("a") + b"u",
        b"h\x05",
        b"(N)Q",
        text("storage") + b"Q",
        constant("torch._utils", "_rebuild_tensor_v2") + b")R",
        constant("torch._utils", "_rebuild_tensor_v2") + b"(NNNNt" + b"R",
        constant("collections", "OrderedDict") + b"(]tR",
        b"\x8a\xff\x01",
        b"\xff",
    ],
)
def test_a_pickle_that_makes_no_sense_is_refused(refused, instructions):
    refused({"a": Raw(instructions)}, "found")


def test_a_huge_memo_number_takes_no_memory(tmp_path):
    weights = {"a": WEIGHTS["first.bias"], "b": Raw(b"Nr\xff\xff\xff\xff")}
    assert list(read_back(tmp_path, weights)) == ["a"]


def test_nested_tuples_as_a_key_take_no_time(tmp_path):
    # Hashing 2 ** 60 elements would not end.
    key = Raw(b")" + b"q\x01h\x01\x86" * 60)
    assert list(read_back(tmp_path, {"a": WEIGHTS["first.bias"], key: 1})) == ["a"]


# Sizes that do not fit.

NUMBERS = np.arange(10, dtype="float32")


@pytest.mark.parametrize(
    "view",
    [
        View("0", NUMBERS, 0, (11,), (1,)),
        View("0", NUMBERS, 1, (10,), (1,)),
        View("0", NUMBERS, 10, (1,), (1,)),
        View("0", NUMBERS, 11, (), ()),
        View("0", NUMBERS, 0, (2, 2), (9, 1)),
        View("0", NUMBERS, 2**62, (2,), (2**62,)),
        View("0", NUMBERS, 0, (2**40, 2**40), (1, 1)),
    ],
)
def test_a_tensor_outside_of_its_storage_is_refused(refused, view):
    refused({"a": view}, "of a storage of 10 numbers")


@pytest.mark.parametrize(
    "view",
    [
        View("0", NUMBERS, -1, (2,), (1,)),
        View("0", NUMBERS, 5, (2,), (-1,)),
        View("0", NUMBERS, 0, (-2,), (1,)),
        View("0", NUMBERS, 2**70, (2,), (1,)),
        View("0", NUMBERS, 0, (2,), (1, 1)),
        View("0", NUMBERS, 0, (1.0,), (1,)),
        View("0", NUMBERS, 0, (True,), (1,)),
        View("0", NUMBERS, 0, "2", (1,)),
        View("0", NUMBERS, 0, (1,) * 33, (1,) * 33),
        View("0", NUMBERS, 0, (1,), (1,), size=-10),
        View("0", NUMBERS, None, (1,), (1,)),
    ],
)
def test_impossible_sizes_are_refused(refused, view):
    refused({"a": view}, "damaged pickle", "sizes")


def test_a_harmful_plain_pickle_is_refused_and_not_run(tmp_path):
    canary, file = tmp_path / "canary", tmp_path / "weights.pkl"
    file.write_bytes(b"\x80\x02" + harmful(canary)["reduce"][0] + b".")
    assert_refused(lambda: torch_checkpoint.read(file), file, "plain pickle")
    assert not canary.exists()


def test_what_stands_beside_the_weights_is_passed_over(tmp_path):
    counter = constant("collections", "Counter") + b"}J\x05\x00\x00\x00K\x01s\x85R"
    device = constant("torch", "device") + text("cpu") + b"\x85R"
    beside = {"milestones": Raw(counter), "device": Raw(device), "lr": [0.1, None]}
    assert_same(read_back(tmp_path, {"model": WEIGHTS, "other": beside}), WEIGHTS)


def test_newer_pickle_protocols_are_read(tmp_path):
    writer = torch_zips.Writer()
    tensor = writer.value(WEIGHTS["first.bias"])
    stacked = b"\x8c\x0bcollections\x94\x8c\x0bOrderedDict\x94\x93\x94)R\x94"
    program = b"\x80\x04" + stacked + text("first.bias") + tensor + b"s."
    entries = {
        "x/data.pkl": program,
        "x/data/0": WEIGHTS["first.bias"].tobytes(),
    }
    torch_zips.save_entries(tmp_path / "w.pth", entries)
    arrays = torch_checkpoint.read(tmp_path / "w.pth")
    np.testing.assert_array_equal(arrays["first.bias"], WEIGHTS["first.bias"])


def test_random_pickles_end_in_one_line_or_in_tensors(tmp_path):
    file = tmp_path / "weights.pth"
    torch_zips.save(file, {"model": WEIGHTS})
    with zipfile.ZipFile(file) as archive:
        entries = {name: archive.read(name) for name in archive.namelist()}
    rng = np.random.default_rng(0)
    for _ in range(500):
        program = bytearray(entries["archive/data.pkl"])
        for position in rng.integers(0, len(program), 3):
            program[position] = rng.integers(0, 256)
        torch_zips.save_entries(file, entries | {"archive/data.pkl": bytes(program)})
        try:
            torch_checkpoint.read(file)
        except ValueError:
            assert_refused(lambda: torch_checkpoint.read(file), file, "found")


@pytest.mark.parametrize(
    ("size", "words"),
    [
        (11, ("found 40 bytes", "expected 44")),
        (9, ("found 40 bytes", "at most 36")),
        (2**29, ("found 40 bytes", f"expected {2**31}")),
    ],
)
def test_a_storage_of_another_size_is_refused(refused, size, words):
    refused({"a": View("0", NUMBERS, 0, (5,), (1,), size=size)}, "data/0", *words)


@pytest.mark.parametrize(
    "view",
    [
        View("0", NUMBERS, 0, (2**31,), (0,)),
        View("0", NUMBERS, 0, (2**40, 2**40), (0, 0)),
        View("0", NUMBERS, 0, (1,), (1,), size=2**40),
    ],
)
def test_more_than_the_memory_allows_is_refused(refused, view):
    refused({"a": view}, f"more than {2**32} bytes", "state_dict alone")
