import numpy as np
import pytest
import tensorflow as tf

from selene_tf.algorithms.mean_teacher import MeanTeacher
from selene_tf.algorithms.supervised import Supervised
from selene_tf.architectures import cost_table
from selene_tf.losses.budget import Budget
from tests.algorithms.batches import (
    CLASSES,
    Bench,
    build_network,
    labelled_part,
    make_batch,
    make_budget,
)

BATCH = make_batch()


def supervised(budget, **options):
    return Supervised(build_network(**options), 5.0, budget=budget, num_steps=10)


def mean_teacher(budget):
    networks = build_network(0, "student"), build_network(1, "teacher")
    return MeanTeacher(*networks, lambda _: 0.0, 5.0, budget=budget, num_steps=10)


def expected_share(network, budget, *images):
    """By hand from the gates in training mode, all routes open, no ties."""
    costs = []
    for batch in images:
        gates = np.asarray(network(batch, training=True)["gates"])
        cells = (gates.max(axis=-1) * budget.table.cells).sum(axis=(1, 2))
        costs.append(cells + (gates * budget.table.routes).sum(axis=(1, 2, 3)))
    return np.concatenate(costs).mean() / budget.total


@pytest.mark.parametrize("algorithm", [supervised, mean_teacher])
def test_the_loss_is_of_the_mean_share_over_all_images_of_the_step(algorithm):
    budget = make_budget(weight=0.7, target_share=0.3, size=32)
    bench = Bench(algorithm(budget), traced=False)
    names = ["image"] if algorithm is supervised else ["image", "unlabelled_image"]
    student = bench.algorithm.networks["student"]
    share = expected_share(student, budget, *(BATCH[name] for name in names))
    bench.reset()
    batch = labelled_part(BATCH) if algorithm is supervised else BATCH
    losses = bench.step(batch)
    assert losses["budget"] == pytest.approx(0.7 * (share - 0.3) ** 2, rel=1e-4)
    parts = sum(losses[name] for name in losses if name in PARTS)
    assert losses["loss"] == pytest.approx(parts, rel=1e-6)


PARTS = {"supervised", "consistency", "budget"}


def test_without_a_budget_there_is_no_such_loss():
    bench = Bench(supervised(None), traced=False)
    assert "budget" not in bench.step(labelled_part(BATCH))


def test_its_weight_is_asked_for_the_step():
    table = cost_table.macs(CLASSES, 4, 3, 32, 32)
    budget = Budget(
        table, float(table.searched), 0.1, lambda step: tf.cast(step, tf.float32)
    )
    bench = Bench(supervised(budget), traced=False)
    first, second = (bench.step(labelled_part(BATCH))["budget"] for _ in range(2))
    assert first == 0.0
    assert second > 0.1


def test_training_on_the_budget_alone_closes_gates_towards_it():
    budget = make_budget(weight=20.0, target_share=0.3, size=32)
    bench = Bench(supervised(budget))
    student = bench.algorithm.networks["student"]
    before = expected_share(student, budget, BATCH["image"])
    for _ in range(30):
        bench.step(labelled_part(BATCH))
    after = expected_share(student, budget, BATCH["image"])
    assert before > 0.8
    assert abs(after - 0.3) < 0.15


def test_drop_path_is_told_how_much_of_the_training_is_done():
    bench = Bench(supervised(None, drop_path=0.5), traced=False)
    progress = bench.algorithm.networks["student"].get_layer("drop_path").progress
    seen = []
    for _ in range(3):
        bench.step(labelled_part(BATCH))
        seen.append(float(progress))
    np.testing.assert_allclose(seen, [0.0, 0.1, 0.2], rtol=1e-6)


def test_drop_path_needs_to_know_the_length_of_the_training():
    with pytest.raises(ValueError, match="num_steps"):
        Supervised(build_network(drop_path=0.5), 5.0)
