"""Times a training step of every algorithm; see `benchmarking.measure`."""

import dataclasses
import functools

import numpy as np
import tensorflow as tf

from selene_tf import losses, networks
from selene_tf.algorithms.cross_pseudo import CrossPseudo
from selene_tf.algorithms.mean_teacher import MeanTeacher
from selene_tf.algorithms.pretext import PretextLoss
from selene_tf.algorithms.supervised import Supervised
from selene_tf.benchmarking import steps
from selene_tf.layers import pretext_head
from selene_tf.training import grappler, schedules

# Defaults of train.py; with strong augmentation UniMatch's confidence threshold.
NUM_PERMUTATIONS = 100
PRETEXT_WEIGHT = 0.1
CONFIDENCE_THRESHOLD = 0.95
# Of no influence on the time.
CONSISTENCY_WEIGHT = 1.0

# Names that the algorithms give to the networks they train.
TRAINED = {
    "supervised": ("student",),
    "mean_teacher": ("student",),
    "cross_pseudo": ("first", "second"),
}


@dataclasses.dataclass(frozen=True)
class TrainingVariant:
    """An algorithm with its options, and the passes that its step has to compute.

    Attributes:
        algorithm: "supervised", "mean_teacher" or "cross_pseudo".
        passes: How often a batch goes through a trained network, forth and back.
        teacher_passes: How often one goes through the teacher, forth alone.
        jigsaw: Whether there is a pretext task.
        strong_augmentation: Whether the student sees strongly augmented images.
    """

    algorithm: str
    passes: int
    teacher_passes: int = 0
    jigsaw: bool = False
    strong_augmentation: bool = False

    @property
    def floor(self):
        """Cost of all passes, as ratio to a supervised step's.

        A backward pass counts as two forward ones: each convolution becomes one for
        the gradient of its input and one for that of its kernel.
        """
        return (3 * self.passes + self.teacher_passes) / 3


VARIANTS = {
    "supervised": TrainingVariant("supervised", 1),
    "supervised_jigsaw": TrainingVariant("supervised", 2, jigsaw=True),
    "mean_teacher": TrainingVariant("mean_teacher", 2, 2),
    "mean_teacher_jigsaw": TrainingVariant("mean_teacher", 2, 2, jigsaw=True),
    "mean_teacher_strong": TrainingVariant(
        "mean_teacher", 2, 1, strong_augmentation=True
    ),
    "cross_pseudo": TrainingVariant("cross_pseudo", 4),
    "cross_pseudo_jigsaw": TrainingVariant("cross_pseudo", 4, jigsaw=True),
}


def of_learning(architecture, size, batch_size, repeats):
    """Times a step of each of `VARIANTS`.

    Args:
        architecture: A `RoutingArchitecture`.
        size: Height and width of an image, in pixels.
        batch_size: Labelled images in a batch; as many unlabelled ones.
        repeats: Timed steps of each, after one that traces and warms up.

    Returns:
        For each variant a dict: "wall" and "cpu", milliseconds a step, each "median",
        "min", "max"; "wall_ratio" and "cpu_ratio", of the medians to supervised's;
        and "floor", see `TrainingVariant`.
    """
    # Shared by all variants, since the time does not depend on the weights. To take
    # turns, all have to be in memory at once: three networks then, and not twelve.
    models = [
        networks.build(architecture, name=name)
        for name in ("student", "teacher", "other")
    ]
    batch = random_batch(architecture.num_classes, size, batch_size)
    training_steps = {
        name: steps.training_step(algorithm, select_inputs(VARIANTS[name], batch))[1]
        for name, algorithm in make_algorithms(*models).items()
    }
    # In turn, and not one after the other: what else the machine does for a while then
    # slows down some steps of every variant, and the ratios of the medians stay.
    with grappler.disabled_on_cpu():
        milliseconds = steps.timed_in_turn(training_steps, repeats)
    return {name: _row(milliseconds, name) for name in VARIANTS}


def random_batch(num_classes, size, batch_size):
    """Random images without padding, with all inputs of any variant.

    Every other image has a task, and its strong view a quarter of the neighbour.

    Returns:
        A dict as `batching.training` gives it.
    """
    images = steps.random_batch(num_classes, size, 3 * batch_size)
    image, unlabelled_image, strong_image = tf.split(images["image"], 3)
    valid = tf.ones((batch_size, *size), tf.bool)
    box = np.zeros(valid.shape, bool)
    box[::2, : size[0] // 2, : size[1] // 2] = True
    numbers = np.arange(batch_size, dtype="int32")
    task = tf.constant(np.where(numbers % 2, -1, numbers % NUM_PERMUTATIONS))
    return {
        "image": image,
        "label": images["label"][:batch_size],
        "valid": valid,
        "pretext_label": task,
        "unlabelled_image": unlabelled_image,
        "unlabelled_valid": valid,
        "unlabelled_pretext_label": task,
        "unlabelled_strong_image": strong_image,
        "unlabelled_box": tf.constant(box),
    }


def make_algorithms(student, teacher, other):
    """The algorithm of each of `VARIANTS` by name, on the same networks.

    Args:
        student: The network that all of them train.
        teacher: The mean teacher; its weights are overwritten.
        other: The second network that co-teaching trains.
    """
    heads = [
        pretext_head.build_for(network, NUM_PERMUTATIONS, f"{network.name}_head")
        for network in (student, other)
    ]
    networks = {
        "supervised": (student,),
        "mean_teacher": (student, teacher),
        "cross_pseudo": (student, other),
    }
    return {
        name: _make_algorithm(variant, networks[variant.algorithm], heads)
        for name, variant in VARIANTS.items()
    }


def select_inputs(variant, batch):
    """Selects the parts of the batch that a training of this variant gets."""
    names = ["image", "label", "valid"]
    if variant.algorithm != "supervised" or variant.jigsaw:
        names += ["unlabelled_image", "unlabelled_valid"]
    if variant.jigsaw:
        names += ["pretext_label", "unlabelled_pretext_label"]
    if variant.strong_augmentation:
        names += ["unlabelled_strong_image", "unlabelled_box"]
    return {name: batch[name] for name in names}


def _make_algorithm(variant, networks, heads):
    options = {"max_gradient_norm": steps.MAX_GRADIENT_NORM}
    if variant.jigsaw:
        own = dict(zip(TRAINED[variant.algorithm], heads, strict=False))
        options["pretext"] = PretextLoss("jigsaw", PRETEXT_WEIGHT, own)
    if variant.strong_augmentation:
        options["consistency_loss"] = functools.partial(
            losses.pseudo_label_cross_entropy, threshold=CONFIDENCE_THRESHOLD
        )
    if variant.algorithm == "supervised":
        return Supervised(*networks, **options)
    kind = {"mean_teacher": MeanTeacher, "cross_pseudo": CrossPseudo}[variant.algorithm]
    return kind(*networks, schedules.ramp_up(CONSISTENCY_WEIGHT, 0), **options)


def _row(milliseconds, name):
    own, supervised = milliseconds[name], milliseconds["supervised"]
    ratios = {
        f"{clock}_ratio": own[clock]["median"] / supervised[clock]["median"]
        for clock in ("wall", "cpu")
    }
    return {**own, **ratios, "floor": VARIANTS[name].floor}
