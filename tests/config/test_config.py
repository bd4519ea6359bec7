import dataclasses
import pathlib

import pytest
from absl import flags

from selene_tf.cli import flagfile
from selene_tf.config import Config
from selene_tf.errors import UserError

SCENES = {"image_size": (96, 160)}


@pytest.mark.parametrize(
    ("changes", "flag"),
    [
        ({"steps": 0}, "--steps"),
        ({"seed": -1}, "--seed"),
        ({"learning_rate": float("nan")}, "--learning_rate"),
        ({"learning_rate": float("inf")}, "--learning_rate"),
        ({"learning_rate": 0.0}, "--learning_rate"),
        ({"scales": (0.5, float("nan"))}, "--scales"),
        ({"scales": ()}, "--scales"),
        ({"scales": (-1.0,)}, "--scales"),
        ({"momentum": 1.0}, "--momentum"),
        ({"ema_momentum": 1.5}, "--ema_momentum"),
        ({"channels": 15}, "--channels"),
        ({"num_layers": 2}, "--num_layers"),
        ({"crop_size": (96,)}, "--crop_size"),
        ({"crop_size": (96, 16)}, "--crop_size"),
        ({"image_size": (1, 1)}, "--image_size"),
        ({"algorithm": "mean_techer"}, "--algorithm"),
        ({"algorithm": "supervised", "deploy": "teacher"}, "--deploy"),
        ({"algorithm": "cross_pseudo", "deploy": "student"}, "--deploy"),
        (
            {"algorithm": "cross_pseudo", "strong_augmentation": True},
            "--strong_augmentation",
        ),
        ({"cutmix": False}, "--cutmix"),
        (
            {"algorithm": "cross_pseudo", "confidence_threshold": 0.9},
            "--confidence_threshold",
        ),
        (
            {"algorithm": "cross_pseudo", "init_checkpoint": "model.pth"},
            "--init_checkpoint",
        ),
        ({"pretext": "puzzle"}, "--pretext"),
        ({"pretext": "rotation"}, "--crop_size"),
        ({"pretext_probability": 0.0}, "--pretext_probability"),
        ({"num_permutations": 1001}, "--num_permutations"),
        ({"supervised_loss": "ohem", "ohem_min_share": 0.0}, "--ohem_min_share"),
        ({"consistency_reduction": "sum"}, "--consistency_reduction"),
        ({"confidence_threshold": 1.0}, "--confidence_threshold"),
        ({"batch_size": 8, "accumulate_steps": 3}, "--accumulate_steps"),
        ({"pooling": "psp", "accumulate_steps": 8}, "--pooling"),
        ({"strategy": "two"}, "--strategy"),
        ({"mixed_precision": "float16"}, "--mixed_precision"),
        ({"steps": 100, "warm_up_steps": 100}, "--warm_up_steps"),
        ({"consistency_ramp_steps": 10**6}, "--consistency_ramp_steps"),
        ({"data_dir": "somewhere"}, "--data_dir"),
        ({"data_dir": "x # my data"}, "--data_dir"),
        ({"class_names": ("a", "b")}, "--class_names"),
        ({"dataset": "folder", "class_names": ("a",)}, "--class_names"),
        (
            {"dataset": "folder", "class_names": ("a", "b"), "dataset_file": "x.toml"},
            "--class_names",
        ),
        ({"dataset": "cityscape"}, "--dataset"),
        ({"dataset": "tfds:"}, "--dataset"),
        ({"dataset": "camvid", "dataset_file": "x.toml"}, "--dataset_file"),
        ({"dataset": "folder", "tfds_mask": "mask"}, "--tfds_mask"),
        ({"dataset": "tfds:a", "tfds_splits": ("train",)}, "--tfds_splits"),
        ({"unlabelled_list": "u.txt"}, "--unlabelled_list"),
        ({"dataset": "camvid", "unlabelled_list": "u.txt"}, "--unlabelled_list"),
        ({"gated": False, "small_gate": True}, "--small_gate"),
        ({"gated": False, "budget_weight": 0.5}, "--budget_weight"),
        ({"init_other_classes": True}, "--init_other_classes"),
        ({"init_checkpoint": "model.pth", "init_run": "run"}, "--init_run"),
        ({"init_checkpoint": "model.pth", "path": "path.json"}, "--path"),
        ({"init_run": "/run", "run_dir": "/run"}, "--init_run"),
        ({"init_encoder_only": True}, "--init_encoder_only"),
        ({"pooling": "pyramid"}, "--pooling"),
        ({"pooling": "psp", "batch_size": 1}, "--pooling"),
        ({"budget_start": 0.9, "budget_warm_up": 0.2}, "--budget_warm_up"),
        ({"drop_path": 1.0}, "--drop_path"),
        ({"budget_weight": -1.0}, "--budget_weight"),
        ({"budget_target": 0.0}, "--budget_target"),
        ({"budget_start": 1.0}, "--budget_start"),
        ({"gate_learning_rate_multiplier": 0.0}, "--gate_learning_rate_multiplier"),
        ({"precise_bn_batches": -1}, "--precise_bn_batches"),
        ({"validation_list": "v.txt"}, "--validation_list"),
        ({"dataset": "camvid", "num_training_scenes": 3}, "--num_training_scenes"),
        ({"dataset": "camvid", "ignore_label": 0}, "--ignore_label"),
        ({"run_dir": "'/tmp/run'"}, "--run_dir"),
        ({"dataset": "folder", "class_names": ("a,b", "c")}, "--class_names"),
    ],
)
def test_a_bad_value_is_one_line_that_names_the_flag(changes, flag):
    with pytest.raises(UserError) as caught:
        Config(**SCENES | changes)
    message = str(caught.value)
    assert message.startswith(flag + ":")
    assert "expected" in message
    assert "\n" not in message


def test_it_cannot_be_changed():
    config = Config(**SCENES)
    with pytest.raises(dataclasses.FrozenInstanceError):
        config.steps = 1


def test_the_defaults_are_the_papers():
    config = Config(**SCENES)
    assert config.algorithm == "mean_teacher"
    assert config.learning_rate == 0.02
    assert config.momentum == 0.9
    assert config.poly_power == 0.9
    assert config.ema_momentum == 0.99
    assert config.consistency_weight == 100
    assert config.scales == (0.5, 0.75, 1.0, 1.25, 1.5, 2.0)
    assert config.num_layers == 16


# Weight and target: those of Li et al. 2020's three dynamic networks; all budgets
# are shares of 26 300 M operations.
@pytest.mark.parametrize(
    ("name", "weight", "target"), [("a", 0.8, 0.1), ("b", 0.5, 0.1), ("c", 0.5, 0.2)]
)
def test_the_published_budgets_are_configurations(name, weight, target):
    root = pathlib.Path(__file__).parents[2] / "configs"
    values = flags.FlagValues()
    flags.DEFINE_string("flagfile", "", "", flag_values=values)
    flagfile.define_flags(values)
    files = [f"--flagfile={root / n}.cfg" for n in ("cityscapes", f"budget_{name}")]
    config = flagfile.parse(values, ["", *files])
    assert (config.budget_weight, config.budget_target) == (weight, target)
    assert config.budget_total == 26.3e9
    assert (config.budget_start, config.budget_warm_up) == (0.4, 0.02)
    assert config.small_gate
