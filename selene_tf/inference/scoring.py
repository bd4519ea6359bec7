"""What evaluate.py does with a finished run, or with a model and a run's images."""

import pathlib
import time

import numpy as np
import tensorflow as tf

from selene_tf import experiment
from selene_tf.errors import UserError
from selene_tf.evaluation import evaluate, summary
from selene_tf.experiment import pruned_network
from selene_tf.inference import loading, predict_image
from selene_tf.training import run_folder

_MACS = ("mean", "min", "max", "supernet")
_TIMED_IMAGES = 8
_TIMED_RUNS = 5


# One argument for each flag; a notebook names them.
def evaluate_run(  # noqa: PLR0913
    run_dir,
    split="val",
    network="deployed",
    *,
    path="none",
    gates="keep",
    statistics_batches=0,
    data_dir="",
    conditional=False,
):
    """Scores a run's network, or what a path leaves of it.

    Writes evaluation-<split>[-<what>].json into the run's folder.

    Args:
        run_dir: The run's folder.
        split: "val", or "train" for the labelled training images.
        network: "deployed", or one of the run's networks by name.
        path: "none", "discovered" or a file; see `pruned_network.prepare`.
        gates: "keep" or "fold"; likewise.
        statistics_batches: Likewise.
        data_dir: Where the images lie, if not where the run found them.
        conditional: Whether what an image closed is left out instead of
            multiplied by 0; one image at a time. The scores are the same.

    Returns:
        The content of the file.

    Raises:
        UserError: for whatever is wrong with the run, the path or the data.
    """
    if conditional and gates == "fold":
        raise UserError(
            "--conditional: found with --gates=fold, whose images close nothing; "
            "expected one of the two."
        )
    prepared = pruned_network.prepare(
        run_dir,
        network,
        path,
        gates,
        statistics_batches=statistics_batches,
        split=split,
        data_dir=data_dir,
        conditional=conditional,
    )
    trained = prepared.trained
    predict = evaluate.predictor(prepared.network)
    result = experiment.evaluate(trained, predict)
    content = {
        "step": trained.step,
        "split": split,
        "what": network,
        "path": trained.path.metadata["rule"] if trained.path else None,
        "gates": gates,
        **summary.scores(result, trained.info.class_names),
        **prepared.costs(result),
        "conditional": conditional,
        "latency_ms": _latency(predict, trained.source),
        "protocol": summary.protocol(result),
    }
    parts = [
        *([] if network == "deployed" else [network]),
        *([] if path in ("", "none") else [pathlib.Path(path).stem]),
        *([] if gates == "keep" else [gates]),
        *([f"statistics_{statistics_batches}"] if statistics_batches else []),
        *(["conditional"] if conditional else []),
    ]
    _write(run_dir, split, parts, content)
    return content


def evaluate_model(
    model, run_dir="", split="val", *, data_dir="", fit="auto", tile_size=None
):
    """Scores a run's folder, a SavedModel, a .tflite or .onnx file on a run's images.

    Writes evaluation-<split>-<kind>.json into the run's folder.

    Args:
        model: Name of the model; a run's folder needs no `run_dir`.
        run_dir: The run whose images it is scored on.
        split: "val", or "train" for the labelled training images.
        data_dir: Where the images lie, if not where the run found them.
        fit: How images of another size than the model's go through it; see
            `predict_image.choose_fit`.
        tile_size: Likewise.

    Returns:
        The content of the file.

    Raises:
        UserError: for whatever is wrong with the model, the run or the data.
    """
    loaded = loading.load(model)
    if not run_dir:
        raise UserError(
            f"--run_dir: found nothing, but '{model}' has no images of its own; "
            "expected the run whose images it is scored on."
        )
    chosen = predict_image.choose_fit(loaded, fit, tile_size)
    trained = experiment.load_run(run_dir, "deployed", split, data_dir)
    _check_classes(loaded, trained.info)

    def predict(images):
        pixels = np.asarray(images).astype(np.uint8)
        labels = [predict_image.label_map(loaded, p, chosen) for p in pixels]
        return {"labels": tf.constant(np.stack(labels), tf.int32)}

    result = experiment.evaluate(trained, predict)
    content = {
        "step": loaded.metadata.get("step"),
        "split": split,
        "what": str(model),
        "kind": loaded.kind,
        **summary.scores(result, trained.info.class_names),
        **_static_costs(loaded, result),
        "conditional": False,
        "latency_ms": _latency(predict, trained.source),
        "protocol": summary.protocol(result, _shown(chosen, result)),
    }
    quantization = loaded.metadata.get("quantization", "none")
    parts = [loaded.kind, *([] if quantization == "none" else [quantization])]
    _write(run_dir, split, parts, content)
    return content


def table(content):
    """An evaluation as text for the terminal."""
    width = max(len(name) for name in content["iou"])
    rows = [
        f"{name:{width}}  {'absent' if score is None else format(score, '.4f')}"
        for name, score in content["iou"].items()
    ]
    return "\n".join(
        [
            *rows,
            f"{'mIoU':{width}}  {content['mean_iou']:.4f}",
            f"{content['images']} images, {content['protocol']}",
            f"pixel accuracy {content['pixel_accuracy']:.4f}, {_costs(content)}"
            f"{content['latency_ms']:.1f} ms an image"
            + (" without what it closed" if content["conditional"] else ""),
        ]
    )


def _costs(content):
    macs, parameters = content["macs"], content["parameters"]
    text = "" if parameters is None else f"{parameters:,} parameters, "
    if macs is None:
        return text
    return (
        f"{macs['mean'] / 1e6:,.1f} MMACs an image (min {macs['min'] / 1e6:,.1f}, "
        f"max {macs['max'] / 1e6:,.1f}, all gates open {macs['supernet'] / 1e6:,.1f}), "
        + text
    )


def _check_classes(loaded, info):
    if tuple(loaded.class_names) != tuple(info.class_names):
        raise UserError(
            f"--model: '{loaded.name}' knows {', '.join(loaded.class_names)}, but the "
            f"run's classes are {', '.join(info.class_names)}; expected a model of the "
            "same."
        )


def _static_costs(loaded, result):
    """What the export says that it costs; nothing at another size than it was told."""
    metadata = loaded.metadata
    costs = {"macs": None, "parameters": metadata.get("parameters")}
    known = metadata.get("macs")
    if known and (result.sizes == known["size"]).all():
        costs["macs"] = dict.fromkeys(_MACS, known["network"])
    return costs


def _shown(fit, result):
    """How a fit shows images, in words; those of its own size go in as they are."""
    if fit.how == "whole" or (result.sizes == fit.tile_size).all():
        return "whole"
    size = "x".join(map(str, fit.tile_size))
    if fit.how == "resize":
        return f"resized to {size} and their labels back"
    return f"in windows of {size}, overlapping by {fit.overlap:g}"


def _write(run_dir, split, parts, content):
    name = "-".join(["evaluation", split, *parts])
    with run_folder.user_errors(run_dir):
        run_folder.write_json(pathlib.Path(run_dir) / f"{name}.json", content)


def _latency(predict, source):
    """Median milliseconds for one image, over several images.

    They are spread over the source, since what an image closes differs.
    """
    places = np.linspace(0, source.size - 1, min(_TIMED_IMAGES, source.size))
    images = [
        tf.cast(source.read(tf.constant(int(place), tf.int64))["image"], tf.float32)
        for place in places
    ]
    seconds = []
    for run in range(_TIMED_RUNS + 1):
        for image in images:
            started = time.perf_counter()
            predict(image[None])["labels"].numpy()
            if run:
                seconds.append(time.perf_counter() - started)
    return float(np.median(seconds) * 1000)
