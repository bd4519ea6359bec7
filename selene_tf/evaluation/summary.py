"""What a finished run leaves behind: summary, path, images."""

import platform

import keras
import numpy as np
import tensorflow as tf

import selene_tf
from selene_tf.architectures import routing_path
from selene_tf.architectures.costs import cost, image_macs
from selene_tf.evaluation import metrics
from selene_tf.reports import overlay, path_drawing
from selene_tf.search import discover
from selene_tf.training import run_folder


def scores(result, class_names):
    """Scores of an `Evaluation`; null for a class that never occurs."""
    per_class = metrics.iou(result.confusion)
    return {
        "mean_iou": result.mean_iou,
        "iou": {
            name: None if np.isnan(score) else float(score)
            for name, score in zip(class_names, per_class, strict=True)
        },
        "pixel_accuracy": metrics.pixel_accuracy(result.confusion),
        "images": len(result.sizes),
    }


def costs(result, architecture):
    """MACs over the images of an `Evaluation`, and the parameters.

    Args:
        result: The `Evaluation`.
        architecture: What the network was built from.

    Returns:
        {"macs": {"mean", "min", "max", "supernet"}, "parameters": int}; the
        supernet's MACs are those of the network with all its gates open, of a pruned
        network those that it has, as the mean over the images' sizes.
    """
    macs = np.zeros(len(result.sizes), np.int64)
    supernet = np.zeros(len(result.sizes), np.int64)
    for size in np.unique(result.sizes, axis=0):
        chosen = (result.sizes == size).all(axis=1)
        gates = None if result.gates is None else result.gates[chosen]
        height, width = size.tolist()
        macs[chosen] = image_macs(architecture, height, width, gates)
        all_open = cost(architecture, height, width)
        supernet[chosen] = all_open.macs
    return {
        "macs": {
            "mean": float(macs.mean()),
            "min": int(macs.min()),
            "max": int(macs.max()),
            "supernet": float(supernet.mean()),
        },
        "parameters": all_open.parameters,
    }


def protocol(result, how="whole"):
    """How the images were shown to the network, in words.

    Args:
        result: The `Evaluation`.
        how: "whole", or what was done with the images.
    """
    sizes = np.unique(result.sizes, axis=0)
    size = "x".join(map(str, sizes[0])) if len(sizes) == 1 else "their own sizes"
    shown = f"whole images at {size}"
    if how != "whole":
        shown = f"images at {size}, {how}"
    return f"{shown}, one scale, no flip; confusion matrix of all pixels"


def summary(results, deployed, class_names, architecture):
    """Scores, costs and what they were measured with; see `costs`.

    Args:
        results: Name of each of the run's networks to its `Evaluation`.
        deployed: Name of the one that is reported and exported.
        class_names: Names of the classes.
        architecture: The networks' architecture.

    Returns:
        The content of summary.json: the scores and costs of the deployed network, its
        name under "deployed", and under "networks" the scores of each by name.
    """
    result = results[deployed]
    return {
        **scores(result, class_names),
        **costs(result, architecture),
        "deployed": deployed,
        "networks": {name: scores(each, class_names) for name, each in results.items()},
        "protocol": protocol(result),
        "versions": {
            "selene_tf": selene_tf.__version__,
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
            "numpy": np.__version__,
            "python": platform.python_version(),
        },
    }


def write_path(run_dir, gates, size, architecture, threshold):
    """Discovers the path from gates; writes path.json and path.png.

    Args:
        run_dir: The run's folder (a `pathlib.Path`).
        gates: (images, num_layers + 1, 4, 3), of training images: on those that score
            the path it would be chosen with a view to its score.
        size: Height and width in pixels, for the costs.
        architecture: The network's architecture.
        threshold: Share of the images that must open a route.
    """
    path = discover.discover(gates, architecture, size, threshold)
    run_folder.write_json(run_dir / "path.json", routing_path.to_json(path))
    path_drawing.draw(path, run_dir / "path.png")


def write_predictions(run_dir, predict, source, colours, count):
    """Draws some images of a source, spread evenly over it."""
    places = np.linspace(0, source.size - 1, min(count, source.size)).astype(int)
    examples = (
        (f"{place:05d}", example["image"].numpy(), example["label"].numpy())
        for place in places.tolist()
        for example in [source.read(tf.constant(place, tf.int64))]
    )
    overlay.write_predictions(run_dir / "predictions", predict, examples, colours)
