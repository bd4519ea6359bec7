"""A network of three convolutions and batches for it: its eager step is quick.

Beside it, the losses in NumPy.
"""

import keras
import numpy as np

from selene_tf.algorithms.pretext import PretextLoss
from selene_tf.layers.batch_norm import BatchNorm
from selene_tf.layers.pretext_head import PretextHead
from selene_tf.layers.resize import BilinearUpsample
from tests.algorithms.batches import CLASSES, Bench, make_batch

ORDERS = 5
# Unevenly many, so that a mean over all images is another number than that over
# those with a task; and of two parts of a step, each has another number of them.
TASKS = {
    "pretext_label": np.array([-1, 2, 0, 4], "int32"),
    "unlabelled_pretext_label": np.array([3, -1, -1, -1], "int32"),
}
NO_TASKS = {name: np.full_like(labels, -1) for name, labels in TASKS.items()}


def build_small_network(seed=0, name="network", normalised=True):
    """Outputs as the routing network's: two levels, or one without normalisation."""
    keras.utils.set_random_seed(seed)
    image = keras.Input((None, None, 3), name="image")
    fine = keras.layers.Rescaling(1 / 64, -2.0, name="scale")(image)
    fine = keras.layers.Conv2D(6, 3, padding="same", name="fine")(fine)
    if normalised:
        fine = BatchNorm(name="norm")(fine)
    fine = keras.layers.ReLU(name="relu")(fine)
    coarse = keras.layers.AveragePooling2D(2, name="halve")(fine)
    coarse = keras.layers.Conv2D(12, 3, padding="same", name="coarse")(coarse)
    # A gate a channel, shaped as of one layer of cells with four levels.
    gates = keras.layers.GlobalAveragePooling2D(keepdims=True, name="pool")(coarse)
    gates = keras.layers.Dense(12, "sigmoid", name="gates")(gates)
    coarse = keras.layers.Multiply(name="gated")([coarse, gates])
    gates = keras.layers.Reshape((1, 4, 3), name="table")(gates)
    joined = keras.layers.Concatenate(name="join")([fine, BilinearUpsample(2)(coarse)])
    logits = keras.layers.Conv2D(CLASSES, 1, name="logits")(joined)
    features = [fine, coarse] if normalised else [fine]
    outputs = {"logits": logits, "gates": gates, "features": features}
    return keras.Model(image, outputs, name=name)


def make_small_batch(seed=0):
    """Four labelled and four unlabelled images of 8 x 8 pixels."""
    return make_batch(seed, size=4, crop=8)


def make_strong_batch(seed=0):
    """The same with a strong view of the unlabelled ones, another box for each."""
    rng = np.random.default_rng(seed + 100)
    batch = make_small_batch(seed)
    box = np.zeros((4, 8, 8), bool)
    box[0, 1:4, 2:7], box[1, 4:, :3], box[3, 2:5] = True, True, True
    shape = batch["unlabelled_image"].shape
    return batch | {
        "unlabelled_strong_image": rng.uniform(0, 255, shape).astype("float32"),
        "unlabelled_box": box,
    }


def make_pretext(*networks, weight=0.3):
    """A task with a head for each of the networks, by their names."""
    keras.utils.set_random_seed(7)
    heads = {}
    for network in networks:
        head = PretextHead(ORDERS, name=f"{network.name}_head")
        head.build([level.shape for level in network.output["features"]])
        heads[network.name] = head
    return PretextLoss("jigsaw", weight, heads)


def small_bench(kind, *names, pretext=False, normalised=True, traced=False, **options):
    """An algorithm on networks with different weights, with eager steps.

    Args:
        kind: Class of the algorithm.
        names: Names of its networks.
        pretext: Whether the trained ones learn a pretext task.
        normalised: Whether the networks have batch normalisation.
        traced: Whether the step is a graph instead.
        options: The algorithm's other arguments.
    """
    networks = [
        build_small_network(seed, name, normalised) for seed, name in enumerate(names)
    ]
    if pretext:
        trained = [network for network in networks if network.name != "teacher"]
        options["pretext"] = make_pretext(*trained)
    options = {"max_gradient_norm": 5.0} | options
    return Bench(kind(*networks, **options), traced=traced)


def outputs_of(bench, name, images, training=True):
    """A network's outputs as arrays; what the pass moved is put back."""
    network = bench.algorithm.networks[name]
    before = network.get_weights()
    outputs = network(images, training=training)
    network.set_weights(before)
    return keras.tree.map_structure(np.asarray, outputs)


def log_softmax(logits):
    logits = np.asarray(logits, "float64")
    logits = logits - logits.max(axis=-1, keepdims=True)
    return logits - np.log(np.exp(logits).sum(axis=-1, keepdims=True))


def cross_entropies(labels, logits):
    """- log probability of the label, of every pixel or image."""
    labels = np.asarray(labels)[..., None]
    return -np.take_along_axis(log_softmax(logits), labels, axis=-1)[..., 0]


def mean_over(pixels, chosen):
    """The mean over the chosen pixels of all images of all batches together.

    Args:
        pixels: List of (batch, height, width).
        chosen: Likewise, of bools.
    """
    return np.concatenate(
        [
            values[np.asarray(mask, bool)]
            for values, mask in zip(pixels, chosen, strict=True)
        ]
    ).mean()


def losses_of(algorithm, batch):
    """Every loss of a batch, as the step gets them."""
    return algorithm.compute_losses(algorithm.with_weights(batch))


def pretext_by_hand(bench, name, batch, student_view="unlabelled_image"):
    """The unweighted loss: a mean over the labelled images with a task and one more.

    Args:
        bench: A `Bench` whose algorithm has a task.
        name: Name of the network.
        batch: A batch with tasks.
        student_view: Which of the unlabelled images the network sees.
    """
    head = bench.algorithm.heads[name]
    total, before = 0.0, head.get_weights()
    for images, labels in (
        ("image", "pretext_label"),
        (student_view, "unlabelled_pretext_label"),
    ):
        features = outputs_of(bench, name, batch[images])["features"]
        logits = np.asarray(head(features, training=True))
        asked = batch[labels] >= 0
        if asked.any():
            total += cross_entropies(batch[labels][asked], logits[asked]).mean()
    head.set_weights(before)
    return total
