"""What flags make of algorithms, losses and their weights."""

import keras
import numpy as np
import pytest

from selene_tf import losses
from selene_tf.config import Config
from selene_tf.data.pipeline import views
from selene_tf.experiment import data as images
from selene_tf.experiment import make_algorithm, setup, training_run
from selene_tf.experiment.devices import make_devices
from selene_tf.losses import ohem
from tests.experiment.saved_runs import save_path

TINY = {"channels": 4, "num_layers": 3, "steps": 10, "warm_up_steps": 0}
RNG = np.random.default_rng(0)
LOGITS, TARGETS = RNG.normal(0, 3, (2, 2, 4, 4, 3)).astype("float32")
LABELS = RNG.integers(0, 3, (2, 4, 4)).astype("int32")
VALID = np.ones((2, 4, 4), bool)


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ({}, losses.consistency(LOGITS, TARGETS, VALID)),
        (
            {"consistency_reduction": "class_sum", "confidence_threshold": 0.8},
            losses.consistency(LOGITS, TARGETS, VALID, "class_sum", 0.8),
        ),
        (
            {"consistency": "pseudo_labels", "confidence_threshold": 0.8},
            losses.pseudo_label_cross_entropy(LOGITS, TARGETS, VALID, 0.8),
        ),
    ],
)
def test_the_teachers_loss_is_the_one_asked_for(flags, expected):
    values = setup.make_consistency_loss(Config(**flags))(LOGITS, TARGETS, VALID)
    np.testing.assert_array_equal(values, expected)
    # None of them is another one.
    others = [losses.consistency(LOGITS, TARGETS, VALID, "class_sum")]
    others.append(losses.pseudo_label_cross_entropy(LOGITS, TARGETS, VALID))
    for other in others:
        assert not np.allclose(values, other)


def test_the_supervised_loss_is_the_one_asked_for():
    plain = setup.make_supervised_loss(Config())(LABELS, LOGITS)
    np.testing.assert_array_equal(plain, losses.cross_entropy(LABELS, LOGITS))
    flags = {"ohem_threshold": 0.1, "ohem_min_share": 0.25}
    mined = setup.make_supervised_loss(Config(supervised_loss="ohem", **flags))
    expected = ohem.ohem_cross_entropy(LABELS, LOGITS, 0.25, 0.1)
    np.testing.assert_array_equal(mined(LABELS, LOGITS), expected)
    assert np.mean(expected) > np.mean(plain)


def test_every_option_reaches_the_mean_teacher():
    config = Config(
        ema_momentum=0.5,
        ema_warm_up=True,
        teacher_statistics="moving",
        mask_padding=False,
        consistency_weight=8.0,
        consistency_ramp="linear",
        consistency_ramp_steps=4,
        consistency="pseudo_labels",
        supervised_loss="ohem",
        pretext="jigsaw",
        pretext_weight=0.3,
        num_permutations=7,
        budget_weight=0.5,
        deploy="student",
        accumulate_steps=2,
        **TINY,
    )
    algorithm = make_algorithm(config, class_weights=(1.0, 2.0))
    assert algorithm.class_weights == (1.0, 2.0)
    assert algorithm.ema_momentum == 0.5
    assert algorithm.ema_warm_up
    assert algorithm.teacher_statistics == "moving"
    assert not algorithm.mask_padding
    # Half of a linear rise; the sigmoid's would be 8 exp(-5/4).
    assert float(algorithm.consistency_weight(2)) == pytest.approx(4.0)
    assert algorithm.consistency_loss.func is losses.pseudo_label_cross_entropy
    assert algorithm.supervised_loss.func is ohem.ohem_cross_entropy
    assert (algorithm.pretext.name, algorithm.pretext.weight) == ("jigsaw", 0.3)
    assert algorithm.heads["student"].num_classes == 7
    assert set(algorithm.heads) == {"student"}
    assert algorithm.budget is not None
    assert algorithm.deployed == "student"
    assert algorithm.accumulate_steps == 2
    assert not algorithm.jit_compile


def test_every_option_reaches_co_teaching():
    config = Config(
        algorithm="cross_pseudo",
        cross_pseudo_weight=5.0,
        mask_padding=False,
        mixed_precision="bfloat16",
        jit_compile=True,
        **TINY,
    )
    algorithm = make_algorithm(config)
    assert float(algorithm.cross_pseudo_weight(0)) == 5.0
    assert not algorithm.mask_padding
    assert algorithm.deployed == "first"
    assert algorithm.jit_compile
    cell = algorithm.networks["second"].get_layer("cell_01_s4")
    assert cell.compute_dtype == "bfloat16"
    # Only while the networks are made.
    assert keras.config.dtype_policy().name == "float32"


def test_along_a_path_a_budget_counts_what_is_left_as_a_share_of_the_whole(tmp_path):
    path = save_path(tmp_path / "path.json", without=[(1, 1, None), (2, 1, "up")])
    config = Config(budget_weight=0.5, **TINY)
    unpruned, budget = setup.make_budget(config), setup.make_budget(config, path)
    assert budget.total == unpruned.total == unpruned.table.searched
    gates = path.kept[None].astype("float32")
    # The official count leaves out the cell behind the stem.
    cells = unpruned.table.cells[path.kept.any(axis=-1)].sum()
    expected = cells + unpruned.table.routes[path.kept].sum()
    assert float(budget.costs(gates)[0]) == pytest.approx(expected)
    everything = np.ones_like(gates)
    assert float(budget.costs(everything)[0]) == pytest.approx(expected)
    assert budget.table.searched == expected < unpruned.total


@pytest.mark.parametrize(
    ("flags", "strong", "kind"),
    [
        ({}, False, None),
        ({"strong_augmentation": True}, True, None),
        ({"strong_augmentation": True, "cutmix": False}, True, None),
        ({"strong_augmentation": True, "algorithm": "supervised"}, False, None),
        ({"pretext": "jigsaw", "pretext_weight": 0.0}, False, None),
        ({"pretext": "rotation", "crop_size": (96, 96)}, False, "rotation"),
    ],
)
def test_images_are_shown_as_asked_for(flags, strong, kind, monkeypatch):
    """What the pipeline gets; a stand-in keeps it."""
    got = []
    monkeypatch.setattr(images.batching, "training", lambda *args: got.extend(args))
    devices = make_devices(Config(strategy="one"))
    config = Config(num_training_scenes=2, num_validation_scenes=1, **flags)
    images.make_training_dataset(config, images.Sources(None, None, None), 0, devices)
    augmentation = next(x for x in got if isinstance(x, views.Augmentation))
    assert augmentation.strong_view == strong
    assert augmentation.cutmix == config.cutmix
    assert (augmentation.pretext.kind if augmentation.pretext else None) == kind


@pytest.mark.parametrize(
    ("flags", "text"),
    [
        # 100 over the mean of 11 classes is 100 / 11 over their sum.
        (
            {"dataset": "camvid"},
            "100 as mean of the classes, which is 9.091 as class_s",
        ),
        (
            {"dataset": "camvid", "consistency_reduction": "class_sum"}
            | {"consistency_weight": 1.0},
            "1 as class_sum of the classes, which is 11 as mean",
        ),
    ],
)
def test_the_equivalent_weight_is_told(flags, text, monkeypatch):
    monkeypatch.delenv("TF_CONFIG", raising=False)
    config = Config(**flags)
    data = images.Sources(*[Sized(8)] * 3)
    assert text in training_run.describe(config, data, make_devices(Config()))


class Sized:
    """As much of a source as the first line of a run needs."""

    def __init__(self, size):
        self.size = size
