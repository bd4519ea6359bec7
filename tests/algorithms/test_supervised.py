import numpy as np
import pytest

from selene_tf import losses, networks
from selene_tf.algorithms.supervised import Supervised
from tests.algorithms.batches import (
    CLASSES,
    Bench,
    build_network,
    distance,
    labelled_part,
    make_batch,
    values,
)
from tests.networks.plain import PlainArchitecture

BATCH = labelled_part(make_batch())


@pytest.fixture(scope="module")
def made():
    # Eagerly, since few steps do not pay for tracing them.
    return Bench(Supervised(build_network(), 5.0), traced=False)


@pytest.fixture
def bench(made):
    made.reset()
    return made


def test_one_step_moves_the_student(bench):
    student = bench.algorithm.networks["student"]
    before = values(student.weights)
    bench.step(BATCH)
    moved = [
        (new != old).any()
        for old, new in zip(before, values(student.weights), strict=True)
    ]
    # Every normalisation's statistics move, and the weights wherever a gradient
    # gets through the statistics of two single pixels at stride 32.
    for variable, has_moved in zip(student.weights, moved, strict=True):
        if "/moving_" in variable.path or variable.path.startswith("predictor"):
            assert has_moved, variable.path
    assert np.mean(moved) > 0.9


def test_the_loss_is_the_cross_entropy_before_the_step(bench):
    logits = build_network()(BATCH["image"], training=True)["logits"]
    expected = float(np.mean(losses.cross_entropy(BATCH["label"], logits)))
    found = bench.step(BATCH)
    assert set(found) == {"loss", "supervised", "gradient_norm"}
    assert found["supervised"] == pytest.approx(expected, rel=1e-5)
    assert found["loss"] == found["supervised"]


def mean_cross_entropy(logits):
    """Over all labelled pixels, in NumPy."""
    logits = np.asarray(logits, "float64")
    normalized = logits - np.log(np.exp(logits).sum(-1, keepdims=True))
    images, rows, columns = np.nonzero(BATCH["label"] != 255)
    classes = BATCH["label"][images, rows, columns]
    return -normalized[images, rows, columns, classes].mean()


def test_auxiliary_logits_learn_beside_at_two_fifths():
    network = networks.build(PlainArchitecture(CLASSES, auxiliary=True))
    outputs = network(BATCH["image"], training=True)
    own, auxiliary = map(mean_cross_entropy, (outputs["logits"], *outputs["auxiliary"]))
    assert own != pytest.approx(auxiliary, rel=1e-2)
    before = values(network.trainable_variables)
    losses = Bench(Supervised(network, 5.0), traced=False).step(BATCH)
    assert losses["supervised"] == pytest.approx(own + 0.4 * auxiliary, rel=1e-5)
    for variable, old in zip(network.trainable_variables, before, strict=True):
        assert (variable.numpy() != old).any(), variable.path


def test_steps_on_one_batch_lower_its_loss(bench):
    found = [bench.step(BATCH)["loss"] for _ in range(6)]
    assert found[-1] < 0.9 * found[0]


def test_images_without_a_labelled_pixel_move_no_weight(bench):
    before = values(bench.algorithm.trainable_variables)
    unlabelled = np.full_like(BATCH["label"], 255)
    assert bench.step(BATCH | {"label": unlabelled})["loss"] == 0.0
    assert distance(before, values(bench.algorithm.trainable_variables)) == 0.0
