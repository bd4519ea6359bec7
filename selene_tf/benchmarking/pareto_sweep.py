"""Accuracy against cost: a run's network pruned to several targets."""

import dataclasses
import pathlib

from selene_tf import experiment
from selene_tf.architectures import routing, routing_path
from selene_tf.benchmarking import latency
from selene_tf.errors import UserError
from selene_tf.evaluation import evaluate
from selene_tf.experiment import gates, pruned_network
from selene_tf.reports import pareto, path_drawing
from selene_tf.search import path_for_cost
from selene_tf.training import atomic_write, run_folder


def sweep(options, targets, output, *, tuned_runs=(), with_tflite=False):
    """Prunes a run's network to several costs, scores and times each.

    Paths are found from the gates of training images, labelled and unlabelled: on the
    images that score them they would be chosen with a view to their scores.

    Args:
        options: A `RunOptions`. Its gates and statistics are those of the pruned
            networks; the supernet is as it is, and tuned runs have their own
            statistics. The paths take the place of its path.
        targets: Shares of the supernet's MACs, above 0 and up to 1.
        output: Folder to write: sweep.json, sweep.png, the paths. Must not exist.
        tuned_runs: Runs along a path, which are scored beside; each as it is.
        with_tflite: bool, whether each is timed as TFLite file too.

    Returns:
        The content of sweep.json: "points", one for the supernet, one for each target
        that can be reached and each tuned run, with "name", "macs" of one image,
        "parameters", "mean_iou", "latency_ms" (and "tflite_ms"), and whether it is on
        the Pareto front; "skipped", why targets could not be reached; "image_size".

    Raises:
        UserError: for whatever is wrong with the runs, their images or the output.
    """
    atomic_write.check_new(output)
    for tuned in tuned_runs:
        _check_is_run(tuned)
    supernet = pruned_network.prepare(_unchanged(options))
    routing.check_has_routes(
        supernet.restored.architecture,
        *("run_dir", options.run_dir, "a run of a routing network"),
    )
    result = _evaluate(supernet)
    size = result.sizes[0].tolist()
    points = [_point("supernet", supernet, result, with_tflite)]
    with atomic_write.atomic_path(output) as folder:
        folder.mkdir()
        files, skipped = _find_paths(options, supernet, size, targets, folder)
        for name, changed in _networks(options, files, tuned_runs):
            pruned = pruned_network.prepare(changed)
            _check_same_images(changed.run_dir, pruned, supernet)
            points.append(_point(name, pruned, _evaluate(pruned), with_tflite))
        content = {
            "run_dir": str(options.run_dir),
            "split": options.split,
            "images": len(result.sizes),
            "image_size": size,
            "gates": options.gates,
            "statistics_batches": options.statistics_batches,
            "points": mark_front(points),
            "skipped": skipped,
        }
        run_folder.write_json(folder / "sweep.json", content)
        pareto.draw(content, folder / "sweep.png")
    return content


def mark_front(points):
    """Marks the Pareto front: points than which none is both cheaper and better.

    Args:
        points: Dicts with "macs" and "mean_iou".

    Returns:
        Copies, in the same order, with "on_front", True or False.

    Example:
        >>> points = [{"macs": 1, "mean_iou": 0.3}, {"macs": 2, "mean_iou": 0.2}]
        >>> [point["on_front"] for point in mark_front(points)]
        [True, False]
    """
    return [
        {**point, "on_front": not any(_beats(other, point) for other in points)}
        for point in points
    ]


def table(content):
    """A sweep as text for the terminal."""
    width = max(len(point["name"]) for point in content["points"])
    with_tflite = "tflite_ms" in content["points"][0]
    head = f"{'':{width}}{'MMACs':>10}{'of all':>8}{'parameters':>12}{'mIoU':>8}"
    head += f"{'ms':>8}" + (f"{'TFLite ms':>11}" if with_tflite else "")
    supernet_macs = content["points"][0]["macs"]
    rows = [
        f"{point['name']:{width}}{point['macs'] / 1e6:>10,.1f}"
        f"{point['macs'] / supernet_macs:>8.1%}{point['parameters']:>12,}"
        f"{point['mean_iou']:>8.4f}{point['latency_ms']:>8.1f}"
        + (f"{point['tflite_ms']:>11.1f}" if with_tflite else "")
        + ("  *" if point["on_front"] else "")
        for point in content["points"]
    ]
    note = "* none is both cheaper and better (Pareto front)"
    return "\n".join([head, *rows, note, *content["skipped"]])


def _unchanged(options):
    """The same run's supernet, as it is."""
    return dataclasses.replace(options, path="none", gates="keep", statistics_batches=0)


def _networks(options, files, tuned_runs):
    """Yields name and `RunOptions` of each network beside the supernet."""
    for target, file in files.items():
        yield f"keep<={target:.12g}", dataclasses.replace(options, path=str(file))
    tuned = dataclasses.replace(
        _unchanged(options), network="deployed", gates=options.gates
    )
    for run_dir in tuned_runs:
        changed = dataclasses.replace(tuned, run_dir=str(run_dir))
        yield pathlib.Path(run_dir).name, changed


def _beats(other, point):
    no_worse = other["macs"] <= point["macs"] and other["mean_iou"] >= point["mean_iou"]
    return no_worse and (
        other["macs"] < point["macs"] or other["mean_iou"] > point["mean_iou"]
    )


def _find_paths(options, supernet, size, targets, folder):
    """Writes the path of each target; returns the files, and why some are missing."""
    architecture, files, skipped = supernet.restored.architecture, {}, []
    sources = experiment.load_training_sources(options.run_dir, options.data_dir)
    image_gates, _ = gates.collect(supernet.network, sources)
    for target in targets:
        rule = f"keep<={target:.12g}"
        macs = path_for_cost.target_macs(architecture, size, keep=target)
        try:
            path = path_for_cost.within(
                image_gates,
                architecture,
                size,
                macs,
                rule,
                counts_gates=options.gates == "keep",
            )
        except UserError as error:
            why = str(error).partition("found ")[2].partition(";")[0]
            skipped.append(f"--targets: {target:.12g} was left out: found {why}")
            continue
        file = folder / f"path-keep_{target:.12g}.json"
        run_folder.write_json(file, routing_path.to_json(path))
        path_drawing.draw(path, file.with_suffix(".png"))
        files[target] = file
    return files, skipped


def _evaluate(pruned):
    predict = evaluate.predictor(pruned.network)
    return experiment.evaluate(pruned.restored, predict)


def _point(name, pruned, result, with_tflite):
    size = result.sizes[0].tolist()
    cost = pruned.cost(size)
    point = {
        "name": name,
        "macs": cost.macs,
        "parameters": cost.parameters,
        "mean_iou": result.mean_iou,
        "latency_ms": latency.of_network(pruned.network, size),
    }
    if with_tflite:
        point["tflite_ms"] = latency.of_tflite(pruned.network, size)
    return point


def _check_is_run(name):
    if not (pathlib.Path(name) / "config.cfg").is_file():
        raise UserError(
            f"--tuned_runs: found no config.cfg in '{name}', expected the folders of "
            "runs, as train.py makes them."
        )


def _check_same_images(name, pruned, supernet):
    same_classes = (
        pruned.restored.info.class_names == supernet.restored.info.class_names
    )
    if not same_classes or pruned.restored.source.size != supernet.restored.source.size:
        raise UserError(
            f"--tuned_runs: {name} has other images or classes than the run; "
            "expected runs on the same data."
        )
