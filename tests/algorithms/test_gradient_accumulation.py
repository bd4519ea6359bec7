import numpy as np
import pytest

from selene_tf.algorithms.cross_pseudo import CrossPseudo
from selene_tf.algorithms.supervised import Supervised
from tests.algorithms.batches import distance, train, values
from tests.algorithms.small import (
    NO_TASKS,
    TASKS,
    make_small_batch,
    small_bench,
)


def supervised(**options):
    return small_bench(
        Supervised, "student", pretext=True, normalised=False, **options
    ).algorithm


def cross_pseudo(**options):
    return small_bench(
        CrossPseudo,
        "first",
        "second",
        pretext=True,
        normalised=False,
        cross_pseudo_weight=lambda _: 1.5,
        **options,
    ).algorithm


# Of tasks, two parts have one and two, or one and none; and in the second step the
# labelled images have none at all.
BATCHES = [
    make_small_batch(0) | TASKS,
    make_small_batch(1) | TASKS | {"pretext_label": NO_TASKS["pretext_label"]},
]
KINDS = [
    (supervised, BATCHES, 2),
    (supervised, BATCHES, 4),
    (cross_pseudo, BATCHES, 2),
]


def variables_of(algorithm):
    """Name to value of what a step may change."""
    parts = [*algorithm.networks.values(), *algorithm.heads.values()]
    named = {f"{part.name} {v.path}": v.numpy() for part in parts for v in part.weights}
    for number, variable in enumerate(algorithm.optimizer.variables):
        named[f"{number} {variable.path}"] = variable.numpy()
    return named


@pytest.mark.parametrize(("make", "batches", "parts"), KINDS)
def test_a_step_in_parts_is_one_on_the_whole_batch(make, batches, parts):
    whole, divided = make(), make(accumulate_steps=parts)
    whole.run_eagerly = True
    start = variables_of(whole)
    # The second step has to forget the gradients of the first one.
    expected, found = train(whole, batches), train(divided, batches)
    for ours, theirs in zip(found, expected, strict=True):
        assert ours.keys() == theirs.keys()
        for name, value in theirs.items():
            assert ours[name] == pytest.approx(value, rel=1e-5, abs=1e-6), name
    after, wanted = variables_of(divided), variables_of(whole)
    assert list(after) == list(wanted)
    for name, value in wanted.items():
        np.testing.assert_allclose(after[name], value, atol=1e-5, err_msg=name)
    assert distance(start.values(), wanted.values()) > 0.1
    # However many the parts, a step is one.
    assert int(divided.optimizer.iterations) == len(batches)


def test_clipping_is_of_the_mean_and_not_of_the_parts():
    whole, divided = (
        supervised(max_gradient_norm=0.2, accumulate_steps=parts) for parts in (1, 2)
    )
    whole.run_eagerly = True
    for algorithm in (whole, divided):
        algorithm.optimizer.learning_rate = 1.0
    start = values(divided.trainable_variables)
    expected, found = train(whole, BATCHES[:1]), train(divided, BATCHES[:1])
    assert found[0]["gradient_norm"] > 0.4
    assert found[0] == pytest.approx(expected[0], rel=1e-5)
    moved = distance(start, values(divided.trainable_variables))
    assert moved == pytest.approx(0.2, rel=1e-4)
