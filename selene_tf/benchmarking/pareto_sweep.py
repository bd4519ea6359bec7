"""Accuracy against cost: a run's network pruned to several targets."""

import pathlib

from selene_tf import experiment
from selene_tf.architectures import routing, routing_path
from selene_tf.benchmarking import latency
from selene_tf.errors import UserError
from selene_tf.evaluation import evaluate
from selene_tf.experiment import pruned_network
from selene_tf.reports import pareto, path_drawing
from selene_tf.search import path_for_cost
from selene_tf.training import atomic_write, run_folder


# One argument for each flag; a notebook names them.
def sweep(  # noqa: PLR0913
    run_dir,
    targets,
    output,
    *,
    tuned_runs=(),
    network="deployed",
    gates="fold",
    statistics_batches=0,
    split="val",
    data_dir="",
    with_tflite=False,
):
    """Prunes a run's network to several costs, scores and times each.

    Paths are found from the gates of the same images that they are scored on.

    Args:
        run_dir: The run's folder.
        targets: Shares of the supernet's MACs, above 0 and up to 1.
        output: Folder to write: sweep.json, sweep.png, the paths. Must not exist.
        tuned_runs: Runs along a path, which are scored beside; each as it is.
        network: "deployed", or one of the run's networks by name.
        gates: "keep" or "fold"; see `pruned_network.prepare`.
        statistics_batches: Likewise; not for the supernet and the tuned runs.
        split: Split of the images that paths are found from and scored on.
        data_dir: Where the images lie, if not where the run found them.
        with_tflite: Whether each is timed as TFLite file too.

    Returns:
        The content of sweep.json: "points", one for the supernet, one for each target
        that can be reached and each tuned run, with "name", "macs" of one image,
        "parameters", "mean_iou", "latency_ms" (and "tflite_ms"), and whether it is on
        the Pareto front; "skipped", why targets could not be reached; "image_size".

    Raises:
        UserError: for whatever is wrong with the runs, their images or the output.
    """
    for tuned in tuned_runs:
        _check_is_run(tuned)
    options = {"split": split, "data_dir": data_dir}
    supernet = pruned_network.prepare(run_dir, network, **options)
    routing.check_has_routes(
        supernet.trained.architecture, "run_dir", run_dir, "a run of a routing network"
    )
    result = _evaluate(supernet)
    size = result.sizes[0].tolist()
    points = [_point("supernet", supernet, result, with_tflite)]
    with atomic_write.atomic_path(output) as folder:
        folder.mkdir()
        files, skipped = _find_paths(supernet, result, targets, gates == "fold", folder)
        for target, file in files.items():
            prepared = pruned_network.prepare(
                run_dir,
                network,
                str(file),
                gates,
                statistics_batches=statistics_batches,
                **options,
            )
            name = f"keep<={target:.12g}"
            points.append(_point(name, prepared, _evaluate(prepared), with_tflite))
        for tuned in tuned_runs:
            prepared = pruned_network.prepare(tuned, gates=gates, **options)
            _check_same_images(tuned, prepared, supernet)
            name = pathlib.Path(tuned).name
            points.append(_point(name, prepared, _evaluate(prepared), with_tflite))
        content = {
            "run_dir": str(run_dir),
            "split": split,
            "images": len(result.sizes),
            "image_size": size,
            "gates": gates,
            "statistics_batches": statistics_batches,
            "points": mark_front(points),
            "skipped": skipped,
        }
        run_folder.write_json(folder / "sweep.json", content)
        pareto.draw(content, folder / "sweep.png")
    return content


def mark_front(points):
    """Adds "on_front": whether no other point is both cheaper and better.

    Args:
        points: Dicts with "macs" and "mean_iou".

    Returns:
        Copies, in the same order.
    """
    return [
        {**point, "on_front": not any(_beats(other, point) for other in points)}
        for point in points
    ]


def table(found):
    """A sweep as text for the terminal."""
    width = max(len(point["name"]) for point in found["points"])
    with_tflite = "tflite_ms" in found["points"][0]
    head = f"{'':{width}}{'MMACs':>10}{'of all':>8}{'parameters':>12}{'mIoU':>8}"
    head += f"{'ms':>8}" + (f"{'TFLite ms':>11}" if with_tflite else "")
    whole = found["points"][0]["macs"]
    rows = [
        f"{point['name']:{width}}{point['macs'] / 1e6:>10,.1f}"
        f"{point['macs'] / whole:>8.1%}{point['parameters']:>12,}"
        f"{point['mean_iou']:>8.4f}{point['latency_ms']:>8.1f}"
        + (f"{point['tflite_ms']:>11.1f}" if with_tflite else "")
        + ("  *" if point["on_front"] else "")
        for point in found["points"]
    ]
    note = "* none is both cheaper and better (Pareto front)"
    return "\n".join([head, *rows, note, *found["skipped"]])


def _beats(other, point):
    no_worse = other["macs"] <= point["macs"] and other["mean_iou"] >= point["mean_iou"]
    return no_worse and (
        other["macs"] < point["macs"] or other["mean_iou"] > point["mean_iou"]
    )


def _find_paths(supernet, result, targets, folds, folder):
    """Writes the path of each target; returns the files, and why some are missing."""
    trained, files, skipped = supernet.trained, {}, []
    size = result.sizes[0].tolist()
    for target in targets:
        rule = f"keep<={target:.12g}"
        macs = path_for_cost.target_macs(trained.architecture, size, keep=target)
        try:
            found = path_for_cost.within(
                result.gates,
                trained.architecture,
                size,
                macs,
                rule,
                counts_gates=not folds,
            )
        except UserError as error:
            why = str(error).partition("found ")[2].partition(";")[0]
            skipped.append(f"--targets: {target:.12g} was left out: found {why}")
            continue
        file = folder / f"path-keep_{target:.12g}.json"
        run_folder.write_json(file, routing_path.to_json(found))
        path_drawing.draw(found, file.with_suffix(".png"))
        files[target] = file
    return files, skipped


def _evaluate(prepared):
    predict = evaluate.predictor(prepared.network)
    return experiment.evaluate(prepared.trained, predict)


def _point(name, prepared, result, with_tflite):
    size = result.sizes[0].tolist()
    cost = prepared.cost(size)
    point = {
        "name": name,
        "macs": cost.macs,
        "parameters": cost.parameters,
        "mean_iou": result.mean_iou,
        "latency_ms": latency.of_network(prepared.network, size),
    }
    if with_tflite:
        point["tflite_ms"] = latency.of_tflite(prepared.network, size)
    return point


def _check_is_run(name):
    if not (pathlib.Path(name) / "config.cfg").is_file():
        raise UserError(
            f"--tuned_runs: found no config.cfg in '{name}', expected the folders of "
            "runs, as train.py makes them."
        )


def _check_same_images(name, prepared, supernet):
    found, wanted = prepared.trained, supernet.trained
    same_classes = found.info.class_names == wanted.info.class_names
    if not same_classes or found.source.size != wanted.source.size:
        raise UserError(
            f"--tuned_runs: {name} has other images or classes than the run; "
            "expected runs on the same data."
        )
