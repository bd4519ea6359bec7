"""A tiny folded network, images and metadata for the tests of exports."""

import keras
import numpy as np

from selene_tf.networks import dynamic_routing, folding

SIZE = (32, 64)
ODD_SIZE = (45, 51)
NAMES = ("road", "sky | air", "Straße")


def network():
    """Three classes; its normalisation is not the identity, as after a training."""
    keras.utils.set_random_seed(1)
    routing = dynamic_routing.build(len(NAMES), channels=4, num_layers=3)
    gates = np.asarray(routing(images()[0][None].astype("float32"))["gates"])[0]
    return folding.fold(routing, gates)


def images(sizes=(SIZE,) * 3):
    """Smooth ones: in noise, equally likely classes would be everywhere."""
    rng = np.random.default_rng(0)
    coarse = [rng.integers(0, 256, (3, 3, 3)) for _ in sizes]
    return [
        keras.ops.convert_to_numpy(keras.ops.image.resize(small, size)).astype("uint8")
        for small, size in zip(coarse, sizes, strict=True)
    ]


def examples(network, sizes=(SIZE,) * 3):
    """Labels as the network gives them, the first row ignored."""
    pairs = []
    for image in images(sizes):
        logits = np.asarray(network(image[None].astype("float32"))["logits"])
        label = logits[0].argmax(-1)
        label[0] = 255
        pairs.append((image, label))
    return pairs


def metadata(licence=""):
    """What a run's network says of itself."""
    return {
        "class_names": list(NAMES),
        "colours": [[0, 0, 0], [255, 0, 16], [0, 128, 255]],
        "ignore_label": 255,
        "size": None,
        "licence": licence,
        "dataset": "scenes",
        "structure": {"channels": 4, "num_layers": 3},
        "path": None,
        "gates": "folded",
        "parameters": 12345,
        "macs": {"size": [32, 64], "network": 1500000, "supernet": 2500000},
        "mean_iou": 0.5,
        "iou": {"road": 0.25, "sky | air": 0.75, "Straße": None},
        "split": "val",
        "images": 3,
        "step": 100,
        "versions": {"selene_tf": "1.2.3", "keras": "3.15.1"},
    }
