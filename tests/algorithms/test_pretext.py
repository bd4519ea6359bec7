import math

import numpy as np
import pytest

from selene_tf import experiment
from selene_tf.algorithms.cross_pseudo import CrossPseudo
from selene_tf.algorithms.mean_teacher import MeanTeacher
from selene_tf.algorithms.supervised import Supervised
from selene_tf.architectures.cost_table import CostTable
from selene_tf.config import Config
from selene_tf.losses.budget import Budget
from tests.algorithms.batches import Bench, distance, labelled_part, make_batch, values
from tests.algorithms.small import (
    NO_TASKS,
    TASKS,
    build_small_network,
    losses_of,
    make_pretext,
    make_small_batch,
    make_strong_batch,
    outputs_of,
    pretext_by_hand,
    small_bench,
)

BATCH = make_small_batch() | TASKS
IMAGES = ("image", "unlabelled_image")
# An image costs 1 if all of its gates are open.
COSTS = CostTable(
    0, 0, np.full((1, 4), 0.1), np.zeros((1, 4)), np.full((1, 4, 3), 0.05)
)


def supervised(**options):
    return small_bench(Supervised, "student", pretext=True, **options)


def mean_teacher(weight=10.0, **options):
    options["consistency_weight"] = lambda _: weight
    return small_bench(MeanTeacher, "student", "teacher", pretext=True, **options)


def cross_pseudo(**options):
    options["cross_pseudo_weight"] = lambda _: 1.0
    return small_bench(CrossPseudo, "first", "second", pretext=True, **options)


def turned(batch, key):
    return batch | {key: batch[key][:, ::-1, ::-1].copy()}


@pytest.mark.parametrize("make", [supervised, mean_teacher])
def test_the_loss_is_two_means_over_the_images_with_a_task(make):
    bench = make()
    if make is mean_teacher:
        # A teacher with other features than the student's.
        other = build_small_network(seed=5).get_weights()
        bench.algorithm.networks["teacher"].set_weights(other)
    expected = 0.3 * pretext_by_hand(bench, "student", BATCH)
    found = bench.step(BATCH)
    assert found["jigsaw"] == pytest.approx(expected, rel=1e-5)
    parts = {"supervised", "jigsaw"} | ({"consistency"} & set(found))
    monitored = {name for name in found if name.startswith("confident_")}
    assert set(found) == parts | monitored | {"loss", "gradient_norm"}
    assert found["loss"] == pytest.approx(sum(found[p] for p in parts), rel=1e-6)


def test_of_unlabelled_images_the_head_sees_what_the_student_sees():
    batch, bench = make_strong_batch() | TASKS, mean_teacher()
    weak = pretext_by_hand(bench, "student", batch)
    strong = pretext_by_hand(bench, "student", batch, "unlabelled_strong_image")
    assert abs(strong - weak) > 1e-3
    assert bench.step(batch)["jigsaw"] == pytest.approx(0.3 * strong, rel=1e-5)


@pytest.mark.parametrize("which", ["pretext_label", "unlabelled_pretext_label"])
def test_a_batch_without_a_task_adds_nothing(which):
    batch, bench = BATCH | {which: NO_TASKS[which]}, supervised()
    expected = 0.3 * pretext_by_hand(bench, "student", batch)
    assert expected > 0.1
    assert bench.step(batch)["jigsaw"] == pytest.approx(expected, rel=1e-5)


def test_without_any_task_there_is_nothing_to_learn_from_it():
    bench = supervised()
    before = values(bench.algorithm.trainable_variables)
    unlabelled = {"label": np.full_like(BATCH["label"], 255)}
    found = bench.step(BATCH | NO_TASKS | unlabelled)
    assert found["jigsaw"] == found["gradient_norm"] == 0.0
    assert distance(before, values(bench.algorithm.trainable_variables)) == 0.0


def test_without_any_task_the_head_stays_as_it_is():
    bench = supervised()
    head, student = (
        bench.algorithm.heads["student"],
        bench.algorithm.networks["student"],
    )
    before = values(head.trainable_variables), student.get_weights()
    bench.step(BATCH | NO_TASKS)
    assert distance(before[0], values(head.trainable_variables)) == 0.0
    assert distance(before[1], student.get_weights()) > 1e-3


def test_the_task_alone_moves_the_head_and_the_student():
    bench = supervised()
    head, student = (
        bench.algorithm.heads["student"],
        bench.algorithm.networks["student"],
    )
    before = values(head.weights), student.get_weights()
    bench.step(BATCH | {"label": np.full_like(BATCH["label"], 255)})
    for weight, old in zip(head.weights, before[0], strict=True):
        assert (weight.numpy() != old).any(), weight.path
    for weight, old in zip(student.weights, before[1], strict=True):
        # The classifier of pixels has no part in the task.
        moves = not weight.path.startswith("logits")
        # A bias in front of a normalisation changes nothing.
        if weight.path != "fine/bias":
            assert (weight.numpy() != old).any() == moves, weight.path


def test_the_teacher_has_no_head_and_follows_by_averaging_alone():
    bench = mean_teacher(ema_momentum=0.75)
    student, teacher = bench.algorithm.networks.values()
    assert set(bench.algorithm.heads) == {"student"}
    assert set(bench.algorithm.trained_variables()) == {"student"}
    before = build_small_network(seed=5).get_weights()
    teacher.set_weights(before)
    bench.step(BATCH)
    for target, old, source in zip(
        teacher.weights, before, student.weights, strict=True
    ):
        if not source.trainable:
            continue
        expected = 0.75 * old + 0.25 * source.numpy()
        np.testing.assert_allclose(target, expected, rtol=1e-5, atol=1e-6)


def test_unlabelled_images_teach_the_supervised_student_their_task():
    learned = []
    for batch in (BATCH, turned(BATCH, "unlabelled_image")):
        bench = supervised()
        learned.append((bench.step(batch), values(bench.algorithm.trainable_variables)))
    (one, before), (other, after) = learned
    assert one["supervised"] == other["supervised"]
    assert one["jigsaw"] != other["jigsaw"]
    assert distance(before, after) > 1e-4


def test_without_a_task_the_supervised_student_learns_as_without_them():
    learned = []
    for batch in (make_small_batch(), labelled_part(make_small_batch())):
        bench = small_bench(Supervised, "student")
        bench.step(batch)
        # The statistics of its normalisation, too.
        learned.append(bench.algorithm.networks["student"].get_weights())
    assert distance(*learned) == 0.0


@pytest.mark.parametrize(
    ("options", "used"),
    [
        ({}, False),
        ({"pretext": "rotation", "crop_size": (96, 96)}, True),
        ({"pretext": "jigsaw"}, True),
        ({"pretext": "jigsaw", "pretext_weight": 0.0}, False),
    ],
)
def test_supervised_runs_have_unlabelled_images_with_a_task_only(options, used):
    config = Config(
        algorithm="supervised",
        num_training_scenes=4,
        num_validation_scenes=1,
        labelled_ratio=2,
        **options,
    )
    assert (experiment.make_sources(config).unlabelled is not None) == used


def test_each_of_two_networks_has_its_own_head_and_loss():
    bench = cross_pseudo()
    expected = {
        f"jigsaw_{name}": 0.3 * pretext_by_hand(bench, name, BATCH)
        for name in ("first", "second")
    }
    heads = [
        values(head.trainable_variables) for head in bench.algorithm.heads.values()
    ]
    assert distance(*heads) > 0.1
    found = bench.step(BATCH)
    assert {name: found[name] for name in found if "jigsaw" in name} == pytest.approx(
        expected, rel=1e-5
    )
    after = [
        values(head.trainable_variables) for head in bench.algorithm.heads.values()
    ]
    for old, new in zip(heads, after, strict=True):
        assert distance(old, new) > 1e-4


def test_the_first_losses_of_a_configuration_are_those_of_guessing():
    config = Config(
        algorithm="cross_pseudo",
        pretext="jigsaw",
        channels=4,
        num_layers=3,
        steps=1,
        warm_up_steps=0,
    )
    algorithm = experiment.make_algorithm(config)
    assert set(algorithm.heads) == {"first", "second"}
    heads = [head.get_weights() for head in algorithm.heads.values()]
    assert distance(*heads) > 0.1
    tasks = {
        "pretext_label": np.array([3, -1], "int32"),
        "unlabelled_pretext_label": np.array([99, 40], "int32"),
    }
    # Without the step behind it, which would take longer than all the rest.
    losses = losses_of(algorithm, make_batch() | tasks)
    # 100 orders, a weight of 0.1, labelled and unlabelled images.
    guessing = 2 * 0.1 * math.log(100)
    for name in ("jigsaw_first", "jigsaw_second"):
        assert guessing / 2 < float(np.mean(losses[name])) < guessing * 2


@pytest.mark.parametrize("make", [supervised, cross_pseudo])
def test_a_budget_and_a_task_are_both_in_the_sum(make):
    bench = make(budget=Budget(COSTS, 1.0, 0.1, lambda _: 0.7))
    expected = {}
    for name in bench.algorithm.networks:
        gates = np.concatenate(
            [outputs_of(bench, name, BATCH[w])["gates"] for w in IMAGES]
        )
        # A cell costs its largest gate times.
        cost = 0.1 * gates.max(axis=-1).sum((1, 2)) + 0.05 * gates.sum((1, 2, 3))
        suffix = "" if make is supervised else f"_{name}"
        expected[f"budget{suffix}"] = 0.7 * (cost.mean() - 0.1) ** 2
        expected[f"jigsaw{suffix}"] = 0.3 * pretext_by_hand(bench, name, BATCH)
    found = bench.step(BATCH)
    assert {name: found[name] for name in expected} == pytest.approx(expected, rel=1e-4)
    norms = {name for name in found if name.startswith("gradient_norm")}
    monitored = {"confident_share", "confident_classes"}
    parts = set(found) - norms - monitored - {"loss"}
    assert len(parts) == (3 if make is supervised else 7)
    assert found["loss"] == pytest.approx(sum(found[p] for p in parts), rel=1e-6)


def test_with_weight_0_the_student_learns_as_without_a_task():
    network = build_small_network(0, "student")
    pretext = make_pretext(network, weight=0.0)
    bench = Bench(Supervised(network, 5.0, pretext=pretext), traced=False)
    plain = small_bench(Supervised, "student")
    found = bench.step(BATCH), plain.step(make_small_batch())
    assert found[0]["loss"] == found[1]["loss"]
    ours, theirs = (
        values(each.algorithm.networks["student"].trainable_variables)
        for each in (bench, plain)
    )
    assert distance(ours, theirs) < 1e-6
