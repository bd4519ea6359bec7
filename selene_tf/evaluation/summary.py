"""What a finished run leaves behind: summary, path, images."""

import pathlib
import platform

import keras
import numpy as np
import tensorflow as tf

import selene_tf
from selene_tf.architectures import routing, routing_path
from selene_tf.architectures.costs import cost, image_macs
from selene_tf.evaluation import bootstrap, metrics, routing_use
from selene_tf.reports import overlay, path_drawing
from selene_tf.search import discover
from selene_tf.training import run_folder


def scores(result, class_names, block=0):
    """Scores of an `Evaluation`; null for a class that never occurs.

    Args:
        result: The `Evaluation`.
        class_names: Names of the classes.
        block: So many neighbouring images are drawn together for the interval, see
            `bootstrap.interval`; 0 for no interval.

    Returns:
        A dict for JSON. `mean_iou` is over the classes that occur in masks or
        predictions; `absent` names the others. `mean_iou_interval` is what drawing
        other images would give in 95 % of all cases, null where there are too few.
    """
    interval = bootstrap.interval(result.confusions, block) if block else None
    per_class = metrics.iou(result.confusion)
    content = {
        "mean_iou": result.mean_iou,
        "mean_iou_interval": interval and list(interval),
        "draws": bootstrap.num_draws(len(result.sizes), block) if block else None,
        "iou": _by_name(per_class, class_names),
        "absent": [
            name
            for name, score in zip(class_names, per_class, strict=True)
            if np.isnan(score)
        ],
        "pixel_accuracy": metrics.pixel_accuracy(result.confusion),
        "mean_accuracy": metrics.mean_accuracy(result.confusion),
        "frequency_weighted_iou": metrics.frequency_weighted_iou(result.confusion),
        "images": len(result.sizes),
    }
    if result.boundary_scores is not None:
        content["boundary_f_score"] = _boundary_scores(result, class_names)
    return content


def _boundary_scores(result, class_names):
    """Over the images that have a boundary of a class, then over the classes."""
    of_images = np.ma.masked_invalid(result.boundary_scores)
    per_class = of_images.mean(axis=0).filled(np.nan)
    return {
        "mean": float(np.nanmean(per_class)) if np.isfinite(per_class).any() else None,
        "by_class": _by_name(per_class, class_names),
        "tolerance": result.boundary_tolerance,
    }


def _by_name(values, class_names):
    return {
        name: None if np.isnan(value) else float(value)
        for name, value in zip(class_names, values, strict=True)
    }


def costs(result, architecture):
    """MACs over the images of an `Evaluation`, the parameters, and what images open.

    Args:
        result: The `Evaluation`. Of an image that its protocol shows more than once,
            everything is taken to be open.
        architecture: What the network was built from.

    Returns:
        {"macs": {"mean", "min", "max", "supernet"}, "parameters": int}; the
        supernet's MACs are those of the network with all its gates open, of a pruned
        network those that it has, as the mean over the images' sizes. If there are
        gates also "open_macs" and "levels", see `routing_use`.
    """
    macs = np.zeros(len(result.sizes), np.int64)
    supernet = np.zeros(len(result.sizes), np.int64)
    for size in np.unique(result.sizes, axis=0):
        chosen = (result.sizes == size).all(axis=1)
        passes = result.protocol.passes(*size.tolist())
        macs[chosen] = supernet[chosen] = sum(
            count * cost(architecture, *shown).macs for shown, count in passes
        )
        if result.gates is not None:
            ((shown, _),) = passes
            macs[chosen] = image_macs(architecture, *shown, result.gates[chosen])
    content = {
        "macs": {
            "mean": float(macs.mean()),
            "min": int(macs.min()),
            "max": int(macs.max()),
            "supernet": float(supernet.mean()),
        },
        "parameters": cost(architecture, 32, 32).parameters,
    }
    if result.gates is not None:
        content["open_macs"] = routing_use.histogram(macs / supernet)
        exists = routing.macs_table(architecture, 32, 32).exists
        content["levels"] = routing_use.levels(result.gates, exists)
    return content


def protocol(result, how=""):
    """How the images were shown to the network, in words.

    Args:
        result: The `Evaluation`.
        how: What was done with the images, if it was not the protocol's.
    """
    sizes = np.unique(result.sizes, axis=0)
    size = "x".join(map(str, sizes[0])) if len(sizes) == 1 else "their own sizes"
    shown = f"{how}, one scale, no flip" if how else result.protocol.describe()
    return f"images at {size}: {shown}; confusion matrix of all pixels"


def summary(results, deployed, class_names, architecture, block=1):
    """Scores, costs and what they were measured with; see `costs`.

    Args:
        results: Name of each of the run's networks to its `Evaluation`.
        deployed: Name of the one that is reported and exported.
        class_names: Names of the classes.
        architecture: The networks' architecture.
        block: As in `scores`.

    Returns:
        The content of summary.json: the scores and costs of the deployed network, its
        name under "deployed", and under "networks" the scores of each by name.
    """
    networks = {
        name: scores(each, class_names, block) for name, each in results.items()
    }
    return {
        **networks[deployed],
        **costs(results[deployed], architecture),
        "deployed": deployed,
        "networks": networks,
        "protocol": protocol(results[deployed]),
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


def write_examples(run_dir, predict, source, info, result):
    """Draws the best, median and worst images of a source, two of each.

    Args:
        run_dir: The run's folder (a `pathlib.Path`).
        predict: As `evaluate.predictor` returns it.
        source: The `Source` that was evaluated.
        info: Its `DatasetInfo`.
        result: The `Evaluation`, image by image.
    """
    folder, images = run_dir / "examples", []
    folder.mkdir(parents=True, exist_ok=True)
    scores = metrics.mean_ious(result.confusions)
    for kind, number in _chosen(scores):
        example = source.read(tf.constant(number, tf.int64))
        name = f"{number:05d}" if source.names is None else source.names[number]
        name = pathlib.PurePath(name).name
        file = f"{kind}_{number:05d}.png"
        overlay.write_example(
            folder / file,
            predict,
            example["image"].numpy(),
            example["label"].numpy(),
            info.colours,
        )
        score = float(scores[number])
        own = {"kind": kind, "number": number, "name": name, "mean_iou": score}
        images.append({**own, "file": file})
    colours = {
        name: [int(part) for part in colour]
        for name, colour in zip(info.class_names, info.colours, strict=True)
    }
    run_folder.write_json(
        folder / "examples.json", {"images": images, "colours": colours}
    )


def _chosen(scores, count=2):
    """(kind, number) of the images with the highest, median and lowest scores."""
    order = np.argsort(-scores, kind="stable")
    # Images without a label have no score; they are sorted last.
    order = order[: np.isfinite(scores).sum()]
    middle = max(0, (len(order) - count) // 2)
    parts = {
        "best": order[:count],
        "median": order[middle : middle + count],
        "worst": order[::-1][:count],
    }
    seen = set()
    for kind, numbers in parts.items():
        for number in numbers.tolist():
            if number not in seen:
                seen.add(number)
                yield kind, number


def write_predictions(run_dir, predict, source, colours, count):
    """Draws some images of a source, spread evenly over it."""
    places = np.linspace(0, source.size - 1, min(count, source.size)).astype(int)
    examples = (
        (f"{place:05d}", example["image"].numpy(), example["label"].numpy())
        for place in places.tolist()
        for example in [source.read(tf.constant(place, tf.int64))]
    )
    overlay.write_predictions(run_dir / "predictions", predict, examples, colours)
