import math

import keras
import numpy as np
import pytest
import tensorflow as tf

from selene_tf.training import schedules
from selene_tf.training.schedules import PolyWithWarmUp


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (0, 0.02),
        (50, 0.02 * 0.5**0.9),
        (75, 0.02 * 0.25**0.9),
        (100, 0.0),
        # Beyond its end it stays there, and is not the NaN of (-0.1) ** 0.9.
        (110, 0.0),
    ],
)
def test_polynomial_decay(step, expected):
    assert float(PolyWithWarmUp(0.02, 100)(step)) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize(
    ("step", "expected"),
    [
        (0, 0.001),
        (5, 0.95 * (0.001 + 0.5 * 0.999)),
        (10, 0.9),
        (20, 0.8),
    ],
)
def test_warm_up_multiplies_the_decay(step, expected):
    schedule = PolyWithWarmUp(1.0, 100, power=1.0, warm_up_steps=10)
    assert float(schedule(step)) == pytest.approx(expected, rel=1e-5)


def test_warm_up_starts_from_its_factor():
    schedule = PolyWithWarmUp(2.0, 100, warm_up_steps=10, warm_up_factor=0.25)
    assert float(schedule(0)) == pytest.approx(0.5)


def test_a_traced_step_gives_the_same():
    schedule = PolyWithWarmUp(0.02, 100, warm_up_steps=10)
    steps = [0, 3, 10, 99, 100]
    traced = tf.function(schedule)
    values = [float(traced(tf.constant(step, tf.int64))) for step in steps]
    expected = [float(schedule(step)) for step in steps]
    # 1 - 99 / 100 leaves five of float32's seven digits.
    np.testing.assert_allclose(values, expected, rtol=1e-5)


def test_comes_back_from_its_configuration():
    schedule = PolyWithWarmUp(0.02, 100, 0.7, 10, 0.2)
    back = keras.saving.deserialize_keras_object(
        keras.saving.serialize_keras_object(schedule)
    )
    assert back.get_config() == schedule.get_config()
    assert float(back(5)) == float(schedule(5))


@pytest.mark.parametrize(
    ("step", "share"),
    [(0, math.exp(-5)), (10, math.exp(-5 / 4)), (20, 1.0), (1000, 1.0)],
)
def test_the_ramp_rises_to_the_weight(step, share):
    at = schedules.ramp_up(100.0, steps=20)
    assert float(at(step)) == pytest.approx(100.0 * share, rel=1e-5)


def test_the_ramp_only_rises():
    at = schedules.ramp_up(3.0, steps=20)
    values = [float(at(step)) for step in range(30)]
    assert (np.diff(values[:21]) > 0).all()
    assert set(values[20:]) == {3.0}


@pytest.mark.parametrize(
    ("step", "share"), [(0, 0.0), (5, 0.25), (10, 0.5), (20, 1.0), (1000, 1.0)]
)
def test_a_linear_ramp_rises_to_the_weight(step, share):
    at = schedules.ramp_up(100.0, steps=20, shape="linear")
    assert float(at(step)) == pytest.approx(100.0 * share)


@pytest.mark.parametrize("shape", ["sigmoid", "linear"])
def test_a_traced_step_gives_the_same_weight(shape):
    at = schedules.ramp_up(3.0, steps=20, shape=shape)
    traced = tf.function(at)
    values = [float(traced(tf.constant(step, tf.int64))) for step in (0, 7, 30)]
    np.testing.assert_allclose(values, [float(at(0)), float(at(7)), 3.0], rtol=1e-6)


@pytest.mark.parametrize("shape", ["sigmoid", "linear"])
@pytest.mark.parametrize("step", [0, 7, 1000])
def test_without_steps_the_weight_is_constant(step, shape):
    assert float(schedules.ramp_up(100, steps=0, shape=shape)(step)) == 100.0


def test_another_shape_of_the_ramp_is_refused():
    message = r"one of \['linear', 'sigmoid'\], but is 'cosine'"
    with pytest.raises(ValueError, match=message):
        schedules.ramp_up(1.0, steps=20, shape="cosine")


@pytest.mark.parametrize(
    ("labelled", "unlabelled", "batch_size", "expected"),
    [(372, 2603, 8, 326), (10, 0, 4, 3), (8, 8, 8, 1)],
)
def test_an_epoch_is_a_pass_over_the_larger_set(
    labelled, unlabelled, batch_size, expected
):
    # SELENE, algorithm 1: the ceiling of 2603 / 8 = 325.4, and so on.
    assert schedules.steps_per_epoch(labelled, unlabelled, batch_size) == expected


@pytest.mark.parametrize(
    ("step", "share"),
    # Of 190 000 steps: 0.4 is at 76 000, and 0.02 take 3 800.
    [
        (0, 0.0),
        (76_000, 0.0),
        (76_950, 0.25),
        (77_900, 0.5),
        (79_800, 1.0),
        (190_000, 1.0),
    ],
)
def test_the_budget_starts_late_and_rises_within_2_percent(step, share):
    at = schedules.budget_warm_up(0.8, steps=190_000)
    assert float(at(step)) == pytest.approx(0.8 * share, abs=1e-5)


def test_the_budget_may_start_elsewhere_and_rise_slower():
    at = schedules.budget_warm_up(3.0, steps=100, start=0.2, length=0.4)
    values = [float(at(step)) for step in (0, 20, 30, 50, 60, 99)]
    np.testing.assert_allclose(values, [0, 0, 0.75, 2.25, 3, 3], atol=1e-5)


def test_without_a_length_the_budget_jumps():
    at = schedules.budget_warm_up(0.5, steps=10, length=0.0)
    assert [float(at(step)) for step in (0, 3, 4, 5)] == [0.0, 0.0, 0.5, 0.5]


def test_a_traced_step_gives_the_same_weight_of_the_budget():
    at = schedules.budget_warm_up(0.8, steps=1000)
    traced = tf.function(at)
    values = [float(traced(tf.constant(step, tf.int64))) for step in (399, 410, 999)]
    np.testing.assert_allclose(values, [0.0, 0.4, 0.8], atol=1e-5)
