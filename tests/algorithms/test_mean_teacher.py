"""The teacher: what it starts as, how it follows, what it teaches."""

import numpy as np
import pytest

from selene_tf import losses
from selene_tf.algorithms.mean_teacher import MeanTeacher
from selene_tf.data.pipeline import batching, views
from selene_tf.data.pipeline.sources import MemorySource
from selene_tf.training import schedules
from tests.algorithms.batches import distance, values
from tests.algorithms.small import (
    build_small_network,
    make_small_batch,
    outputs_of,
    small_bench,
)

BATCH = make_small_batch()
PREFIXES = ("", "unlabelled_")


def make_bench(**options):
    options["consistency_weight"] = lambda _: 10.0
    return small_bench(MeanTeacher, "student", "teacher", **options)


@pytest.fixture(scope="module")
def other_weights():
    """Weights of a teacher that disagrees."""
    return build_small_network(seed=2).get_weights()


def test_the_teacher_starts_equal_to_the_student():
    networks = make_bench().algorithm.networks
    # Both were built from other seeds, and it is the student's weights that stay.
    expected = build_small_network(seed=0).get_weights()
    for network in networks.values():
        assert distance(network.get_weights(), expected) == 0.0


@pytest.mark.parametrize("momentum", [0.99, 0.5])
def test_a_step_moves_the_student_and_then_its_share_of_the_teacher(
    momentum, other_weights
):
    bench = make_bench(ema_momentum=momentum)
    student, teacher = bench.algorithm.networks.values()
    teacher.set_weights(other_weights)
    before = values(student.weights)
    bench.step(BATCH)
    assert distance(before, values(student.weights)) > 0.01
    for target, old, source in zip(
        teacher.weights, other_weights, student.weights, strict=True
    ):
        if not source.trainable:
            continue
        expected = momentum * old + (1 - momentum) * source.numpy()
        np.testing.assert_allclose(
            target, expected, rtol=1e-5, atol=1e-6, err_msg=target.path
        )


def test_an_ema_momentum_of_099_is_the_default():
    networks = build_small_network(0, "student"), build_small_network(1, "teacher")
    algorithm = MeanTeacher(*networks, schedules.ramp_up(1.0, 0), 5.0)
    assert algorithm.ema_momentum == 0.99


def test_a_teacher_that_is_the_student_has_nothing_to_teach():
    # Both see the same tensors and normalise with the batch's statistics.
    assert make_bench().step(BATCH)["consistency"] == pytest.approx(0.0, abs=1e-9)


def test_consistency_is_weighted_and_one_mean_over_both_batches(other_weights):
    bench = make_bench()
    networks = bench.algorithm.networks
    networks["teacher"].set_weights(other_weights)
    logits = {
        name: np.concatenate(
            [outputs_of(bench, name, BATCH[f"{w}image"])["logits"] for w in PREFIXES]
        )
        for name in networks
    }
    valid = np.concatenate([BATCH[f"{which}valid"] for which in PREFIXES])
    expected = 10.0 * np.mean(losses.consistency(*logits.values(), valid))
    assert expected > 0.01
    assert bench.step(BATCH)["consistency"] == pytest.approx(expected, rel=1e-4)


def test_labels_of_unlabelled_images_are_not_in_the_batch():
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (2, 4, 32, 32, 3), dtype=np.uint8)
    dataset = batching.training(
        MemorySource(images[0], np.zeros((4, 32, 32), np.uint8)),
        MemorySource(images[1], np.full((4, 32, 32), 2, np.uint8)),
        batch_size=2,
        seed=0,
        start_step=0,
        augmentation=views.Augmentation(crop_size=(32, 32)),
    )
    batch = next(iter(dataset))
    # What the step gets here is what it gets in training.
    assert set(batch) == set(BATCH)
    assert not (batch["label"].numpy() == 2).any()
