import dataclasses
import functools
import pathlib

import pytest
from absl import flags

from selene_tf.cli import flagfile
from selene_tf.config import Config
from selene_tf.errors import UserError
from tests.refusals import assert_refused

CONFIGS = sorted((pathlib.Path(__file__).parents[2] / "configs").glob("*.cfg"))


def parse(*arguments):
    values = flags.FlagValues()
    flags.DEFINE_string("flagfile", "", "", flag_values=values)
    flagfile.define_flags(values)
    return flagfile.parse(values, ["train.py", *arguments])


def written(tmp_path, text):
    file = tmp_path / "some.cfg"
    file.write_text(text)
    return f"--flagfile={file}"


@pytest.mark.parametrize("file", CONFIGS, ids=lambda file: file.name)
def test_every_shipped_configuration_parses_and_round_trips(
    file, tmp_path, monkeypatch
):
    monkeypatch.chdir(file.parents[1])
    config = flagfile.from_flagfile(file)
    copy = tmp_path / "config.cfg"
    copy.write_text(flagfile.to_flagfile(config))
    assert flagfile.from_flagfile(copy) == config


def test_there_is_a_configuration_for_each_of_the_promised_runs():
    names = {file.stem for file in CONFIGS}
    assert names >= {"demo", "camvid", "camvid_small", "cityscapes", "pascal_voc"}


@pytest.mark.parametrize("name", ["cityscapes", "pascal_voc"])
def test_the_papers_configurations_hold_the_papers_settings(name):
    file = next(file for file in CONFIGS if file.stem == name)
    config = flagfile.from_flagfile(file)
    crop, batch = {"cityscapes": (800, 8), "pascal_voc": (512, 16)}[name]
    assert config.crop_size == (crop, crop)
    assert config.batch_size == batch
    assert config.learning_rate == 0.02
    assert config.consistency_weight == 100
    assert config.consistency_ramp_steps == 0


# Lambda 1, lambda 2 and the algorithm of SELENE's tables 1 to 4.
@pytest.mark.parametrize(
    ("data", "variant", "pretext", "algorithm", "weight"),
    [
        ("pascal_voc", "supervised", "none", "supervised", None),
        ("pascal_voc", "jigsaw", "jigsaw", "supervised", None),
        ("pascal_voc", "co_teaching", "none", "cross_pseudo", 1.5),
        ("pascal_voc", "selene", "jigsaw", "mean_teacher", 100),
        ("cityscapes", "supervised", "none", "supervised", None),
        ("cityscapes", "jigsaw", "jigsaw", "supervised", None),
        ("cityscapes", "co_teaching", "none", "cross_pseudo", 5),
        ("cityscapes", "selene", "jigsaw", "mean_teacher", 100),
    ],
)
def test_the_papers_variants_differ_from_their_base_in_what_they_say(
    data, variant, pretext, algorithm, weight, monkeypatch
):
    # A configuration names the one that it includes from the checkout on.
    monkeypatch.chdir(CONFIGS[0].parents[1])
    base = flagfile.from_flagfile(f"configs/{data}.cfg")
    config = flagfile.from_flagfile(f"configs/{data}_{variant}.cfg")
    assert (config.pretext, config.algorithm) == (pretext, algorithm)
    assert config.pretext_weight == 0.1
    assert config.num_permutations == 100
    if algorithm == "cross_pseudo":
        assert config.cross_pseudo_weight == weight
    elif algorithm == "mean_teacher":
        assert config.consistency_weight == weight
    assert config.supervised_loss == base.supervised_loss
    assert base.deploy == "student"
    assert (config.deploy == "auto") == (algorithm == "cross_pseudo")
    same = {"pretext": "none", "algorithm": "mean_teacher", "deploy": "student"}
    same["cross_pseudo_weight"] = base.cross_pseudo_weight
    assert dataclasses.replace(config, **same) == base


@pytest.mark.parametrize(
    "arguments",
    [
        ("--stpes=5",),
        ("--undefok=stpes", "--stpes=5"),
        ("steps=5",),
        ("--steps=five",),
        ("--steps",),
        ("--steps=5.5",),
        ("--learning_rate=nan",),
        ("--crop_size=96,wide",),
        ("--algorithm=mean_techer",),
        ("--flip=perhaps",),
        ("--flagfile=/nowhere/at/all.cfg",),
    ],
)
def test_a_mistake_on_the_command_line_is_one_line(arguments):
    with pytest.raises(UserError) as caught:
        parse("--image_size=96,160", *arguments)
    assert "\n" not in str(caught.value)


def test_a_misspelt_flag_gets_a_suggestion():
    with pytest.raises(UserError, match="steps"):
        parse("--stepz=5")


@pytest.mark.parametrize("line", ["steps=5", "--steps=5 # why", "--stpes=5", '"x"'])
def test_a_mistake_in_the_flagfile_is_one_line(tmp_path, line):
    argument = written(tmp_path, f"--image_size=96,160\n{line}\n")
    with pytest.raises(UserError) as caught:
        parse(argument)
    assert "\n" not in str(caught.value)


def test_a_binary_flagfile_is_one_line(tmp_path):
    file = tmp_path / "binary.cfg"
    file.write_bytes(bytes(range(128, 256)))
    with pytest.raises(UserError, match="--flagfile"):
        parse(f"--flagfile={file}")


@pytest.mark.parametrize("line", ["--flagfile=a\0b", " --flagfile=a\0b"])
def test_a_zero_byte_in_an_included_name_is_one_line(tmp_path, line):
    assert_refused(lambda: parse(written(tmp_path, f"{line}\n")), "--flagfile")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("run_dir", "a\0b"),
        ("data_dir", "a\0b"),
        ("labelled_list", "a\0b"),
        ("labelled_list", "x" * 300),
        ("dataset_file", "x/" * 3000),
    ],
)
def test_what_is_no_path_is_one_line(name, value):
    # Scenes have no files.
    action = functools.partial(parse, "--dataset=folder", f"--{name}={value}")
    assert_refused(action, f"--{name}", repr(value))


@pytest.mark.parametrize("value", ["loop", "loop/x"])
def test_a_link_to_itself_is_no_path(tmp_path, monkeypatch, value):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "loop").symlink_to("loop")
    assert_refused(lambda: parse(f"--run_dir={value}"), "--run_dir", value)


@pytest.mark.parametrize("name", ["steps", "seed", "crop_size"])
def test_a_number_that_python_cannot_write_is_one_line(name):
    assert_refused(lambda: parse(f"--{name}=0x{'f' * 5000}"), f"--{name}")


@pytest.mark.parametrize("value", ["a/ /", "run\x1c", "a\rb", "a\nb", "\udcff"])
def test_a_value_that_a_flagfile_would_change_is_one_line(value):
    assert_refused(lambda: parse(f"--run_dir={value}"), "--run_dir")


@pytest.mark.parametrize("first", [True, False])
def test_the_command_line_wins_wherever_the_flagfile_stands(tmp_path, first):
    argument = written(tmp_path, "--image_size=96,160\n--steps=2000\n")
    others = ["--steps=3000", argument]
    assert parse(*(reversed(others) if first else others)).steps == 3000


def test_a_nested_flagfile_is_overridden_by_the_one_that_includes_it(tmp_path):
    base = tmp_path / "base.cfg"
    base.write_text("--image_size=96,160\n--scales=1,2\n--steps=2000\n")
    config = parse(written(tmp_path, f"--flagfile={base}\n--scales=0.5\n"))
    assert config.scales == (0.5,)
    assert config.steps == 2000


@pytest.mark.parametrize(
    ("argument", "expected"),
    [
        ("--strong_view", True),
        ("--strong_view=true", True),
        ("--strong_view=false", False),
        ("--nostrong_view", False),
    ],
)
def test_an_earlier_name_of_a_flag_means_todays(tmp_path, argument, expected):
    assert parse(argument).strong_augmentation is expected
    assert parse(written(tmp_path, argument + "\n")).strong_augmentation is expected
    assert "strong_view" not in flagfile.to_flagfile(parse(argument))


def test_of_both_names_the_last_one_counts():
    assert not parse("--strong_view", "--nostrong_augmentation").strong_augmentation
    assert parse("--nostrong_augmentation", "--strong_view").strong_augmentation


def test_earlier_names_are_of_flags_that_there_are():
    names = {field.name for field in dataclasses.fields(Config)}
    assert set(flagfile.RENAMED.values()) <= names
    assert not set(flagfile.RENAMED) & names
