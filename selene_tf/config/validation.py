"""Validates a configuration; every mistake is one line that names its flag."""

import dataclasses
import math
import operator
import re
from typing import Literal, get_args, get_origin

from selene_tf.config import class_weights, network_validation
from selene_tf.config.protocol import parse_protocol
from selene_tf.config.text import to_text
from selene_tf.errors import UserError

# What a flagfile does not give back; the last range are bytes of no encoding.
_UNWRITABLE = re.compile(r"\A\s|\s\Z|[\0\r\n\ud800-\udfff]")


def check_value(field, value):
    """Rejects NaN, infinity, and values that a flagfile cannot hold."""
    in_list = isinstance(value, tuple)
    for part in value if in_list else (value,):
        if isinstance(part, str):
            _check_text(field.name, part, in_list)
        else:
            _check_number(field.name, part)
    if get_origin(field.type) is Literal and value not in get_args(field.type):
        expected = ", ".join(get_args(field.type))
        raise UserError(f"--{field.name}: found '{value}', expected one of {expected}.")


def _check_text(name, text, in_list):
    if _UNWRITABLE.search(text):
        raise UserError(
            f"--{name}: found {text!r}, expected text of one line without spaces at "
            "its ends."
        )
    if _is_spoilt(text, in_list):
        raise UserError(
            f"--{name}: found {text!r}, expected the bare value; comments stand on "
            "lines of their own and nothing is quoted."
        )


def _is_spoilt(text, in_list):
    """Whether a value has caught a flagfile's comment, quotes or a stray comma."""
    quoted = text.startswith(("'", '"'))
    return quoted or " #" in text or (in_list and "," in text)


def _check_number(name, number):
    if isinstance(number, float) and not math.isfinite(number):
        raise UserError(f"--{name}: found {number}, expected a finite number.")
    # Python does not write numbers of more than 4300 digits.
    if isinstance(number, int) and number.bit_length() > 63:
        raise UserError(
            f"--{name}: found a number of {number.bit_length()} bits, expected one of "
            "at most 63."
        )


def option(default, text, **bounds):
    """Defines a field by its default, its flag's help text and some of `BOUNDS`."""
    return dataclasses.field(default=default, metadata={"help": text} | bounds)


BOUNDS = {
    "at_least": (operator.ge, "{} or more"),
    "at_most": (operator.le, "{} or less"),
    "above": (operator.gt, "more than {}"),
    "below": (operator.lt, "less than {}"),
}


def check_bounds(field, value):
    """Rejects a value outside of the field's bounds."""
    for name, (holds, text) in BOUNDS.items():
        bound = field.metadata.get(name)
        if bound is not None and not holds(value, bound):
            raise UserError(
                f"--{field.name}: found {value}, expected {text.format(bound)}."
            )


def check_together(config):
    """Rejects values that contradict each other."""
    _check_size("crop_size", config.crop_size, smallest=32)
    if config.image_size:
        _check_size("image_size", config.image_size, smallest=32)
    if not config.scales or min(config.scales) <= 0:
        raise UserError(
            f"--scales: found '{to_text(config.scales)}', expected positive factors "
            "such as 0.5,1,2."
        )
    if config.channels % 2:
        raise UserError(
            f"--channels: found {config.channels}, expected an even number, since the "
            "gates halve it."
        )
    if config.warm_up_steps >= config.steps:
        raise UserError(
            f"--warm_up_steps: found {config.warm_up_steps}, expected fewer than "
            f"--steps={config.steps}."
        )
    teaches = config.algorithm != "supervised"
    if teaches and config.consistency_ramp_steps > config.steps:
        raise UserError(
            f"--consistency_ramp_steps: found {config.consistency_ramp_steps}, "
            f"expected at most --steps={config.steps}."
        )
    class_weights.parse(config.class_weights)
    parse_protocol(config.protocol)
    _check_algorithm(config)
    network_validation.check(config)
    _check_data(config)


# Networks of each algorithm that --deploy may name.
_DEPLOYABLE = {
    "supervised": ("auto", "student"),
    "mean_teacher": ("auto", "student", "teacher"),
    "cross_pseudo": ("auto",),
}
_TEACHERS = (
    *("strong_augmentation", "cutmix", "confidence_threshold", "consistency"),
    *("consistency_reduction", "teacher_statistics", "ema_warm_up"),
)


def _check_algorithm(config):
    allowed = _DEPLOYABLE[config.algorithm]
    if config.deploy not in allowed:
        raise UserError(
            f"--deploy: found {config.deploy}, which --algorithm={config.algorithm} "
            f"has not; expected {' or '.join(allowed)}."
        )
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        is_teachers = field.name in _TEACHERS and value != field.default
        if config.algorithm == "cross_pseudo" and is_teachers:
            raise UserError(
                f"--{field.name}: found {to_text(value)} with "
                "--algorithm=cross_pseudo, which has no teacher; expected nothing."
            )
    if config.consistency == "pseudo_labels" and config.consistency_reduction != "mean":
        raise UserError(
            f"--consistency_reduction: found {config.consistency_reduction} with "
            "--consistency=pseudo_labels, which has no classes to reduce; expected "
            "nothing."
        )
    if not (config.cutmix or config.strong_augmentation):
        raise UserError(
            "--cutmix: found false without --strong_augmentation, whose part it is; "
            "expected --strong_augmentation with it."
        )
    height, width = config.crop_size
    rotates = config.pretext == "rotation" and config.pretext_weight
    if rotates and height != width:
        raise UserError(
            f"--crop_size: found '{to_text(config.crop_size)}' with --pretext="
            "rotation; expected a square, which a quarter turn leaves as large."
        )
    parts = config.accumulate_steps
    if config.batch_size % parts:
        raise UserError(
            f"--accumulate_steps: found {parts}, which does not divide --batch_size="
            f"{config.batch_size}; expected a divisor."
        )


def _check_size(name, size, smallest):
    if len(size) != 2 or min(size) < smallest:
        raise UserError(
            f"--{name}: found '{to_text(size)}', expected height,width in pixels, "
            f"both {smallest} or more."
        )


# Fields that have a meaning for some data sets only.
_FILES = ("camvid", "folder", "cityscapes", "pascal_voc")
DATASETS = ("scenes", *_FILES, "tfds:NAME")
_OWN = ("folder", "tfds")
_ONLY_FOR = {
    "num_training_scenes": ("scenes",),
    "num_validation_scenes": ("scenes",),
    "class_names": _OWN,
    "ignore_label": _OWN,
    "dataset_file": _OWN,
    "tfds_image": ("tfds",),
    "tfds_mask": ("tfds",),
    "tfds_splits": ("tfds",),
    "data_dir": (*_FILES, "tfds"),
    "labelled_list": _FILES,
    "unlabelled_list": _FILES,
    "validation_list": _FILES,
}


def _check_data(config):
    kind, _, name = config.dataset.partition(":")
    if config.dataset not in DATASETS[:-1] and not (kind == "tfds" and name):
        raise UserError(
            f"--dataset: found '{config.dataset}', expected one of "
            f"{', '.join(DATASETS)}."
        )
    for field in dataclasses.fields(config):
        value, datasets = getattr(config, field.name), _ONLY_FOR.get(field.name)
        if datasets and kind not in datasets and value != field.default:
            raise UserError(
                f"--{field.name}: found '{to_text(value)}', expected nothing, since "
                f"--dataset={config.dataset} has no use for it."
            )
    if len(config.class_names) == 1:
        raise UserError(
            f"--class_names: found '{to_text(config.class_names)}', expected the names "
            "of two or more classes, in the order of their ids."
        )
    if config.class_names and config.dataset_file:
        raise UserError(
            "--class_names: found with --dataset_file, which holds them; expected one "
            "of the two."
        )
    if len(config.tfds_splits) not in (0, 2):
        raise UserError(
            f"--tfds_splits: found '{to_text(config.tfds_splits)}', expected two "
            "names, such as train,validation."
        )
    if config.unlabelled_list and not config.labelled_list:
        raise UserError(
            "--unlabelled_list: found without --labelled_list; expected both, or the "
            "rule of --labelled_ratio for both."
        )
