import numpy as np
import pytest

from selene_tf.evaluation import image_scores
from selene_tf.evaluation.evaluate import Evaluation
from tests.refusals import assert_refused


def evaluation(gates=None):
    confusions = np.arange(3 * 4).reshape(3, 2, 2)
    return Evaluation(confusions, gates, np.array([[4, 6], [4, 6], [8, 6]]))


@pytest.mark.parametrize("gates", [None, np.full((3, 4, 4, 3), 0.25, "float32")])
def test_they_come_back_as_they_were(tmp_path, gates):
    result = evaluation(gates)
    image_scores.write(tmp_path / "scores.npz", result, block=15)
    scores = image_scores.read(tmp_path / "scores.npz")
    np.testing.assert_array_equal(scores.confusions, result.confusions)
    np.testing.assert_array_equal(scores.sizes, result.sizes)
    assert scores.block == 15
    if gates is None:
        assert scores.gates is None
    else:
        np.testing.assert_array_equal(scores.gates, gates)


def test_a_gate_that_is_closed_stays_closed_and_a_faint_one_open(tmp_path):
    gates = np.array([0.0, 1.1e-4, 0.5]).reshape(1, 1, 1, 3).repeat(3, 0)
    image_scores.write(tmp_path / "scores.npz", evaluation(gates), block=1)
    opened = image_scores.read(tmp_path / "scores.npz").gates > 1e-4
    assert opened[0].ravel().tolist() == [False, True, True]


def damaged(folder, kind):
    path = folder / "scores.npz"
    image_scores.write(path, evaluation(), block=1)
    content = path.read_bytes()
    if kind == "cut":
        path.write_bytes(content[: len(content) // 2])
    elif kind == "text":
        path.write_text("{}")
    elif kind == "code":
        np.savez(path, version=1, confusions=np.array([print], object))
    elif kind == "other names":
        np.savez(path, version=1, something=np.zeros(3))
    elif kind == "other shapes":
        image_scores.write(path, evaluation(), block=1)
        arrays = dict(np.load(path))
        np.savez(path, **arrays | {"confusions": np.zeros((3, 2, 5), int)})
    else:
        path.unlink()
    return path


@pytest.mark.parametrize(
    "kind", ["cut", "text", "code", "other names", "other shapes", "missing"]
)
def test_a_damaged_file_is_one_line(tmp_path, kind):
    path = damaged(tmp_path, kind)
    assert_refused(lambda: image_scores.read(path), "scores.npz")
