import keras
import numpy as np
import pytest

from selene_tf.layers.drop_path import DropPath
from tests import checks

RATES = [0.0, 0.3, 0.6]


def images(batch):
    return np.zeros((batch, 2, 2, 1), "float32")


def draws(progress, batch=4000, seed=3):
    layer = DropPath(RATES, seed=seed)
    layer(images(1))
    layer.progress.assign(progress)
    return np.asarray(layer(images(batch), training=True))


def test_keeps_the_rules_of_layers():
    # All but those of graph and precision, which compare two different draws.
    layer = DropPath(RATES, seed=1)
    checks.check_configuration(layer, (images(3),))
    checks.check_shapes(layer, (images(3),), (3, 3))


@pytest.mark.parametrize("progress", [0.5, 1.0])
def test_leaves_out_as_often_as_it_says_and_keeps_the_mean(progress):
    scales = draws(progress)
    for column, rate in zip(scales.T, RATES, strict=True):
        kept = 1 - rate * progress
        np.testing.assert_allclose(
            np.unique(column), sorted({0, 1 / kept})[-2:][0 if rate else 1 :], rtol=1e-6
        )
        # Three standard deviations of the share of 4000 draws.
        assert abs((column > 0).mean() - kept) < 3 * np.sqrt(0.25 / 4000)
        assert column.mean() == pytest.approx(1.0, abs=0.1)


def test_draws_are_independent_of_each_other():
    scales = draws(1.0) > 0
    assert abs(np.corrcoef(scales[:, 1], scales[:, 2])[0, 1]) < 0.05
    assert abs(np.corrcoef(scales[1:, 1], scales[:-1, 1])[0, 1]) < 0.05


@pytest.mark.parametrize("situation", ["start", "inference", "frozen"])
def test_leaves_nothing_out_at_first_at_inference_and_when_frozen(situation):
    layer = DropPath(RATES, seed=1)
    layer(images(1))
    layer.progress.assign(0.0 if situation == "start" else 1.0)
    layer.trainable = situation != "frozen"
    scales = layer(images(50), training=situation != "inference")
    np.testing.assert_array_equal(scales, np.ones((50, 3)))


def test_each_call_draws_anew_and_the_seed_repeats_it():
    layer = DropPath(RATES, seed=7)
    layer(images(1))
    layer.progress.assign(1.0)
    first, second = (layer(images(64), training=True) for _ in range(2))
    assert np.any(np.asarray(first) != np.asarray(second))
    np.testing.assert_array_equal(first, draws(1.0, batch=64, seed=7))


def test_its_state_has_the_same_name_in_every_network():
    """A checkpoint of two networks is read by a process that builds one."""
    names = []
    for _ in range(2):
        layer = DropPath(RATES, name="drop_path")
        layer(images(1))
        names.append({variable.path for variable in layer.variables})
    assert names[0] == names[1]


def test_its_state_is_among_the_variables_that_a_checkpoint_holds():
    layer = DropPath(RATES, seed=7)
    layer(images(1))
    model = keras.Sequential([keras.Input((2, 2, 1)), layer])
    kinds = {variable.path.rsplit("/", 1)[-1] for variable in model.variables}
    assert kinds == {"progress", "seed_generator_state"}
