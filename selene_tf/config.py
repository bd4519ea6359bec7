"""The settings of a run: one frozen dataclass and what it refuses."""

import dataclasses
import math
import operator
from typing import Literal, get_args, get_origin

from selene_tf.errors import UserError


def option(default, text, **bounds):
    """A field with a default, its flag's help and bounds (see `_BOUNDS`)."""
    return dataclasses.field(default=default, metadata={"help": text} | bounds)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that a training run depends on; see each field's help."""

    # The run.
    run_dir: str = option(
        "", "Folder of the run; made if missing. A second start resumes."
    )
    seed: int = option(
        0,
        "Seed of weights, order of data and augmentation.",
        at_least=0,
        at_most=2**31 - 1,
    )
    steps: int = option(40_000, "Optimiser steps of the whole training.", at_least=1)

    # Data.
    dataset: Literal["scenes", "camvid", "folder", "cityscapes", "pascal_voc"] = option(
        "scenes",
        "Drawn street scenes, CamVid, or a folder of one's own pictures. cityscapes "
        "and pascal_voc are named for their configurations; they cannot be read yet.",
    )
    data_dir: str = option("", "Folder of the data set; none for scenes.")
    image_size: tuple[int, ...] = option(
        (),
        "Height,width to which pictures are resized when read; empty: as they are. "
        "Scenes are drawn at it; empty: 96,160.",
    )
    class_names: tuple[str, ...] = option(
        (), "Names of the classes, for --dataset=folder."
    )
    ignore_label: int = option(
        255,
        "Id in the masks of pixels without a label, for --dataset=folder.",
        at_least=0,
        at_most=255,
    )
    labelled_ratio: int = option(
        8,
        "Every n-th training picture keeps its label; the others lose theirs.",
        at_least=1,
    )
    labelled_list: str = option(
        "", "List file of the labelled pictures, in place of the ratio."
    )
    unlabelled_list: str = option("", "List file of the unlabelled pictures, likewise.")
    validation_list: str = option("", "List file of the validation pictures.")
    num_training_scenes: int = option(
        512, "Drawn scenes to train on, for --dataset=scenes.", at_least=1
    )
    num_validation_scenes: int = option(
        100, "Drawn scenes to validate on, likewise.", at_least=1
    )
    memory_gib: float = option(
        4.0,
        "Labelled, unlabelled, validation pictures, each, stay in memory if they take "
        "no more than this, decoded, in GiB.",
        at_least=0,
    )

    # Augmentation, in this order (SELENE, section 5.2).
    scales: tuple[float, ...] = option(
        (0.5, 0.75, 1.0, 1.25, 1.5, 2.0), "Factors of which each picture gets one."
    )
    flip: bool = option(True, "Flip every second picture from left to right.")
    crop_size: tuple[int, ...] = option((96, 160), "Height,width of a training crop.")

    # Network.
    channels: int = option(64, "Channels at stride 4; an even number.", at_least=2)
    num_layers: int = option(16, "Layers of routing cells; at least 3.", at_least=3)

    # Algorithm.
    algorithm: Literal["supervised", "mean_teacher"] = option(
        "mean_teacher", "How the unlabelled pictures are used, if at all."
    )
    consistency_weight: float = option(
        100.0, "Weight of the mean teacher's loss, lambda 2 of the paper.", at_least=0
    )
    consistency_ramp_steps: int = option(
        0,
        "Steps over which that weight rises; 0, as in the paper: it is there at once.",
        at_least=0,
    )
    ema_momentum: float = option(
        0.99, "Share of the teacher that each step keeps.", at_least=0, at_most=1
    )
    deploy: Literal["auto", "student", "teacher"] = option(
        "auto",
        "Network that is reported and exported; auto: the teacher if there is one.",
    )

    # Optimisation.
    batch_size: int = option(
        8,
        "Labelled pictures of a step, over all devices; as many unlabelled ones join.",
        at_least=1,
    )
    learning_rate: float = option(0.02, "Initial learning rate.", above=0)
    poly_power: float = option(0.9, "Exponent of the polynomial decay.", at_least=0)
    warm_up_steps: int = option(1000, "Steps of linear warm-up; 0: none.", at_least=0)
    warm_up_factor: float = option(
        0.001, "Share of the rate at which the warm-up starts.", at_least=0, at_most=1
    )
    momentum: float = option(0.9, "Momentum of SGD.", at_least=0, below=1)
    weight_decay: float = option(
        1e-4, "Weight decay; none on normalisation.", at_least=0
    )
    max_gradient_norm: float = option(
        5.0, "Global norm to which gradients are clipped.", above=0
    )
    jit_compile: bool = option(False, "Compile the step with XLA; slower on CPUs.")

    # Reports.
    log_every: int = option(20, "Steps between two lines of log.jsonl.", at_least=1)
    evaluate_every: int = option(1000, "Steps between two evaluations.", at_least=1)
    evaluation_batch_size: int = option(1, "Validation pictures at a time.", at_least=1)
    checkpoint_every: int = option(500, "Steps between two checkpoints.", at_least=1)
    keep_checkpoints: int = option(2, "Checkpoints that are kept.", at_least=1)
    num_predictions: int = option(
        6, "Validation pictures drawn with their prediction.", at_least=0
    )
    path_threshold: float = option(
        0.5,
        "A route stays in the path if at least this share of pictures opens it.",
        at_least=0,
        at_most=1,
    )

    def __post_init__(self):
        for field in dataclasses.fields(self):
            _check_value(field, getattr(self, field.name))
            _check_bounds(field, getattr(self, field.name))
        _check_together(self)


def to_text(value):
    """A field's value as it stands on a command line."""
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return str(value).lower() if isinstance(value, bool) else str(value)


def _is_spoilt(text, in_list):
    """Whether a value has caught a flagfile's comment, quotes or a stray comma."""
    quoted = text.startswith(("'", '"'))
    return quoted or " #" in text or "\n" in text or (in_list and "," in text)


def _check_value(field, value):
    """Refuses NaN, infinity and what a flagfile's comment leaves in a value."""
    for part in value if isinstance(value, tuple) else (value,):
        if isinstance(part, float) and not math.isfinite(part):
            raise UserError(f"--{field.name}: found {part}, expected a finite number.")
        if isinstance(part, str) and _is_spoilt(part, isinstance(value, tuple)):
            raise UserError(
                f"--{field.name}: found {part!r}, expected the bare value; comments "
                "stand on lines of their own and nothing is quoted."
            )
    if get_origin(field.type) is Literal and value not in get_args(field.type):
        expected = ", ".join(get_args(field.type))
        raise UserError(f"--{field.name}: found '{value}', expected one of {expected}.")


_BOUNDS = {
    "at_least": (operator.ge, "{} or more"),
    "at_most": (operator.le, "{} or less"),
    "above": (operator.gt, "more than {}"),
    "below": (operator.lt, "less than {}"),
}


def _check_bounds(field, value):
    for name, (holds, text) in _BOUNDS.items():
        bound = field.metadata.get(name)
        if bound is not None and not holds(value, bound):
            raise UserError(
                f"--{field.name}: found {value}, expected {text.format(bound)}."
            )


def _check_together(config):
    """Refuses values that contradict each other."""
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
    if config.consistency_ramp_steps > config.steps:
        raise UserError(
            f"--consistency_ramp_steps: found {config.consistency_ramp_steps}, "
            f"expected at most --steps={config.steps}."
        )
    if config.algorithm == "supervised" and config.deploy == "teacher":
        raise UserError(
            "--deploy: found teacher, which --algorithm=supervised has not; expected "
            "student or auto."
        )
    _check_data(config)


def _check_size(name, size, smallest):
    if len(size) != 2 or min(size) < smallest:
        raise UserError(
            f"--{name}: found '{to_text(size)}', expected height,width in pixels, "
            f"both {smallest} or more."
        )


# Fields that have a meaning for some data sets only.
_FILES = ("camvid", "folder", "cityscapes", "pascal_voc")
_ONLY_FOR = {
    "num_training_scenes": ("scenes",),
    "num_validation_scenes": ("scenes",),
    "class_names": ("folder",),
    "ignore_label": ("folder",),
    "data_dir": _FILES,
    "labelled_list": _FILES,
    "unlabelled_list": _FILES,
    "validation_list": _FILES,
}


def _check_data(config):
    for field in dataclasses.fields(config):
        value, datasets = getattr(config, field.name), _ONLY_FOR.get(field.name)
        if datasets and config.dataset not in datasets and value != field.default:
            raise UserError(
                f"--{field.name}: found '{to_text(value)}', expected nothing, since "
                f"--dataset={config.dataset} has no use for it."
            )
    if config.dataset == "folder" and len(config.class_names) < 2:
        raise UserError(
            f"--class_names: found '{to_text(config.class_names)}', expected the names "
            "of two or more classes for --dataset=folder, in the order of their ids."
        )
    if config.unlabelled_list and not config.labelled_list:
        raise UserError(
            "--unlabelled_list: found without --labelled_list; expected both, or the "
            "rule of --labelled_ratio for both."
        )
