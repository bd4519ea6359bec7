"""What moves the moving statistics of the networks, by hand."""

import numpy as np
import pytest

from selene_tf.algorithms.cross_pseudo import CrossPseudo
from selene_tf.algorithms.mean_teacher import MeanTeacher
from selene_tf.algorithms.supervised import Supervised
from tests.algorithms.small import (
    TASKS,
    build_small_network,
    make_small_batch,
    make_strong_batch,
    small_bench,
)

BATCH = make_small_batch()
STRONG = make_strong_batch()


def statistics_of(network):
    norm = network.get_layer("norm")
    return norm.moving_mean.numpy(), norm.moving_variance.numpy()


def by_hand(network, *passes):
    """The statistics after passes with these images, from 0 and 1 on."""
    mean, variance = np.zeros(6), np.ones(6)
    for images in passes:
        features = network.get_layer("fine")(network.get_layer("scale")(images))
        features = np.asarray(features, "float64").reshape(-1, 6)
        mean = 0.9 * mean + 0.1 * features.mean(axis=0)
        variance = 0.9 * variance + 0.1 * features.var(axis=0, ddof=1)
    return mean, variance


def assert_moved(network, start, *passes):
    """Checks statistics against passes through a network with its first weights."""
    for ours, expected in zip(
        statistics_of(network), by_hand(start, *passes), strict=True
    ):
        np.testing.assert_allclose(ours, expected, rtol=1e-5, atol=1e-6)


def mean_teacher(weight=10.0, **options):
    return small_bench(
        MeanTeacher,
        "student",
        "teacher",
        consistency_weight=lambda _: weight,
        ema_momentum=0.5,
        **options,
    )


def test_images_as_they_are_move_the_students_statistics():
    bench = mean_teacher()
    bench.step(BATCH)
    images = BATCH["image"], BATCH["unlabelled_image"]
    assert_moved(bench.algorithm.networks["student"], build_small_network(0), *images)


def test_strongly_augmented_images_do_not():
    bench = mean_teacher()
    bench.step(STRONG)
    student = bench.algorithm.networks["student"]
    assert_moved(student, build_small_network(0), STRONG["image"])


@pytest.mark.parametrize("kind", [Supervised, MeanTeacher])
def test_shuffled_images_do_not(kind):
    if kind is Supervised:
        bench = small_bench(Supervised, "student", pretext=True)
    else:
        bench = mean_teacher(pretext=True)
    bench.step(BATCH | TASKS)
    student = bench.algorithm.networks["student"]
    assert_moved(student, build_small_network(0), BATCH["image"])


@pytest.mark.parametrize("weight", [0.0, 1.5])
def test_of_two_networks_each_moves_by_what_teaches_it(weight):
    bench = small_bench(
        CrossPseudo, "first", "second", cross_pseudo_weight=lambda _: weight
    )
    bench.step(BATCH)
    images = [BATCH["image"], BATCH["unlabelled_image"]][: 2 if weight else 1]
    for seed, network in enumerate(bench.algorithm.networks.values()):
        assert_moved(network, build_small_network(seed), *images)


def test_the_teachers_own_passes_move_its_statistics():
    bench = mean_teacher()
    teacher, start = bench.algorithm.networks["teacher"], build_small_network(0)
    bench.step(BATCH)
    assert_moved(teacher, start, BATCH["image"], BATCH["unlabelled_image"])
    # Strong augmentation is for the student; labelled images it is not shown then.
    bench = mean_teacher()
    bench.step(STRONG)
    teacher = bench.algorithm.networks["teacher"]
    assert_moved(teacher, start, STRONG["unlabelled_image"])


def test_a_teacher_with_batch_statistics_averages_weights_alone():
    bench = mean_teacher()
    student, teacher = bench.algorithm.networks.values()
    before = teacher.get_weights()
    bench.step(BATCH)
    for target, source, old in zip(
        teacher.weights, student.weights, before, strict=True
    ):
        if source.trainable:
            expected = 0.5 * old + 0.5 * source.numpy()
            np.testing.assert_allclose(target, expected, rtol=1e-5, atol=1e-6)
        else:
            # After the student moved; these are of the passes before.
            assert (target.numpy() != 0.5 * old + 0.5 * source.numpy()).any()


def test_a_teacher_with_moving_statistics_averages_all():
    bench = mean_teacher(teacher_statistics="moving")
    student, teacher = bench.algorithm.networks.values()
    before = teacher.get_weights()
    bench.step(BATCH)
    for target, source, old in zip(
        teacher.weights, student.weights, before, strict=True
    ):
        expected = 0.5 * old + 0.5 * source.numpy()
        np.testing.assert_allclose(target, expected, rtol=1e-5, atol=1e-6)


def test_the_log_tells_which_pixels_teach():
    bench = mean_teacher(confidence_threshold=0.5)
    logits = bench.algorithm.networks["teacher"](
        STRONG["unlabelled_image"], training=True
    )["logits"]
    probabilities = np.exp(logits) / np.exp(logits).sum(-1, keepdims=True)
    boxes = STRONG["unlabelled_box"]
    partners = [1, 0, 3, 2]
    probabilities = np.where(boxes[..., None], probabilities[partners], probabilities)
    valid = STRONG["unlabelled_valid"]
    valid = np.where(boxes, valid[partners], valid)
    sure = probabilities[valid].max(-1) >= 0.5
    assert 0 < sure.mean() < 1
    classes = np.bincount(probabilities[valid][sure].argmax(-1), minlength=3)
    bench.reset()
    result = bench.step(STRONG)
    assert result["confident_share"] == pytest.approx(sure.mean(), rel=1e-5)
    assert result["confident_classes"] == pytest.approx(
        (classes / valid.sum()).tolist(), rel=1e-5
    )
