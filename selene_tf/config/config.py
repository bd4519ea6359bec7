"""The settings of a run: one frozen dataclass and what it refuses."""

import dataclasses
from typing import Literal

from selene_tf.config import validation
from selene_tf.config.validation import option


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Everything that a training run depends on; see each field's help."""

    # The run.
    run_dir: str = option("", "Folder of the run; made if missing, resumed if there.")
    seed: int = option(0, "Seed of all randomness.", at_least=0, at_most=2**31 - 1)
    steps: int = option(40_000, "Optimiser steps of the whole training.", at_least=1)

    # Data.
    dataset: str = option(
        "scenes",
        "scenes (drawn streets), camvid, cityscapes, pascal_voc, folder (of one's own "
        "images), or tfds:NAME of TensorFlow Datasets.",
    )
    data_dir: str = option("", "Folder of the data set; none for scenes.")
    dataset_file: str = option(
        "",
        "TOML or JSON file of class names, colours, ignore label and label_map, for "
        "folder and tfds; empty: dataset.toml or dataset.json in --data_dir, if any.",
    )
    image_size: tuple[int, ...] = option(
        (),
        "Height,width to which images are resized when read; empty: as they are. "
        "Scenes are drawn at it; empty: 96,160.",
    )
    class_names: tuple[str, ...] = option(
        (), "Names of the classes in the order of their ids, in place of that file."
    )
    ignore_label: int = option(
        255,
        "Id in the masks of pixels without a label, with --class_names.",
        at_least=0,
        at_most=255,
    )
    labelled_ratio: int = option(
        8,
        "Every n-th training image keeps its label; the others lose theirs.",
        at_least=1,
    )
    labelled_list: str = option("", "List file of labelled images; not the ratio.")
    unlabelled_list: str = option("", "List file of the unlabelled images, likewise.")
    validation_list: str = option("", "List file of the validation images.")
    tfds_image: str = option("", "Feature of the images, if tfds has several.")
    tfds_mask: str = option("", "Feature of the masks, likewise.")
    tfds_splits: tuple[str, ...] = option(
        (), "Its splits for training and validation; empty: train and what there is."
    )
    num_training_scenes: int = option(
        512, "Drawn scenes to train on, for --dataset=scenes.", at_least=1
    )
    num_validation_scenes: int = option(100, "The same to validate on.", at_least=1)
    memory_gib: float = option(
        4.0,
        "Labelled, unlabelled, validation images, each, stay in memory up to so many "
        "GiB, decoded.",
        at_least=0,
    )
    on_bad_sample: Literal["error", "skip"] = option(
        "error",
        "A training image that cannot be read stops the run, or is left out, up to "
        "one in a hundred. In validation it always stops it.",
    )

    # Augmentation, in this order (SELENE, section 5.2).
    scales: tuple[float, ...] = option(
        (0.5, 0.75, 1.0, 1.25, 1.5, 2.0), "Factors of which each image gets one."
    )
    flip: bool = option(True, "Flip every second image from left to right.")
    crop_size: tuple[int, ...] = option((96, 160), "Height,width of a training crop.")

    # Network.
    channels: int = option(64, "Channels at stride 4; an even number.", at_least=2)
    num_layers: int = option(16, "Layers of routing cells; at least 3.", at_least=3)
    small_gate: bool = option(False, "Let gates look at a quarter of the resolution.")
    gated: bool = option(True, "Give cells gates; without, every route is open.")
    pooling: Literal["none", "psp", "aspp"] = option(
        "none", "Head on the level at stride 32: pyramid or atrous pooling."
    )
    drop_path: float = option(
        0.0,
        "Probability, at the end of the training, with which cells of the last layer "
        "leave out their convolutions; earlier steps and layers less.",
        at_least=0,
        below=1,
    )
    path: str = option(
        "", "A path.json; of the network only what it keeps is built and trained."
    )
    init_run: str = option(
        "",
        "Folder of a run whose deployed network's weights to start from; of the same "
        "network, or of one from which --path leaves out more. Also its colours.",
    )
    init_checkpoint: str = option(
        "",
        "Weights to start from: a .pth or .npz file of the official DynamicRouting "
        "code. Sets its colour order and normalisation.",
    )
    init_encoder_only: bool = option(
        False, "Take the encoder alone from that file; stem and head may be missing."
    )
    init_other_classes: bool = option(
        False, "That file may have other classes; the classifier is then new."
    )

    # Budget (Li et al. 2020, section 3.4).
    budget_weight: float = option(
        0.0, "Weight of the loss on the expected cost; 0: none.", at_least=0
    )
    budget_target: float = option(
        0.1,
        "Share of the cost with all gates open that the loss aims at.",
        above=0,
        at_most=1,
    )
    budget_total: float = option(
        0.0,
        "Cost that counts as 1, in operations as the official code counts them; 0: all "
        "gates open at --crop_size.",
        at_least=0,
    )
    budget_start: float = option(
        0.4, "Share of the steps before the loss begins.", at_least=0, below=1
    )
    budget_warm_up: float = option(
        0.02, "Share of the steps over which it rises.", at_least=0, at_most=1
    )

    # What is learned from labels.
    supervised_loss: Literal["cross_entropy", "ohem"] = option(
        "cross_entropy",
        "Loss on labelled pixels: of all, or of the hard ones (online hard example "
        "mining; the paper's on Cityscapes).",
    )
    ohem_threshold: float = option(
        0.7,
        "With ohem: pixels whose class is less probable than this are hard.",
        at_least=0,
        at_most=1,
    )
    ohem_min_share: float = option(
        0.078125,
        "With ohem: share of a batch's pixels that is kept at least; published: 50000 "
        "of 800x800.",
        above=0,
        at_most=1,
    )

    # What is learned from all images by a task of their own (SELENE, section 3.1).
    pretext: Literal["none", "jigsaw", "rotation"] = option(
        "none", "Task for images without labels: order 3x3 tiles, or tell a rotation."
    )
    pretext_weight: float = option(
        0.1, "Weight of its loss, lambda 1 of the paper; 0: as without.", at_least=0
    )
    pretext_probability: float = option(
        0.5,
        "Share of the images that get the task; the paper's text has 1.",
        above=0,
        at_most=1,
    )
    num_permutations: int = option(
        100, "With jigsaw: orders of the tiles to tell apart.", at_least=2, at_most=1000
    )

    # How networks teach each other on all images (SELENE, section 3.2).
    algorithm: Literal["supervised", "mean_teacher", "cross_pseudo"] = option(
        "mean_teacher",
        "How the unlabelled images are used: not but for the pretext task, by a mean "
        "teacher, or by two networks that label for each other (co-teaching).",
    )
    consistency_weight: float = option(
        100.0, "Weight of the mean teacher's loss, lambda 2 of the paper.", at_least=0
    )
    cross_pseudo_weight: float = option(
        1.5, "Weight of co-teaching's loss, lambda 2 there.", at_least=0
    )
    consistency_ramp_steps: int = option(
        0,
        "Steps over which that weight rises; 0, as in the paper: it is there at once.",
        at_least=0,
    )
    consistency_ramp: Literal["sigmoid", "linear"] = option(
        "sigmoid", "How it rises: exp(-5 (1 - t)^2), or t."
    )
    consistency: Literal["squared_error", "pseudo_labels"] = option(
        "squared_error",
        "What the mean teacher's loss compares: probabilities, or the student's with "
        "the teacher's most probable class.",
    )
    consistency_reduction: Literal["mean", "class_sum"] = option(
        "mean", "Of squared errors over the classes; the mean is the paper's lineage's."
    )
    confidence_threshold: float = option(
        0.0,
        "Pixels of which the teacher is less sure than this teach nothing.",
        at_least=0,
        below=1,
    )
    strong_view: bool = option(
        False,
        "Show the student the unlabelled images with other colours, blurred and "
        "mixed (CutMix); the teacher sees them as they are.",
    )
    mask_padding: bool = option(
        True, "Leave padded pixels out of the losses between networks."
    )
    teacher_statistics: Literal["batch", "moving"] = option(
        "batch", "Statistics that the teacher normalises its targets with."
    )
    ema_momentum: float = option(
        0.99, "Share of the teacher that each step keeps.", at_least=0, at_most=1
    )
    ema_warm_up: bool = option(
        False, "Let the teacher follow faster at first: keep 1 - 1/t at step t."
    )
    deploy: Literal["auto", "student", "teacher"] = option(
        "auto",
        "Network that is reported and exported; auto: the teacher if there is one, the "
        "first of two.",
    )

    # Optimisation.
    batch_size: int = option(
        8,
        "Labelled images of a step, over all devices; as many unlabelled ones join.",
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
    gate_learning_rate_multiplier: float = option(
        1.0, "Factor on the learning rate of the gates.", above=0
    )
    max_gradient_norm: float = option(
        5.0, "Global norm to which gradients are clipped.", above=0
    )
    precise_bn_batches: int = option(
        0,
        "After the last step, replace moving statistics by means over so many "
        "batches; 0: keep them.",
        at_least=0,
    )

    # Devices.
    strategy: Literal["auto", "one", "mirrored", "multi_worker"] = option(
        "auto",
        "One device, all of this machine, or those of all machines in TF_CONFIG; auto: "
        "what is there.",
    )
    accumulate_steps: int = option(
        1,
        "Parts in which a device takes its share of a step's images, one after the "
        "other, to need less memory.",
        at_least=1,
    )
    mixed_precision: Literal["none", "bfloat16"] = option(
        "none", "Compute in bfloat16, with weights and losses in float32."
    )
    jit_compile: bool = option(False, "Compile the step with XLA; slower on CPUs.")

    # Reports.
    log_every: int = option(20, "Steps between two lines of log.jsonl.", at_least=1)
    evaluate_every: int = option(1000, "Steps between two evaluations.", at_least=1)
    evaluation_batch_size: int = option(1, "Validation images at a time.", at_least=1)
    checkpoint_every: int = option(500, "Steps between two checkpoints.", at_least=1)
    keep_checkpoints: int = option(2, "Checkpoints that are kept.", at_least=1)
    num_predictions: int = option(
        6, "Validation images drawn with their prediction.", at_least=0
    )
    path_threshold: float = option(
        0.5,
        "A route stays in the path if at least this share of images opens it.",
        at_least=0,
        at_most=1,
    )

    def __post_init__(self):
        for field in dataclasses.fields(self):
            validation.check_value(field, getattr(self, field.name))
            validation.check_bounds(field, getattr(self, field.name))
        validation.check_together(self)
