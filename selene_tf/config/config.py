"""The configuration of a run: one frozen dataclass, an option for each flag."""

import dataclasses
from typing import Literal

from selene_tf.config import validation
from selene_tf.config.validation import option


@dataclasses.dataclass(frozen=True, kw_only=True)
class Config:
    """Configuration of a training run; each field's help says what it does.

    Raises:
        UserError: An option is out of range, or contradicts another one.

    Example:
        >>> config = Config(dataset="scenes", steps=2000, run_dir="runs/a")
        >>> config.algorithm, config.learning_rate
        ('mean_teacher', 0.02)
        >>> Config(steps=0)
        Traceback (most recent call last):
        selene_tf.errors.UserError: --steps: found 0, expected 1 or more.
    """

    # The run.
    run_dir: str = option(
        "", "Folder of the run: created if missing, resumed if it holds this run."
    )
    seed: int = option(
        0,
        "Random seed of weights, data order and augmentation.",
        at_least=0,
        at_most=2**31 - 1,
    )
    steps: int = option(40_000, "Optimiser steps of the whole training.", at_least=1)

    # Data.
    dataset: str = option(
        "scenes",
        "Data set: scenes (drawn street scenes), camvid, cityscapes, pascal_voc, "
        "folder (your own images), or tfds:NAME of TensorFlow Datasets.",
    )
    data_dir: str = option("", "Folder of the data set; none for scenes.")
    dataset_file: str = option(
        "",
        "For folder and tfds: TOML or JSON file with class names, colours, ignore "
        "label and label_map; empty: dataset.toml or dataset.json in --data_dir, if "
        "there is one.",
    )
    image_size: tuple[int, ...] = option(
        (),
        "Height,width to which images are resized on reading; empty: no resizing. "
        "Scenes are drawn at this size; empty: 96,160.",
    )
    class_names: tuple[str, ...] = option(
        (), "Class names in the order of their ids, instead of --dataset_file."
    )
    ignore_label: int = option(
        255,
        "Mask value of pixels without a label, with --class_names.",
        at_least=0,
        at_most=255,
    )
    labelled_ratio: int = option(
        8,
        "One training image in this many keeps its label; the others are unlabelled.",
        at_least=1,
    )
    labelled_list: str = option(
        "", "List file of the labelled images, instead of --labelled_ratio."
    )
    unlabelled_list: str = option(
        "", "List file of the unlabelled images, with --labelled_list."
    )
    validation_list: str = option("", "List file of the validation images.")
    tfds_image: str = option("", "Image feature of a tfds data set that has several.")
    tfds_mask: str = option("", "Mask feature of a tfds data set that has several.")
    tfds_splits: tuple[str, ...] = option(
        (),
        "Training and validation split of a tfds data set; empty: train, and "
        "validation or test.",
    )
    num_training_scenes: int = option(
        512, "Training images, for --dataset=scenes.", at_least=1
    )
    num_validation_scenes: int = option(
        100, "Validation images, for --dataset=scenes.", at_least=1
    )
    memory_gib: float = option(
        4.0,
        "Each of the labelled, unlabelled and validation sets is kept decoded in "
        "memory if it takes at most this many GiB; else files are decoded in every "
        "epoch.",
        at_least=0,
    )
    allow_changed_data: bool = option(
        False,
        "Resume a run though files of its data are others than when it was started.",
    )
    exif: Literal["refuse", "apply"] = option(
        "refuse",
        "What to do about images that their EXIF entry stores turned: refuse them, or "
        "turn them upright. A mask has to be stored like its image.",
    )
    on_bad_sample: Literal["error", "skip"] = option(
        "error",
        "What to do about a training image that cannot be read: stop the run, or "
        "skip it (at most one in a hundred). A bad validation image always stops "
        "the run.",
    )

    # Augmentation, in this order (SELENE, section 5.2).
    scales: tuple[float, ...] = option(
        (0.5, 0.75, 1.0, 1.25, 1.5, 2.0),
        "Scale augmentation: each image is resized by one of these factors, at random.",
    )
    flip: bool = option(
        True, "Flip half of the training images horizontally, at random."
    )
    crop_size: tuple[int, ...] = option(
        (96, 160), "Height,width of a random training crop."
    )

    # Network.
    network: Literal["routing", "routing_fixed", "deeplab_v3_plus"] = option(
        "routing",
        "Kind of network: routing, whose gates choose the routes of each image; "
        "routing_fixed, the same without gates; deeplab_v3_plus, to compare with.",
    )
    architecture: str = option(
        "",
        "A compact network that a search found, in place of --network: a JSON file "
        "such as configs/architectures/templates_arch0.json.",
    )
    auxiliary: Literal["none", "classifier", "cell"] = option(
        "classifier",
        "What of each block of an --architecture with auxiliary cells learns beside "
        "the network; it is not part of the deployed network.",
    )
    auxiliary_weight: float = option(
        0.4, "Weight of the loss of auxiliary logits, if there are any.", at_least=0
    )
    encoder_first_block: Literal["file", "keras", "official"] = option(
        "file",
        "First block of an --architecture's MobileNetV2: as its file says; that of "
        "keras.applications; or the official code's, which has one more convolution.",
    )
    encoder_weights: str = option(
        "",
        "Weights that the encoder of deeplab_v3_plus or of an --architecture starts "
        "from: imagenet (Keras downloads them), or a .h5 or .keras file of "
        "keras.applications; empty: from scratch. They set the colours' normalisation "
        "too. With --architecture they need --encoder_first_block=keras.",
    )
    backbone: Literal["resnet50", "mobilenet_v2"] = option(
        "resnet50", "Backbone of deeplab_v3_plus."
    )
    output_stride: Literal["8", "16", "32"] = option(
        "16", "Stride of the coarsest features of deeplab_v3_plus."
    )
    channels: int = option(
        64,
        "Channels of a routing network at stride 4, an even number; each coarser level "
        "has twice as many.",
        at_least=2,
        at_most=4096,
    )
    num_layers: int = option(
        16, "Layers of a routing network's cells, 3 or more.", at_least=3, at_most=200
    )
    small_gate: bool = option(False, "Compute gates at a quarter of the resolution.")
    gated: bool = option(
        True, "Data-dependent gates on the routes; false: every route is always open."
    )
    pooling: Literal["none", "psp", "aspp"] = option(
        "none",
        "Context module on the features at stride 32: pyramid pooling (psp), atrous "
        "spatial pyramid pooling (aspp) or none.",
    )
    drop_path: float = option(
        0.0,
        "Stochastic depth: probability of skipping the convolutions of a cell. "
        "Grows linearly with the training step and with the layer, up to this "
        "value.",
        at_least=0,
        below=1,
    )
    path: str = option(
        "",
        "A path.json: only the cells and routes of this path are built and trained. Or "
        "a classic network in the search space: fcn_32s, deeplab_v3, unet, hrnet, "
        "auto_deeplab.",
    )
    init_run: str = option(
        "",
        "Fine-tune from this run: its deployed network's weights and colour "
        "normalisation. Needs the same network, or a wider path than --path.",
    )
    init_checkpoint: str = option(
        "",
        "Pretrained weights to start from: a .pth or .npz file of the official "
        "DynamicRouting code. Also sets its colour order and normalisation.",
    )
    init_encoder_only: bool = option(
        False,
        "Load only the encoder from --init_checkpoint; its stem and head may be "
        "missing.",
    )
    init_other_classes: bool = option(
        False,
        "--init_checkpoint or --init_run may have other classes; the classifier is "
        "then initialised at random, but for classes of the same names in a run.",
    )

    # Budget (Li et al. 2020, section 3.4).
    budget_weight: float = option(
        0.0,
        "Weight of the budget loss on the expected cost (MACs); 0: no budget loss.",
        at_least=0,
    )
    budget_target: float = option(
        0.1,
        "Target cost of the budget loss, as a share of the cost with all gates open.",
        above=0,
        at_most=1,
    )
    budget_total: float = option(
        0.0,
        "Cost that counts as 1, in the official code's operations; 0: the cost with "
        "all gates open at --crop_size.",
        at_least=0,
    )
    budget_start: float = option(
        0.4,
        "Share of the training before the budget loss sets in.",
        at_least=0,
        below=1,
    )
    budget_warm_up: float = option(
        0.02,
        "Share of the training over which its weight then rises to --budget_weight.",
        at_least=0,
        at_most=1,
    )

    # Supervised loss.
    supervised_loss: Literal["cross_entropy", "ohem"] = option(
        "cross_entropy",
        "Loss on labelled pixels: cross entropy, or cross entropy with online hard "
        "example mining (ohem; the paper's on Cityscapes).",
    )
    class_weights: str = option(
        "none",
        "Weights of the classes in that loss: none, median_frequency (of the labelled "
        "masks), or a number for each class, such as 1,5,2.5. It is then a weighted "
        "mean.",
    )
    ohem_threshold: float = option(
        0.7,
        "With ohem: pixels whose true class has a lower probability than this are "
        "hard examples.",
        at_least=0,
        at_most=1,
    )
    ohem_min_share: float = option(
        0.078125,
        "With ohem: share of the batch's pixels that is kept at least; the "
        "published 50000 of 800x800.",
        above=0,
        at_most=1,
    )

    # Self-supervised pretext task on all images (SELENE, section 3.1).
    pretext: Literal["none", "jigsaw", "rotation"] = option(
        "none",
        "Self-supervised pretext task: order the 3x3 tiles of an image (jigsaw), or "
        "predict its rotation.",
    )
    pretext_weight: float = option(
        0.1,
        "Weight of the pretext loss, lambda 1 of the paper; 0: no pretext task.",
        at_least=0,
    )
    pretext_probability: float = option(
        0.5,
        "Share of the images that get the pretext task; 1 in the paper's text.",
        above=0,
        at_most=1,
    )
    num_permutations: int = option(
        100,
        "With jigsaw: number of tile permutations to tell apart.",
        at_least=2,
        at_most=1000,
    )

    # Semi-supervised learning (SELENE, section 3.2).
    algorithm: Literal["supervised", "mean_teacher", "cross_pseudo"] = option(
        "mean_teacher",
        "How unlabelled images are used: supervised (only by the pretext task, if "
        "any), mean_teacher, or cross_pseudo (two networks that learn from each "
        "other's pseudo-labels; co-teaching).",
    )
    consistency_weight: float = option(
        100.0,
        "Weight of the mean teacher's consistency loss, lambda 2 of the paper.",
        at_least=0,
    )
    cross_pseudo_weight: float = option(
        1.5,
        "Weight of the pseudo-label loss of cross_pseudo, lambda 2 of the paper.",
        at_least=0,
    )
    consistency_ramp_steps: int = option(
        0,
        "Steps over which that weight ramps up; 0, as in the paper: no ramp-up.",
        at_least=0,
    )
    consistency_ramp: Literal["sigmoid", "linear"] = option(
        "sigmoid", "Shape of the ramp-up at progress t: exp(-5 (1 - t)^2), or t."
    )
    consistency: Literal["squared_error", "pseudo_labels"] = option(
        "squared_error",
        "Consistency loss between student and teacher: squared error of their class "
        "probabilities, or cross entropy with the teacher's pseudo-labels.",
    )
    consistency_reduction: Literal["mean", "class_sum"] = option(
        "mean", "Reduction of squared errors over the classes: mean, or sum."
    )
    confidence_threshold: float = option(
        0.0,
        "Pixels where the teacher's highest class probability is below this "
        "confidence threshold are left out of the consistency loss; 0: none.",
        at_least=0,
        below=1,
    )
    strong_augmentation: bool = option(
        False,
        "Strong augmentation of the student's unlabelled images: colour jitter, "
        "greyscale, blur, and CutMix; the teacher sees them without it.",
    )
    cutmix: bool = option(
        True,
        "CutMix, with --strong_augmentation: paste a box of another image into half "
        "of them, and into the teacher's targets alike.",
    )
    mask_padding: bool = option(
        True, "Leave padded pixels out of the losses on unlabelled images."
    )
    teacher_statistics: Literal["batch", "moving"] = option(
        "batch",
        "Batch normalisation of the teacher's targets: with statistics of the "
        "batch, or with moving averages.",
    )
    ema_momentum: float = option(
        0.99,
        "Momentum of the teacher's exponential moving average of the student's "
        "weights.",
        at_least=0,
        at_most=1,
    )
    ema_warm_up: bool = option(
        False,
        "Use a momentum of at most 1 - 1/t at step t, so that the teacher follows "
        "faster at first.",
    )
    deploy: Literal["auto", "student", "teacher"] = option(
        "auto",
        "Network that is scored and exported; auto: the teacher if there is one, or "
        "the first of two.",
    )

    # Optimisation.
    batch_size: int = option(
        8,
        "Labelled images per step, over all devices; as many unlabelled ones are "
        "added.",
        at_least=1,
    )
    learning_rate: float = option(0.02, "Initial learning rate.", above=0)
    poly_power: float = option(
        0.9, "Exponent of the polynomial learning rate decay.", at_least=0
    )
    warm_up_steps: int = option(
        1000, "Steps of linear learning rate warm-up; 0: none.", at_least=0
    )
    warm_up_factor: float = option(
        0.001,
        "Factor on the learning rate at the first warm-up step.",
        at_least=0,
        at_most=1,
    )
    momentum: float = option(0.9, "Momentum of SGD.", at_least=0, below=1)
    weight_decay: float = option(
        1e-4, "Weight decay; none on normalisation layers.", at_least=0
    )
    gate_learning_rate_multiplier: float = option(
        1.0, "Factor on the learning rate of the gates.", above=0
    )
    encoder_learning_rate_multiplier: float = option(
        1.0,
        "Factor on the learning rate of the encoder of deeplab_v3_plus or of an "
        "--architecture.",
        above=0,
    )
    max_gradient_norm: float = option(
        5.0, "Gradients are clipped to this global norm.", above=0
    )
    precise_bn_batches: int = option(
        0,
        "Precise batch normalisation: after the last step, recompute the moving "
        "statistics over this many batches; 0: keep them.",
        at_least=0,
    )

    # Devices.
    strategy: Literal["auto", "one", "mirrored", "multi_worker"] = option(
        "auto",
        "Devices: one, all of this machine (mirrored), those of all machines in "
        "TF_CONFIG (multi_worker), or whatever is there (auto).",
    )
    accumulate_steps: int = option(
        1,
        "Gradient accumulation: a device's share of the batch is processed in this "
        "many parts, to need less memory.",
        at_least=1,
    )
    mixed_precision: Literal["none", "bfloat16"] = option(
        "none",
        "Mixed precision: compute in bfloat16, with weights and losses in float32.",
    )
    jit_compile: bool = option(
        False, "Compile the training step with XLA; slower on CPUs."
    )

    # Reports.
    log_every: int = option(20, "Steps between two lines of log.jsonl.", at_least=1)
    evaluate_every: int = option(
        1000, "Steps between two evaluations on the validation images.", at_least=1
    )
    protocol: str = option(
        "whole",
        "How images are shown to the network that is scored: whole; voc (centred on "
        "512x512); centre_pad:SIZE; sliding:SIZE:STRIDE (averaged logits of windows); "
        "each with +flip and +scales:0.5/1/1.5 behind it. Sizes are height x width.",
    )
    bootstrap_block: int = option(
        0,
        "Neighbouring validation images that are drawn together for the interval of "
        "the mean IoU, as frames of a video should be; 0: the data set's own number.",
        at_least=0,
    )
    evaluation_batch_size: int = option(
        1, "Validation images per batch; above 1 they need one size.", at_least=1
    )
    checkpoint_every: int = option(500, "Steps between two checkpoints.", at_least=1)
    keep_checkpoints: int = option(
        2, "Number of most recent checkpoints to keep.", at_least=1
    )
    num_predictions: int = option(
        6,
        "Validation images of which image, label and prediction are drawn.",
        at_least=0,
    )
    write_report: bool = option(
        True, "Write report.html at the end: one page that shows the whole run."
    )
    path_threshold: float = option(
        0.5,
        "A route is part of the discovered path if at least this share of the "
        "images opens it.",
        at_least=0,
        at_most=1,
    )

    def __post_init__(self):
        for field in dataclasses.fields(self):
            validation.check_value(field, getattr(self, field.name))
            validation.check_bounds(field, getattr(self, field.name))
        validation.check_together(self)
