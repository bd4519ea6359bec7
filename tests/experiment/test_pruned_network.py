"""What is made of a run for a device, against the run's own network."""

import numpy as np
import pytest
import tensorflow as tf

from selene_tf import experiment
from selene_tf.architectures import cost_table
from selene_tf.experiment import pruned_network
from selene_tf.networks import dynamic_routing
from tests.experiment.saved_runs import save_path, save_run
from tests.refusals import assert_refused


@pytest.fixture(scope="module")
def run_dir(tmp_path_factory):
    folder = tmp_path_factory.mktemp("deployed") / "run"
    save_run(folder)
    save_path(folder / "path.json", without=[(2, 1, "keep"), (2, 1, "up")])
    return folder


@pytest.fixture(scope="module")
def restored(run_dir):
    return experiment.load_run(run_dir)


def image_of(trained):
    image = trained.source.read(tf.constant(0, tf.int64))["image"]
    return tf.cast(image, tf.float32)[None]


def logits_of(network, image):
    return np.asarray(network(image, training=False)["logits"])


def test_all_of_a_network_is_the_network(run_dir, restored):
    prepared = pruned_network.prepare(run_dir)
    image = image_of(restored)
    wanted = logits_of(restored.network, image)
    np.testing.assert_array_equal(logits_of(prepared.network, image), wanted)
    cost, num_classes = prepared.cost((32, 64)), restored.architecture.num_classes
    assert cost.macs == cost_table.macs(num_classes, 4, 3, 32, 64).supernet
    assert cost.parameters == cost_table.parameters(num_classes, 4, 3).supernet


def test_a_path_that_keeps_everything_gives_the_same(run_dir, restored, tmp_path):
    save_path(tmp_path / "all.json")
    prepared = pruned_network.prepare(run_dir, path=str(tmp_path / "all.json"))
    image = image_of(restored)
    wanted = logits_of(restored.network, image)
    found = logits_of(prepared.network, image)
    assert np.abs(found - wanted).max() <= 1e-6 * np.abs(wanted).max()


def test_discovered_is_the_runs_path(run_dir):
    prepared = pruned_network.prepare(run_dir, path="discovered")
    path = prepared.trained.path
    assert not path.kept[2, 1, :2].any()
    wanted = path.metadata
    cost = prepared.cost((32, 64))
    assert cost.macs == wanted["macs"] < wanted["supernet_macs"]
    assert cost.parameters == wanted["parameters"]
    trainable = prepared.network.trainable_variables
    assert cost.parameters == sum(int(np.prod(v.shape)) for v in trainable)


def test_folded_gates_are_means_over_the_labelled_training_images(run_dir):
    kept = pruned_network.prepare(run_dir, path="discovered", split="train")
    folded = pruned_network.prepare(run_dir, path="discovered", gates="fold")
    images = [
        tf.cast(kept.trained.source.read(tf.constant(n, tf.int64))["image"], tf.float32)
        for n in range(kept.trained.source.size)
    ]
    assert len(images) == 2
    gates = [np.asarray(kept.network(p[None])["gates"])[0] for p in images]
    # The gates differ between images, or this shows nothing.
    assert np.ptp(gates, axis=0).max() > 1e-3
    found = np.asarray(folded.network(images[0][None])["gates"])[0]
    wanted = np.where(folded.trained.path.kept, np.mean(gates, axis=0), 0)
    np.testing.assert_allclose(found, wanted, atol=1e-6)
    cost = folded.cost((32, 64))
    assert cost.parameters == folded.network.count_params()
    num_classes = kept.trained.architecture.num_classes
    table = cost_table.macs(num_classes, 4, 3, 32, 64, gated=False)
    wanted = cost_table.pruned(table, folded.trained.path).supernet
    assert cost.macs == wanted < kept.cost((32, 64)).macs


def test_what_most_images_close_is_passed_by(run_dir, monkeypatch):
    """As each of them would; the rest of the fold would send nothing along."""
    closing = pruned_network.prepare(run_dir).network
    projection = closing.get_layer("cell_02_s4").gate.project
    projection.kernel.assign(np.zeros(projection.kernel.shape))
    projection.bias.assign(np.full(projection.bias.shape, -1.0))
    load_run = experiment.load_run

    def with_closed_cell(*arguments):
        trained = load_run(*arguments)
        trained.network.set_weights(closing.get_weights())
        return trained

    monkeypatch.setattr(experiment, "load_run", with_closed_cell)
    old = pruned_network.prepare(run_dir, gates="fold")
    folded = pruned_network.prepare(run_dir, gates="fold", statistics_batches=1)
    assert folded.trained.path.bypassed[2, 0]
    assert "cell_02_s4_separable_1_depthwise" not in [
        layer.name for layer in folded.network.layers
    ]
    image = image_of(folded.trained)
    wanted = logits_of(folded.trained.network, image)
    found = logits_of(folded.network, image)
    assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()
    assert np.abs(found - logits_of(old.network, image)).max() > 1e-3


def test_new_statistics_are_those_of_the_pruned_network(run_dir):
    old = pruned_network.prepare(run_dir, path="discovered")
    new = pruned_network.prepare(run_dir, path="discovered", statistics_batches=2)
    wanted = pruned_network.prepare(run_dir, path="discovered")
    experiment.recompute_statistics(wanted.trained, 2)
    image = image_of(old.trained)
    found, plain = (logits_of(each.network, image) for each in (new, old))
    assert np.abs(found - plain).max() > 1e-3
    np.testing.assert_allclose(found, logits_of(wanted.network, image), rtol=1e-5)


def test_a_network_without_gates_is_folded_too(tmp_path):
    save_run(tmp_path / "run", gated=False)
    kept, folded = (
        pruned_network.prepare(tmp_path / "run", gates=gates)
        for gates in ("keep", "fold")
    )
    image = image_of(kept.trained)
    wanted, found = (logits_of(each.network, image) for each in (kept, folded))
    assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()
    assert kept.cost((32, 64)).macs == folded.cost((32, 64)).macs


def test_a_path_of_another_network_is_refused(run_dir, tmp_path):
    other, _ = save_run(tmp_path / "run", channels=8)
    save_path(tmp_path / "other.json", other)
    assert_refused(
        lambda: pruned_network.prepare(run_dir, path=str(tmp_path / "other.json")),
        "channels=8",
        "channels=4",
    )
    assert_refused(
        lambda: pruned_network.prepare(run_dir, path=str(tmp_path / "none.json")),
        "none.json",
    )


def test_the_folded_network_knows_the_official_colours():
    """Normalisation and colour order come along."""
    network = dynamic_routing.build(
        3, channels=4, num_layers=3, mean_colour=(1, 2, 3), colour_order="bgr"
    )
    image = np.random.default_rng(0).uniform(0, 255, (1, 32, 32, 3))
    gates = np.asarray(network(image)["gates"])[0]
    wanted = logits_of(network, image)
    found = logits_of(pruned_network.folding.fold(network, gates), image)
    assert np.abs(found - wanted).max() <= 1e-5 * np.abs(wanted).max()
