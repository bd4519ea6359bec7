import numpy as np
import pytest
import tensorflow as tf

from selene_tf import losses
from selene_tf.algorithms.mean_teacher import MeanTeacher
from selene_tf.algorithms.supervised import Supervised
from selene_tf.data.pipeline import batching, views
from selene_tf.data.pipeline.sources import MemorySource
from selene_tf.training import schedules
from tests.algorithms.batches import (
    Bench,
    build_network,
    distance,
    labelled_part,
    make_batch,
    values,
)

BATCH = make_batch()
PREFIXES = ("", "unlabelled_")


@pytest.fixture(scope="module")
def traced():
    """A mean teacher, and the variable that holds its consistency weight."""
    weight = tf.Variable(10.0)
    algorithm = MeanTeacher(
        build_network(seed=0, name="student"),
        build_network(seed=1, name="teacher"),
        # From the third step on nothing, for the test of just that.
        lambda iteration: tf.where(iteration < 2, weight, 0.0),
        max_gradient_norm=tf.Variable(5.0),
        ema_momentum=tf.Variable(0.99),
    )
    return Bench(algorithm), weight


@pytest.fixture
def bench(traced):
    bench, weight = traced
    bench.reset()
    weight.assign(10.0)
    return bench


@pytest.fixture(scope="module")
def other_weights():
    """Weights of a teacher that disagrees."""
    return build_network(seed=2).get_weights()


def assert_equal(ours, theirs, atol=0.0):
    for one, other in zip(ours, theirs, strict=True):
        np.testing.assert_allclose(one, other, rtol=0, atol=atol)


def test_the_teacher_starts_equal_to_the_student(bench):
    student = bench.algorithm.networks["student"].get_weights()
    teacher = bench.algorithm.networks["teacher"].get_weights()
    assert_equal(teacher, student)
    # Both were built from other seeds, and it is the student's weights that stay.
    assert_equal(student, build_network(seed=0).get_weights())


def test_only_the_student_is_trained(bench):
    student = bench.algorithm.networks["student"]
    trained = {id(variable) for variable in bench.algorithm.trainable_variables}
    assert trained == {id(variable) for variable in student.trainable_variables}
    assert bench.algorithm.networks["teacher"].trainable_variables == []


@pytest.mark.parametrize("momentum", [0.99, 0.5])
def test_a_step_moves_the_student_and_then_its_share_of_the_teacher(
    bench, momentum, other_weights
):
    algorithm = bench.algorithm
    student, teacher = algorithm.networks["student"], algorithm.networks["teacher"]
    bench.algorithm.ema_momentum.assign(momentum)
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
    networks = build_network(name="student"), build_network(name="teacher")
    algorithm = MeanTeacher(*networks, schedules.ramp_up(1.0, 0), 5.0)
    assert algorithm.ema_momentum == 0.99
    assert algorithm.networks[algorithm.deployed].name == "teacher"


def test_without_consistency_the_student_learns_as_supervised(traced, bench):
    traced[1].assign(0.0)
    supervised = Supervised(build_network(seed=0), 5.0)
    found = bench.step(BATCH)
    expected = Bench(supervised).step(labelled_part(BATCH))
    assert found["consistency"] == 0.0
    for name in ("loss", "gradient_norm"):
        assert found[name] == expected[name]
    # To the bit, normalisation's statistics included.
    assert_equal(
        values(bench.algorithm.networks["student"].weights),
        values(supervised.networks["student"].weights),
    )


def test_a_teacher_that_is_the_student_has_nothing_to_teach(bench):
    # Both see the same tensors and normalise with the batch's statistics.
    assert bench.step(BATCH)["consistency"] == pytest.approx(0.0, abs=1e-9)


def test_consistency_is_weighted_and_one_mean_over_both_batches(bench, other_weights):
    networks = bench.algorithm.networks
    networks["teacher"].set_weights(other_weights)
    # The trained network normalises with the batch; its statistics are put back.
    outputs = {
        name: np.concatenate(
            [network(BATCH[f"{w}image"], training=True)["logits"] for w in PREFIXES]
        )
        for name, network in networks.items()
    }
    valid = np.concatenate([BATCH[f"{which}valid"] for which in PREFIXES])
    expected = 10.0 * np.mean(losses.consistency(*outputs.values(), valid))
    assert expected > 0.01
    bench.reset()
    networks["teacher"].set_weights(other_weights)
    assert bench.step(BATCH)["consistency"] == pytest.approx(expected, rel=1e-4)


def test_the_loss_is_the_sum_of_its_parts(bench, other_weights):
    bench.algorithm.networks["teacher"].set_weights(other_weights)
    found = bench.step(BATCH)
    monitored = {"confident_share", "confident_classes"}
    losses_and_norm = {"loss", "supervised", "consistency", "gradient_norm"}
    assert set(found) == losses_and_norm | monitored
    assert found["supervised"] > 0
    assert found["consistency"] > 0
    parts = found["supervised"] + found["consistency"]
    assert found["loss"] == pytest.approx(parts, rel=1e-6)


def test_the_weight_follows_the_optimizers_steps(bench, other_weights):
    found = []
    for _ in range(4):
        bench.algorithm.networks["teacher"].set_weights(other_weights)
        found.append(bench.step(BATCH)["consistency"] > 0)
    assert found == [True, True, False, False]


@pytest.mark.parametrize("bound", [0.01, 0.5])
def test_the_step_is_no_longer_than_the_largest_gradient(bench, bound):
    bench.algorithm.optimizer.learning_rate = 1.0
    bench.algorithm.max_gradient_norm.assign(bound)
    before = values(bench.algorithm.trainable_variables)
    assert bench.step(BATCH)["gradient_norm"] > bound
    # The momentum has nothing to add in the first step.
    moved = distance(before, values(bench.algorithm.trainable_variables))
    assert moved == pytest.approx(bound, rel=1e-3)


@pytest.mark.parametrize("key", ["image", "label", "valid"])
def test_labelled_images_teach_the_student(bench, other_weights, key):
    assert weights_after(bench, other_weights, key) > 1e-3


@pytest.mark.parametrize("key", ["unlabelled_image", "unlabelled_valid"])
def test_unlabelled_images_teach_the_student(bench, other_weights, key):
    assert weights_after(bench, other_weights, key) > 1e-3


def weights_after(bench, teacher_weights, key):
    """How far apart two steps end if one tensor of the batch is turned around."""
    found = []
    for batch in (BATCH, BATCH | {key: BATCH[key][:, ::-1, ::-1].copy()}):
        bench.reset()
        bench.algorithm.networks["teacher"].set_weights(teacher_weights)
        bench.step(batch)
        found.append(values(bench.algorithm.trainable_variables))
    return distance(*found)


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
