import json
import os
import shutil

import keras
import numpy as np
import pytest

from selene_tf.errors import TrainingDiverged, UserError
from selene_tf.training.checkpoints import Checkpoints


def variables(value=0.0):
    return {
        "student/kernel": keras.Variable(np.full((2, 3), value, "float32")),
        "optimizer/iterations": keras.Variable(int(value), dtype="int64"),
    }


def test_nothing_to_restore_at_first(tmp_path):
    assert Checkpoints(tmp_path / "none", variables()).restore() is None


def test_values_and_state_come_back(tmp_path):
    Checkpoints(tmp_path, variables(5.0)).save(7, {"best_mean_iou": 0.25})
    fresh = variables()
    assert Checkpoints(tmp_path, fresh).restore() == (7, {"best_mean_iou": 0.25})
    np.testing.assert_array_equal(fresh["student/kernel"].numpy(), np.full((2, 3), 5.0))
    assert int(fresh["optimizer/iterations"]) == 5


def test_only_the_newest_are_kept(tmp_path):
    checkpoints = Checkpoints(tmp_path, variables(), keep=2)
    for step in (1, 2, 30):
        checkpoints.save(step, {})
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "step-00000002",
        "step-00000030",
    ]


def damage_a_bit(folder):
    file = folder / "variables.data-00000-of-00001"
    data = bytearray(file.read_bytes())
    data[3] ^= 4
    file.write_bytes(data)


def cut_off(folder):
    file = folder / "variables.data-00000-of-00001"
    file.write_bytes(file.read_bytes()[:-1])


def lose_the_manifest(folder):
    (folder / "manifest.json").unlink()


def spoil_the_manifest(folder):
    (folder / "manifest.json").write_text('{"step":')


def lose_the_index(folder):
    (folder / "variables.index").unlink()


@pytest.mark.parametrize(
    "damage",
    [damage_a_bit, cut_off, lose_the_manifest, spoil_the_manifest, lose_the_index],
)
def test_a_damaged_one_is_passed_over_with_a_warning(tmp_path, capsys, damage):
    values = variables(1.0)
    checkpoints = Checkpoints(tmp_path, values, keep=2)
    checkpoints.save(1, {})
    values["student/kernel"].assign(np.full((2, 3), 2.0))
    checkpoints.save(2, {})
    damage(tmp_path / "step-00000002")
    fresh = variables()
    assert Checkpoints(tmp_path, fresh).restore()[0] == 1
    assert fresh["student/kernel"].numpy()[0, 0] == 1.0
    assert "step-00000002 is damaged" in capsys.readouterr().err


def test_nothing_but_damage_is_an_error(tmp_path):
    Checkpoints(tmp_path, variables()).save(1, {})
    damage_a_bit(tmp_path / "step-00000001")
    with pytest.raises(UserError, match="damaged"):
        Checkpoints(tmp_path, variables()).restore()


def test_what_a_killed_write_left_is_no_checkpoint(tmp_path):
    checkpoints = Checkpoints(tmp_path, variables(3.0))
    checkpoints.save(1, {})
    half = tmp_path / ".step-00000002.part"
    half.mkdir()
    (half / "variables.index").write_bytes(b"half")
    assert checkpoints.restore()[0] == 1
    checkpoints.save(2, {})
    assert checkpoints.restore()[0] == 2


def test_a_part_can_be_restored_alone(tmp_path):
    Checkpoints(tmp_path, variables(4.0)).save(1, {})
    kernel = {"student/kernel": variables()["student/kernel"]}
    Checkpoints(tmp_path, kernel).restore(partly=True)
    assert kernel["student/kernel"].numpy()[0, 0] == 4.0


def test_what_a_power_loss_leaves_is_whole(tmp_path, monkeypatch):
    """The disk has all content before it has the name, and then the name."""
    flushed, events = set(), []
    fsync, replace = os.fsync, os.replace

    def remember(descriptor):
        fsync(descriptor)
        flushed.add(os.fstat(descriptor).st_ino)

    def rename(source, target):
        if os.path.isdir(source):
            inside = [source, *source.rglob("*")]
            events.append({path.stat().st_ino for path in inside} <= flushed)
            flushed.clear()
        replace(source, target)

    monkeypatch.setattr(os, "fsync", remember)
    monkeypatch.setattr(os, "replace", rename)
    Checkpoints(tmp_path, variables(1.0)).save(1, {})
    assert events == [True]
    assert flushed == {tmp_path.stat().st_ino}


def test_a_failed_write_is_one_line_and_keeps_the_last(tmp_path, monkeypatch):
    checkpoints = Checkpoints(tmp_path, variables(1.0))
    checkpoints.save(1, {})

    def fail(*_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("selene_tf.training.run_folder.os.fsync", fail)
    with pytest.raises(UserError, match="No space left"):
        checkpoints.save(2, {})
    assert checkpoints.restore()[0] == 1
    assert [p.name for p in tmp_path.iterdir()] == ["step-00000001"]


def test_what_bears_another_name_is_not_read_counted_or_removed(tmp_path):
    checkpoints = Checkpoints(tmp_path, variables(1.0), keep=1)
    checkpoints.save(1, {})
    for name in ("step-best", "step-00000009.bak", "step-9"):
        shutil.copytree(tmp_path / "step-00000001", tmp_path / name)
    checkpoints.save(2, {})
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"step-00000002", "step-best", "step-00000009.bak", "step-9"}
    assert checkpoints.restore()[0] == 2


def test_every_bit_of_the_manifest_is_protected(tmp_path):
    values = variables(1.0)
    checkpoints = Checkpoints(tmp_path, values, keep=2)
    state = {"seconds": 12.5, "best_mean_iou": 0.25}
    checkpoints.save(100, state)
    checkpoints.save(200, state)
    file = tmp_path / "step-00000200/manifest.json"
    content = file.read_bytes()
    meaning = json.loads(content)
    # Every seventh of them: enough for each byte to have its turn.
    for place in range(0, 8 * len(content), 7):
        damaged = bytearray(content)
        damaged[place // 8] ^= 1 << place % 8
        file.write_bytes(damaged)
        step, found = checkpoints.restore()
        # White space may be other white space.
        if step == 200:
            assert json.loads(damaged) == meaning, place
        else:
            assert (step, found) == (100, state), place


def test_a_manifest_of_an_earlier_version_is_read(tmp_path):
    checkpoints = Checkpoints(tmp_path, variables(2.0))
    checkpoints.save(5, {"seconds": 1.0})
    file = tmp_path / "step-00000005/manifest.json"
    manifest = json.loads(file.read_text())
    del manifest["manifest_sha256"]
    file.write_text(json.dumps(manifest))
    assert checkpoints.restore() == (5, {"seconds": 1.0})
    # A copy under another step's name is none of that step.
    (tmp_path / "step-00000005").rename(tmp_path / "step-00000006")
    with pytest.raises(UserError, match="all 1 checkpoints are damaged"):
        checkpoints.restore()


@pytest.mark.parametrize(
    "text", ["[]", "7", '{"step": 1}', "[" * 100_000, "\0", '"' + "a" * 2_000_000 + '"']
)
def test_a_manifest_of_something_else_is_passed_over(tmp_path, text):
    checkpoints = Checkpoints(tmp_path, variables())
    for step in (1, 2):
        checkpoints.save(step, {})
    (tmp_path / "step-00000002/manifest.json").write_text(text)
    assert checkpoints.restore() == (1, {})


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_what_is_not_finite_is_not_saved(tmp_path, bad):
    values = variables(1.0)
    checkpoints = Checkpoints(tmp_path, values)
    checkpoints.save(1, {})
    kernel = np.ones((2, 3), "float32")
    kernel[1, 2] = bad
    values["student/kernel"].assign(kernel)
    with pytest.raises(
        TrainingDiverged, match="student/kernel is not finite"
    ) as caught:
        checkpoints.save(2, {})
    assert caught.value.status == 3
    assert [path.name for path in tmp_path.iterdir()] == ["step-00000001"]


def test_variables_of_another_network_are_one_line(tmp_path):
    Checkpoints(tmp_path, variables()).save(1, {})
    wider = {**variables(), "student/kernel": keras.Variable(np.zeros((2, 4)))}
    fewer = {"student/bias": keras.Variable(np.zeros(3))}
    for others in (wider, fewer):
        with pytest.raises(UserError, match="other variables than this network has"):
            Checkpoints(tmp_path, others).restore()


def test_a_folder_whose_name_is_a_pattern_is_read(tmp_path):
    folder = tmp_path / "run[1]*?"
    Checkpoints(folder, variables(6.0)).save(1, {})
    fresh = variables()
    assert Checkpoints(folder, fresh).restore() == (1, {})
    assert fresh["student/kernel"].numpy()[0, 0] == 6.0
