import collections

import numpy as np
import pytest

from selene_tf.architectures import RoutingArchitecture
from selene_tf.benchmarking import learning, measure, steps, table
from selene_tf.benchmarking.options import BenchmarkOptions
from selene_tf.data.augmentation.pretext import Pretext
from selene_tf.data.pipeline import batching
from selene_tf.data.pipeline.sources import MemorySource
from selene_tf.data.pipeline.views import Augmentation
from tests.algorithms.small import build_small_network

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")

# Forward passes of one batch in a step, a backward pass counted as two, over three.
FLOORS = {
    "supervised": 1,
    "supervised + jigsaw": 6 / 3,
    "mean teacher": (3 + 3 + 1 + 1) / 3,
    "mean teacher + jigsaw": (3 + 3 + 1 + 1) / 3,
    "mean teacher, strong view": (3 + 3 + 1) / 3,
    "co-teaching": 12 / 3,
    "co-teaching + jigsaw": 12 / 3,
}
LABELS = dict(zip(learning.VARIANTS, FLOORS, strict=True))
# One of each algorithm, and between them all that a batch may hold.
TRACED = ("supervised", "mean_teacher_strong", "cross_pseudo_jigsaw")
SIZE = (8, 6)


def rows(text):
    """The table's numbers by row; labels are 28 wide."""
    return {line[:28].strip(): line[28:].split() for line in text.splitlines()[5:]}


def test_the_table_has_a_row_for_every_variant():
    clocks = {
        clock: {"median": start + 0.5, "min": start, "max": start + 1}
        for clock, start in (("wall", 10.0), ("cpu", 20.0))
    }
    row = {**clocks, "wall_ratio": 1.25, "cpu_ratio": 1.5, "floor": 8 / 3}
    variants = dict.fromkeys(learning.VARIANTS, row)
    results = {"settings": {}, "machine": {}, "learning": variants}
    numbers = "10.500 10.000 11.000 20.500 20.000 21.000 1.25 1.50 2.67".split()
    assert rows(table.table(results)) == dict.fromkeys(FLOORS, numbers)


def count_passes(network, counts):
    """Counts how often the network is called, by its name."""
    call = network.call

    def counted(*arguments, **options):
        counts[network.name] += 1
        return call(*arguments, **options)

    network.call = counted


def test_the_floor_is_that_of_the_passes_that_a_step_makes():
    counts = collections.Counter()
    names = ("student", "teacher", "other")
    networks = [build_small_network(0, name) for name in names]
    for network in networks:
        count_passes(network, counts)
    batch = learning.random_batch(3, SIZE, 2)
    algorithms = learning.make_algorithms(*networks)
    for name, algorithm in algorithms.items():
        variant = learning.VARIANTS[name]
        train, _ = steps.training_step(algorithm, batch)
        counts.clear()
        losses = train.python_function(learning.select_inputs(variant, batch))
        passes = 3 * (counts["student"] + counts["other"]) + counts["teacher"]
        assert passes / 3 == pytest.approx(variant.floor), name
        assert variant.floor == pytest.approx(FLOORS[LABELS[name]])
        assert any(loss.startswith("jigsaw") for loss in losses) == variant.jigsaw
        assert np.isfinite(losses["loss"])


def test_the_random_batch_is_one_as_trainings_have_it():
    images = np.zeros((2, *SIZE, 3), "uint8"), np.zeros((2, *SIZE), "uint8")
    source = MemorySource(*images)
    augmentation = Augmentation(SIZE, pretext=Pretext("jigsaw"), strong_view=True)
    data = batching.training(source, source, 2, 0, 0, augmentation)
    batch = learning.random_batch(3, SIZE, 2)
    expected = {
        name: (list(spec.shape), spec.dtype) for name, spec in data.element_spec.items()
    }
    shapes = {name: (list(each.shape), each.dtype) for name, each in batch.items()}
    assert shapes == expected
    for name in ("pretext_label", "unlabelled_pretext_label"):
        assert np.mean(batch[name] >= 0) == 0.5


@pytest.fixture
def some_variants(monkeypatch):
    """The table's rows and the results of one measurement, on a tiny network.

    In this process, which has started TensorFlow already, and of `TRACED` alone, since
    to trace all variants takes half a minute.
    """
    options = BenchmarkOptions(
        what="learning",
        architecture=RoutingArchitecture(num_classes=5, channels=4, num_layers=3),
        size=(32, 32),
        crop_size=(32, 32),
        batch_size=2,
        threads=0,
        repeats=1,
        with_torch=False,
    )
    variants = {name: learning.VARIANTS[name] for name in TRACED}
    monkeypatch.setattr(measure, "_start_tensorflow", lambda _: 0.0)
    monkeypatch.setattr(learning, "VARIANTS", variants)
    results = measure.measure(options)
    return rows(table.table(results)), results["learning"]


@pytest.mark.slow
def test_the_variants_are_timed_and_compared_with_supervised(some_variants):
    cells, results = some_variants
    assert list(cells) == [LABELS[name] for name in TRACED]
    for name, row in results.items():
        ratios = [row["wall_ratio"], row["cpu_ratio"], FLOORS[LABELS[name]]]
        assert cells[LABELS[name]][-3:] == [f"{ratio:.2f}" for ratio in ratios]
        for clock in ("wall", "cpu"):
            reading = row[clock]
            assert 0 < reading["min"] <= reading["median"] <= reading["max"]
            ratio = reading["median"] / results["supervised"][clock]["median"]
            assert row[f"{clock}_ratio"] == pytest.approx(ratio)
