import keras
import numpy as np
import pytest

from selene_tf.errors import UserError
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
