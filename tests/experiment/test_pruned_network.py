"""What is made of a run for a device, against the run's own network.

Networks are compared as they are computed: both traced, or both not, with batches of
one size. TensorFlow's kernels sum in another order for another size or when operations
are fused, and by how much that shows depends on the processor.
"""

import dataclasses

import numpy as np
import pytest
import tensorflow as tf

from selene_tf import experiment
from selene_tf.architectures import cost_table
from selene_tf.evaluation import evaluate
from selene_tf.experiment import RunOptions, pruned_network
from selene_tf.networks import dynamic_routing, folding
from tests.experiment.saved_runs import save_path, save_run
from tests.refusals import assert_refused

# What comes out of a few steps is asked, not how they are traced.
pytestmark = pytest.mark.usefixtures("eager")


@pytest.fixture
def prepare(saved_run, prepare_once):
    """Prepares the run's network; each form of it once."""
    return lambda **fields: prepare_once(RunOptions(run_dir=saved_run, **fields))


def image_of(restored, number=0):
    image = restored.source.read(tf.constant(number, tf.int64))["image"]
    return tf.cast(image, tf.float32)[None]


def logits_of(network, image):
    return np.asarray(network(image, training=False)["logits"])


def largest_difference(logits, expected):
    """Relative to the largest value."""
    return np.abs(logits - expected).max() / np.abs(expected).max()


def test_all_of_a_network_is_the_network(saved_run, prepare):
    pruned, restored = prepare(), experiment.load_run(saved_run)
    image = image_of(restored)
    expected = logits_of(restored.network, image)
    np.testing.assert_array_equal(logits_of(pruned.network, image), expected)
    cost, num_classes = pruned.cost((32, 64)), restored.architecture.num_classes
    assert cost.macs == cost_table.macs(num_classes, 4, 3, 32, 64).supernet
    assert cost.parameters == cost_table.parameters(num_classes, 4, 3).supernet


def test_a_path_that_keeps_everything_gives_the_same(prepare, tmp_path):
    save_path(tmp_path / "all.json")
    pruned, supernet = prepare(path=str(tmp_path / "all.json")), prepare()
    image = image_of(supernet.restored)
    expected = logits_of(supernet.network, image)
    assert largest_difference(logits_of(pruned.network, image), expected) <= 1e-6


def test_discovered_is_the_runs_path(prepare):
    pruned = prepare(path="discovered")
    path = pruned.restored.path
    assert not path.kept[2, 1, :2].any()
    metadata, cost = path.metadata, pruned.cost((32, 64))
    assert cost.macs == metadata["macs"] < metadata["supernet_macs"]
    assert cost.parameters == metadata["parameters"]
    trainable = pruned.network.trainable_variables
    assert cost.parameters == sum(int(np.prod(v.shape)) for v in trainable)


def test_folded_gates_are_means_over_the_labelled_training_images(saved_run, prepare):
    kept = prepare(path="discovered")
    folded = prepare(path="discovered", gates="fold")
    source = experiment.load_split(saved_run, "train")
    training = dataclasses.replace(kept.restored, source=source)
    predict = evaluate.predictor(kept.network)
    gates = [
        predict(image_of(training, number))["gates"].numpy()[0]
        for number in range(source.size)
    ]
    assert len(gates) == 2
    # The gates differ between images, or this shows nothing.
    assert np.ptp(gates, axis=0).max() > 1e-3
    constants = np.asarray(folded.network(image_of(training))["gates"])[0]
    expected = np.where(folded.restored.path.kept, np.mean(gates, axis=0), 0)
    # Two of float32's steps: one for the mean, one for the constant.
    np.testing.assert_allclose(constants, expected, rtol=2.4e-7)


def test_a_folded_network_costs_what_it_computes(prepare):
    kept = prepare(path="discovered")
    folded = prepare(path="discovered", gates="fold")
    cost = folded.cost((32, 64))
    assert cost.parameters == folded.network.count_params()
    num_classes = kept.restored.architecture.num_classes
    table = cost_table.macs(num_classes, 4, 3, 32, 64, gated=False)
    expected = cost_table.pruned(table, folded.restored.path).supernet
    assert cost.macs == expected < kept.cost((32, 64)).macs


def test_what_most_images_close_is_passed_by(saved_run, monkeypatch):
    """As each of them would; the rest of the fold would send nothing along."""
    load_run = experiment.load_run

    def with_closed_cell(*arguments):
        restored = load_run(*arguments)
        projection = restored.network.get_layer("cell_02_s4").gate.project
        projection.kernel.assign(np.zeros(projection.kernel.shape))
        projection.bias.assign(np.full(projection.bias.shape, -1.0))
        return restored

    monkeypatch.setattr(experiment, "load_run", with_closed_cell)
    options = RunOptions(run_dir=saved_run, gates="fold")
    old = pruned_network.prepare(options)
    options = dataclasses.replace(options, statistics_batches=1)
    folded = pruned_network.prepare(options)
    assert folded.restored.path.bypassed[2, 0]
    assert "cell_02_s4_separable_1_depthwise" not in [
        layer.name for layer in folded.network.layers
    ]
    image = image_of(folded.restored)
    # The network whose gates were fixed at the means, with its new statistics.
    fixed = logits_of(folded.restored.network, image)
    logits = logits_of(folded.network, image)
    # A fold changes the order of products; float32 has 1e-7, and layers add up.
    assert largest_difference(logits, fixed) <= 1e-5
    assert np.abs(logits - logits_of(old.network, image)).max() > 1e-3


def test_new_statistics_are_those_of_the_pruned_network(saved_run, prepare):
    old = prepare(path="discovered")
    options = RunOptions(run_dir=saved_run, path="discovered", statistics_batches=2)
    new = pruned_network.prepare(options)
    restored = experiment.load_run(saved_run, path_file=options.path_file)
    experiment.recompute_statistics(restored, 2)
    image = image_of(restored)
    logits, plain = (logits_of(each.network, image) for each in (new, old))
    assert np.abs(logits - plain).max() > 1e-3
    expected = logits_of(restored.network, image)
    # The same operations twice; where several threads add up, their order is free.
    assert largest_difference(logits, expected) <= 1e-5


def test_a_network_without_gates_is_folded_too(tmp_path):
    save_run(tmp_path / "run", gated=False)
    kept, folded = (
        pruned_network.prepare(RunOptions(run_dir=tmp_path / "run", gates=gates))
        for gates in ("keep", "fold")
    )
    image = image_of(kept.restored)
    expected, logits = (logits_of(each.network, image) for each in (kept, folded))
    # Normalisation went into the kernels, so products have another order.
    assert largest_difference(logits, expected) <= 1e-5
    assert kept.cost((32, 64)).macs == folded.cost((32, 64)).macs


def test_a_path_of_another_network_is_refused(saved_run, tmp_path):
    other, _ = save_run(tmp_path / "run", channels=8)
    save_path(tmp_path / "other.json", other)

    def prepare(path):
        options = RunOptions(run_dir=saved_run, path=str(tmp_path / path))
        return lambda: pruned_network.prepare(options)

    assert_refused(prepare("other.json"), "channels=8", "channels=4")
    assert_refused(prepare("none.json"), "none.json")


def test_the_folded_network_knows_the_official_colours():
    """Normalisation and colour order come along."""
    network = dynamic_routing.build(
        3, channels=4, num_layers=3, mean_colour=(1, 2, 3), colour_order="bgr"
    )
    image = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3))
    outputs = network(image, training=False)
    folded = folding.fold(network, np.asarray(outputs["gates"])[0])
    expected = np.asarray(outputs["logits"])
    # As above: only products' order.
    assert largest_difference(logits_of(folded, image), expected) <= 1e-5
