"""Whatever a flagfile holds, it is a configuration or refused in one line."""

import contextlib
import dataclasses
import math
from typing import Literal, get_args, get_origin

import hypothesis
import pytest
from hypothesis import strategies

from selene_tf.cli import flagfile
from selene_tf.config import Config
from selene_tf.config.text import to_text
from selene_tf.errors import UserError
from selene_tf.training import run_folder

RIGHT = {
    int: ["0", "1", "2", "16", "100", "5000", "0x10", "+4", "1_000"],
    float: ["0", "0.5", "1", "1e-4", "100.0", "-0.0", "1e308", "5e-324", "1_0.5"],
    bool: ["true", "false", "True", "0", "1"],
    str: ["", "some/folder", "a b", "ü/日", "a=b", "--x", "../..", "/", "~", "%s{x}"],
    tuple: ["", "96,160", "64,64", "1,2", "0.5,1", "a,b", "train,val", " 32 , 64 "],
}
WRONG_NUMBERS = (
    *("nan", "-nan", "inf", "-inf", "1e999", "-1", "five", "5.5", "None", "null", "-"),
    *("9" * 400, "9" * 5000, "0x" + "f" * 5000, "0x" + "f" * 400, "²", "5 # why", "#"),
    *("'5'", '"5"', ",", ",,1,", "1;2", "[]", "1e400,1", "nan,1"),
)
WRONG_TEXTS = (
    *("\0", "a\0b", "\x0b", "\x1c", "\x85", "\u2028", "a\u2028,b", "\ufeff", "a\rb"),
    *("a/ /", "x/.", "a /. ", "a\x1c/", "x" * 300, "x/" * 3000, "/dev/null/x", "\\"),
    *("loop", "loop/x", "other.cfg", "other.cfg/x", "~nobody/x", "tfds:", "tfds:a b"),
    *('"a b"', '"a,b",c', '"', '""', "a,b # c", 'a,"b', " a", "*"),
)
OTHER_LINES = (
    *("", " ", "\t", "# a comment", " # indented", "// another", "#", "--", "-", "---"),
    *(
        "steps",
        "steps=5",
        "word",
        "- -steps=5",
        "--stpes=5",
        "--no",
        "--=",
        "--=5",
        "=",
    ),
    *("--help", "--helpfull", "--version", "--v=1", "--undefok=a", "--undefok", "\0"),
    *("--flagfile", "-flagfile", "--flagfile=", "-flagfile=", "--flagfile=\0"),
    *("--flagfile=some.cfg", " --flagfile=some.cfg", "--flagfile=circle.cfg"),
    *("--flagfile=other.cfg", "-flagfile=other.cfg", "--flagfile other.cfg"),
    *("--flagfile=nowhere.cfg", "--flagfile=/", "--flagfile=~nobody/x", "\ufeff"),
    *("--flagfile=loop", "--flagfile=" + "x" * 300, " --flagfile=nul\0", "--flip=no=1"),
)
FIELDS = {field.name: field for field in dataclasses.fields(Config)}
# Of these some are made absolute, if there is such a file.
PATHS = ("run_dir", "data_dir", "dataset_file", "labelled_list", "validation_list")
FOLDER = strategies.sampled_from(["--dataset=folder", "--dataset=camvid"])


def right_values(field):
    kind = get_origin(field.type) or field.type
    values = get_args(field.type) if kind is Literal else RIGHT[kind]
    return strategies.sampled_from([to_text(field.default), *values])


def flag_lines(values_of, names=tuple(FIELDS)):
    """Lines of a flag and a value that the function of its field makes."""
    fields = strategies.sampled_from([FIELDS[name] for name in names])
    return fields.flatmap(
        lambda field: values_of(field).map(f"--{field.name}={{}}".format)
    )


RIGHT_LINES = flag_lines(right_values)
WRONG_LINES = strategies.one_of(
    flag_lines(lambda _: strategies.sampled_from(WRONG_NUMBERS)),
    flag_lines(lambda _: strategies.sampled_from(WRONG_TEXTS)),
    flag_lines(lambda _: strategies.sampled_from(WRONG_TEXTS), PATHS),
    flag_lines(lambda _: strategies.text(max_size=12), PATHS),
    strategies.builds(
        "{}{}".format,
        strategies.sampled_from(["--", "-", "--no", "-no", "no", "--flip ", " --"]),
        strategies.sampled_from([*FIELDS]),
    ),
    strategies.sampled_from(OTHER_LINES),
    strategies.text(max_size=12),
)
# Of these a configuration is made, if nothing refuses them.
NUMBERS = [name for name, field in FIELDS.items() if field.type is int]
HAZARDS = strategies.one_of(
    flag_lines(lambda _: strategies.sampled_from(WRONG_TEXTS), ["run_dir"]),
    flag_lines(lambda _: strategies.sampled_from(WRONG_TEXTS), PATHS),
    flag_lines(lambda _: strategies.sampled_from(WRONG_NUMBERS), NUMBERS),
)


def flagfiles(lines):
    ends = strategies.sampled_from(["\n", "\n", "\r\n", "\r", "\n\n"])
    join = strategies.builds(lambda end, lines: end.join([*lines, ""]), ends, lines)
    return join.map(lambda text: text.encode("utf-8", "surrogatepass"))


CONTENTS = strategies.one_of(
    flagfiles(strategies.lists(RIGHT_LINES, max_size=4)),
    flagfiles(strategies.lists(WRONG_LINES, min_size=1, max_size=1)),
    flagfiles(strategies.lists(WRONG_LINES | RIGHT_LINES, max_size=5)),
    flagfiles(strategies.tuples(FOLDER, HAZARDS)),
    flagfiles(strategies.tuples(FOLDER, WRONG_LINES, RIGHT_LINES)),
    strategies.binary(max_size=40),
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """The working folder, with a flagfile that others include."""
    folder = tmp_path_factory.mktemp("fuzz")
    (folder / "other.cfg").write_text("--steps=7000\n--channels=32\n")
    (folder / "circle.cfg").write_text("--flagfile=some.cfg\n--momentum=0.5\n")
    (folder / "loop").symlink_to("loop")
    with contextlib.chdir(folder):
        yield folder


def assert_configuration_or_refused(path):
    config, message = None, ""
    try:
        config = flagfile.from_flagfile(path)
    except UserError as error:
        message = str(error)
    if config is None:
        assert message
        assert "\n" not in message
        return
    assert_finite(config)
    copy = path.with_name("copy.cfg")
    text = flagfile.to_flagfile(config)
    run_folder.write_text(copy, text)
    again = flagfile.from_flagfile(copy)
    assert again == config
    assert flagfile.to_flagfile(again) == text


def assert_finite(config):
    for value in dataclasses.asdict(config).values():
        for part in value if isinstance(value, tuple) else (value,):
            assert isinstance(part, str) or math.isfinite(part)


@hypothesis.given(content=CONTENTS)
def test_any_flagfile_is_a_configuration_or_refused(folder, content):
    path = folder / "some.cfg"
    path.write_bytes(content)
    assert_configuration_or_refused(path)
