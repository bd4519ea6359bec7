"""What the commands say of mistakes that need no training to be found."""

import pytest

from tests.commands import assert_one_line, run, train


@pytest.mark.parametrize(
    "command", ["train.py", "evaluate.py", "-m export.saved_model"]
)
def test_help_lists_the_flags(command):
    result = run(*command.split(), "--help")
    assert result.returncode == 0
    assert "--run_dir" in result.stdout
    if command == "train.py":
        assert "--consistency_weight" in result.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--stepz=3"], ["stepz"]),
        (["steps=3"], ["steps=3"]),
        (["--learning_rate=nan"], ["--learning_rate"]),
        (["--flagfile=nowhere.cfg"], ["nowhere.cfg"]),
        (["--data_dir=somewhere"], ["--data_dir"]),
        (["--labelled_ratio=1"], ["--labelled_ratio"]),
    ],
)
def test_mistakes_end_with_one_line_and_status_2(tmp_path, arguments, words):
    assert_one_line(train(tmp_path / "run", *arguments), *words)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--dataset=camvid"], ["--data_dir"]),
        (["--dataset=camvid", "--data_dir=/nowhere/at/all"], ["/nowhere/at/all"]),
        (["--dataset=cityscapes", "--data_dir=/"], ["--data_dir", "leftImg8bit"]),
        (["--dataset=pascal_voc", "--data_dir=/"], ["--data_dir", "JPEGImages"]),
        (["--dataset=folder", "--data_dir=/"], ["--class_names", "--dataset_file"]),
    ],
)
def test_missing_data_end_with_one_line_and_status_2(tmp_path, arguments, words):
    run_dir = tmp_path / "run"
    assert_one_line(run("train.py", *arguments, f"--run_dir={run_dir}"), *words)
    assert not run_dir.exists()


@pytest.mark.parametrize(
    ("command", "words"),
    [
        (["evaluate.py", "--run_dir=/nowhere"], ["--run_dir", "/nowhere"]),
        (["evaluate.py"], ["--run_dir"]),
        (
            ["-m", "export.saved_model", "--run_dir=/nowhere", "--output=x"],
            ["/nowhere"],
        ),
    ],
)
def test_commands_on_no_run_end_with_one_line(command, words):
    assert_one_line(run(*command), *words)
