import functools

import numpy as np
import pytest
import tensorflow as tf

from selene_tf import losses
from selene_tf.algorithms.mean_teacher import MeanTeacher
from tests.algorithms.batches import CLASSES, distance, values
from tests.algorithms.small import (
    build_small_network,
    log_softmax,
    losses_of,
    make_small_batch,
    make_strong_batch,
    mean_over,
    outputs_of,
    small_bench,
)
from tests.checks import randomize

BATCH, STRONG = make_small_batch(), make_strong_batch()
WEIGHT = 10.0


def make_bench(**options):
    """A student and a teacher that disagree, in their moving statistics as well."""
    options["consistency_weight"] = lambda _: WEIGHT
    bench = small_bench(MeanTeacher, "student", "teacher", **options)
    randomize(bench.algorithm.networks["teacher"], seed=5)
    return bench


def squared_errors(logits, targets):
    """The mean over the classes, of every pixel."""
    return ((np.exp(log_softmax(logits)) - np.exp(log_softmax(targets))) ** 2).mean(-1)


def by_hand(bench, valid, training=True):
    """The weighted mean over labelled and unlabelled images, each seen by both."""
    pixels, masks = [], []
    for prefix in ("", "unlabelled_"):
        images = BATCH[f"{prefix}image"]
        student = outputs_of(bench, "student", images)["logits"]
        teacher = outputs_of(bench, "teacher", images, training)["logits"]
        pixels.append(squared_errors(student, teacher))
        masks.append(valid[f"{prefix}valid"])
    return WEIGHT * mean_over(pixels, masks)


@pytest.mark.parametrize(("momentum", "kept"), [(0.99, 0.5), (0.3, 0.3)])
def test_a_teacher_that_warms_up_is_the_mean_of_all_students_at_first(momentum, kept):
    bench = make_bench(ema_momentum=momentum, ema_warm_up=True)
    student, teacher = bench.algorithm.networks.values()
    # Statistics are the teacher's own.
    followed = [
        ours
        for ours, theirs in zip(teacher.weights, student.weights, strict=True)
        if theirs.trainable
    ]
    bench.step(BATCH)
    first = values(student.trainable_variables)
    for ours, theirs in zip(values(followed), first, strict=True):
        np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-6)
    bench.step(BATCH)
    second = values(student.trainable_variables)
    assert distance(first, second) > 0.01
    for ours, one, other in zip(values(followed), first, second, strict=True):
        expected = kept * one + (1 - kept) * other
        np.testing.assert_allclose(ours, expected, rtol=0, atol=1e-6)


@pytest.mark.parametrize("statistics", ["batch", "moving"])
def test_the_teacher_normalises_with_the_statistics_asked_for(statistics):
    bench = make_bench(teacher_statistics=statistics)
    batch, moving = (by_hand(bench, BATCH, training) for training in (True, False))
    assert batch != pytest.approx(moving, rel=0.1)
    expected = batch if statistics == "batch" else moving
    assert bench.step(BATCH)["consistency"] == pytest.approx(expected, rel=1e-4)


def test_padding_counts_if_it_is_not_masked():
    bench = make_bench(mask_padding=False)
    masks = ("valid", "unlabelled_valid")
    expected = by_hand(bench, {name: np.ones_like(BATCH[name]) for name in masks})
    assert expected != pytest.approx(by_hand(bench, BATCH), rel=1e-3)
    assert bench.step(BATCH)["consistency"] == pytest.approx(expected, rel=1e-4)


def test_another_disagreement_takes_the_place_of_the_squared_error():
    sums = functools.partial(losses.consistency, reduction="class_sum")
    bench = make_bench(consistency_loss=sums)
    expected = CLASSES * by_hand(bench, BATCH)
    assert bench.step(BATCH)["consistency"] == pytest.approx(expected, rel=1e-4)


def strong_by_hand(bench, mask_padding=True):
    """Each unlabelled image's targets and mask with its box of the neighbour's."""
    student = outputs_of(bench, "student", STRONG["unlabelled_strong_image"])["logits"]
    teacher = outputs_of(bench, "teacher", STRONG["unlabelled_image"])["logits"]
    pixels, masks = [], []
    for own, other in ((0, 1), (1, 0), (2, 3), (3, 2)):
        box, valid = STRONG["unlabelled_box"][own], STRONG["unlabelled_valid"]
        target = np.where(box[..., None], teacher[other], teacher[own])
        counted = np.where(box, valid[other], valid[own]) | (not mask_padding)
        pixels.append(squared_errors(student[own], target))
        masks.append(counted)
    return WEIGHT * mean_over(pixels, masks)


@pytest.mark.parametrize("mask_padding", [True, False])
def test_a_strong_view_learns_the_mixed_targets_of_the_images(mask_padding):
    bench = make_bench(mask_padding=mask_padding)
    expected = strong_by_hand(bench, mask_padding)
    other = strong_by_hand(bench, not mask_padding)
    assert expected != pytest.approx(other, rel=1e-3)
    assert bench.step(STRONG)["consistency"] == pytest.approx(expected, rel=1e-4)


def test_beside_a_strong_view_labelled_images_teach_by_their_labels_alone():
    plain, unlabelled = make_bench().step(STRONG), np.full_like(BATCH["label"], 255)
    relabelled = make_bench().step(STRONG | {"label": unlabelled})
    assert relabelled["supervised"] == 0.0
    assert relabelled["consistency"] == plain["consistency"]
    turned = {name: STRONG[name][:, ::-1].copy() for name in ("image", "valid")}
    assert make_bench().step(STRONG | turned)["consistency"] == plain["consistency"]


@pytest.mark.parametrize("batch", [BATCH, STRONG], ids=["weak", "strong"])
def test_no_gradient_reaches_the_teacher(batch):
    bench = make_bench()
    teacher = bench.algorithm.networks["teacher"]
    with tf.GradientTape() as tape:
        variables = [weight.value for weight in teacher.weights]
        tape.watch(variables)
        loss = tf.reduce_mean(losses_of(bench.algorithm, batch)["consistency"])
    assert tape.gradient(loss, variables) == [None] * len(variables)


def test_the_student_can_be_deployed():
    networks = build_small_network(0, "student"), build_small_network(1, "teacher")
    algorithm = MeanTeacher(*networks, lambda _: 0.0, 5.0, deployed="student")
    assert algorithm.networks[algorithm.deployed].name == "student"
