import json

import pytest

from selene_tf.errors import UserError
from selene_tf.training import run_folder, run_identity

FLAGS = "--steps=10\n--data_dir=/a\n"
NAMES = {"class_names": ["road", "car"], "masks": [{"0": 0, "1": 1}]}


def test_a_new_folder_is_made_with_its_flags(tmp_path):
    folder = tmp_path / "some run" / "ü"
    run_identity.check(folder, FLAGS)
    run_folder.prepare(folder, FLAGS, NAMES, needed_bytes=1)
    assert (folder / "config.cfg").read_text() == FLAGS
    run_identity.check(folder, FLAGS)


def test_another_configuration_is_refused_and_named(tmp_path):
    run_folder.prepare(tmp_path, FLAGS, NAMES, 1)
    with pytest.raises(UserError, match="--steps: found '20'.*'10'"):
        run_identity.check(tmp_path, FLAGS.replace("10", "20"))


def test_moved_data_are_no_other_configuration(tmp_path):
    run_folder.prepare(tmp_path, FLAGS, NAMES, 1)
    run_identity.check(tmp_path, FLAGS.replace("/a", "/b"))


def test_a_run_keeps_its_classes_whatever_becomes_of_their_file(tmp_path):
    run_identity.check_classes(tmp_path, NAMES)
    run_folder.prepare(tmp_path, FLAGS, NAMES, 1)
    run_identity.check_classes(tmp_path, NAMES)
    with pytest.raises(UserError, match="road, car, but.*car, road"):
        run_identity.check_classes(tmp_path, NAMES | {"class_names": ["car", "road"]})
    with pytest.raises(UserError, match="another meaning of the masks"):
        run_identity.check_classes(tmp_path, NAMES | {"masks": [{"0": 1, "1": 0}]})


def test_a_flag_that_the_run_did_not_know_had_its_default(tmp_path):
    run_folder.prepare(tmp_path, FLAGS, NAMES, 1)
    defaults = "--steps=99\n--colour=red\n"
    run_identity.check(tmp_path, FLAGS + "--colour=red\n", defaults)
    with pytest.raises(UserError, match="--colour: found 'blue'.*'red'"):
        run_identity.check(tmp_path, FLAGS + "--colour=blue\n", defaults)


def test_a_flag_may_have_had_another_name(tmp_path):
    run_folder.prepare(tmp_path, FLAGS, NAMES, 1)
    renamed = {"steps": "updates"}
    text = FLAGS.replace("steps", "updates")
    run_identity.check(tmp_path, text, renamed=renamed)
    with pytest.raises(UserError, match="--updates: found '20'.*'10'"):
        run_identity.check(tmp_path, text.replace("10", "20"), renamed=renamed)


def test_a_flag_that_is_no_more_is_named_with_its_file(tmp_path):
    run_folder.prepare(tmp_path, FLAGS + "--gone=5\n", NAMES, 1)
    with pytest.raises(
        UserError, match=r"config\.cfg: found --gone=5, which"
    ) as caught:
        run_identity.check(tmp_path, FLAGS)
    assert "--run_dir" in str(caught.value)


def test_a_folder_with_other_files_is_left_alone(tmp_path):
    (tmp_path / "thesis.tex").write_text("years of work")
    with pytest.raises(UserError, match=r"no config\.cfg"):
        run_identity.check(tmp_path, FLAGS)
    assert (tmp_path / "thesis.tex").read_text() == "years of work"


def test_no_folder_is_refused():
    with pytest.raises(UserError, match="--run_dir"):
        run_identity.check("", FLAGS)


def test_a_file_in_its_place_is_refused(tmp_path):
    file = tmp_path / "file"
    file.write_text("")
    with pytest.raises(UserError, match="is a file"):
        run_identity.check(file, FLAGS)


@pytest.mark.parametrize("place", ["/proc/selene", "/dev/null/run"])
def test_a_place_that_cannot_be_written_is_one_line(place):
    with pytest.raises(UserError, match="cannot write") as caught:
        run_folder.prepare(place, FLAGS, NAMES, 1)
    assert "\n" not in str(caught.value)


def test_a_full_disk_is_one_line(tmp_path):
    with pytest.raises(UserError, match="MiB free"):
        run_folder.prepare(tmp_path, FLAGS, NAMES, needed_bytes=2**70)


def test_a_write_that_fails_leaves_the_old_file(tmp_path, monkeypatch):
    file = tmp_path / "summary.json"
    run_folder.write_json(file, {"step": 1})

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(run_folder.os, "fsync", fail)
    with pytest.raises(OSError, match="No space"):
        run_folder.write_json(file, {"step": 2})
    assert run_folder.read_json(file) == {"step": 1}
    assert [path.name for path in tmp_path.iterdir()] == ["summary.json"]


def test_what_a_kill_left_of_config_cfg_is_no_other_run(tmp_path):
    (tmp_path / ".config.cfg.part").write_text("--ste")
    run_identity.check(tmp_path, FLAGS)


@pytest.mark.parametrize("spoil", ["a folder", "no text"])
def test_an_unreadable_configuration_is_one_line(tmp_path, spoil):
    file = tmp_path / "config.cfg"
    file.mkdir() if spoil == "a folder" else file.write_bytes(b"\xff\xfe\x00")
    with pytest.raises(UserError, match="cannot read"):
        run_identity.check(tmp_path, FLAGS)


def test_a_name_that_is_too_long_is_one_line(tmp_path):
    with pytest.raises(UserError, match="too long"):
        run_identity.check(tmp_path / ("x" * 300), FLAGS)


def test_a_resumed_log_loses_what_will_be_logged_again(tmp_path):
    file = tmp_path / "log.jsonl"
    for step in (10, 20, 30):
        run_folder.append_json_line(file, {"step": step})
    with open(file, "a") as log:
        log.write('{"step": 3')
    run_folder.drop_log_after(file, 20)
    steps = [json.loads(line)["step"] for line in file.read_text().splitlines()]
    assert steps == [10, 20]


def test_not_a_number_is_not_written_as_json(tmp_path):
    with pytest.raises(ValueError, match="JSON"):
        run_folder.write_json(tmp_path / "x.json", {"loss": float("nan")})


@pytest.mark.parametrize(
    "text",
    [
        *("[]", "7", '"a"', "null", "{}", '{"class_names": 7}', '{"class_names": [1]}'),
        *("[" * 100_000, '{"class_names": ["a"', "\x00"),
    ],
)
def test_classes_of_something_else_are_one_line(tmp_path, text):
    run_folder.prepare(tmp_path, FLAGS, NAMES, 1)
    (tmp_path / "classes.json").write_text(text)
    with pytest.raises(UserError, match=r"classes\.json: found ") as caught:
        run_identity.check_classes(tmp_path, NAMES)
    assert "\n" not in str(caught.value)


def test_what_a_file_has_to_hold_is_checked_by_type(tmp_path):
    file = tmp_path / "summary.json"
    required = {"step": int, "mean_iou": float}
    run_folder.write_json(file, {"step": 3, "mean_iou": 1, "more": None})
    assert run_folder.read_json(file, required)["step"] == 3
    for content, name in (
        ({"step": "3", "mean_iou": 0.5}, "step"),
        ({"step": 3}, "iou"),
    ):
        run_folder.write_json(file, content)
        with pytest.raises(UserError, match=f"summary.json.*{name}"):
            run_folder.read_json(file, required)
    file.write_bytes(b"\xff")
    with pytest.raises(UserError, match="no readable JSON"):
        run_folder.read_json(file)


def test_a_log_of_odd_lines_keeps_what_is_sound(tmp_path):
    log = tmp_path / "log.jsonl"
    lines = [b'{"step": 1}', b"7", b"\xff\xfe", b"[]", b'{"step": "x"}', b'{"step": 2']
    log.write_bytes(b"\n".join(lines))
    run_folder.drop_log_after(log, 5)
    assert log.read_text() == '{"step": 1}\n'
