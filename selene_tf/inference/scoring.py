"""Scoring a run's network, or any model on a run's images."""

import pathlib
import sys
import time

import numpy as np
import tensorflow as tf

from selene_tf import experiment
from selene_tf.errors import UserError
from selene_tf.evaluation import evaluate, summary
from selene_tf.experiment import RunOptions, pruned_network
from selene_tf.inference import loading, predict_image, processor
from selene_tf.training import run_folder

_MACS = ("mean", "min", "max", "supernet")
_TIMED_IMAGES = 8
_TIMED_RUNS = 5


def evaluate_run(run, conditional=False):
    """Scores a run's network, or what a path leaves of it.

    Writes evaluation-<split>[-<what>].json into the run's folder.

    Args:
        run: str, the run's folder; or a `RunOptions`, for another network, path or
            split than its deployed one on its validation images.
        conditional: bool, whether what an image closed is left out instead of
            multiplied by 0; one image at a time. The scores are the same.

    Returns:
        The content of the file.

    Raises:
        UserError: for whatever is wrong with the run, the path or the data.
    """
    options = run if isinstance(run, RunOptions) else RunOptions(run_dir=run)
    if conditional and options.gates == "fold":
        raise UserError(
            "--conditional: found with --gates=fold, whose images close nothing; "
            "expected one of the two."
        )
    pruned = pruned_network.prepare(options, conditional)
    restored = pruned.restored
    predict = evaluate.predictor(pruned.network)
    result = experiment.evaluate(restored, predict)
    content = {
        "step": restored.step,
        "split": options.split,
        "what": options.network,
        "path": restored.path.metadata["rule"] if restored.path else None,
        "gates": options.gates,
        **summary.scores(result, restored.info.class_names),
        **pruned.costs(result),
        "conditional": conditional,
        "latency_ms": _latency(predict, restored.source),
        "timed_on": _timed_on("run"),
        "protocol": summary.protocol(result),
    }
    _write(options, _changes(options, conditional), content)
    return content


def evaluate_model(  # noqa: PLR0913 (one for each flag; a notebook names them)
    model, options, mode="auto", tile_size=None, *, num_threads=None, trust=False
):
    """Scores a run's folder, a SavedModel, a .tflite or .onnx file on a run's images.

    Writes evaluation-<split>-<kind>.json into the run's folder.

    Args:
        model: str, name of the model.
        options: A `RunOptions` of the run whose images it is scored on; only
            `run_dir`, `split` and `data_dir` matter.
        mode: How images of another size than the model's go through it; see
            `predict_image.choose_mode`.
        tile_size: Likewise.
        num_threads: int, threads that a .tflite file runs on; None for LiteRT's choice.
        trust: bool, whether a SavedModel may hold operations that none of ours has.

    Returns:
        The content of the file.

    Raises:
        UserError: for whatever is wrong with the model, the run or the data.
    """
    loaded = loading.load(model, num_threads, trust)
    if not options.run_dir:
        raise UserError(
            f"--run_dir: found nothing, but '{model}' has no images of its own; "
            "expected the run whose images it is scored on."
        )
    mode = predict_image.choose_mode(loaded, mode, tile_size)
    restored = experiment.load_run(
        options.run_dir, split=options.split, data_dir=options.data_dir
    )
    _check_classes(loaded, restored.info)
    predict = _predictor(loaded, mode)
    result = experiment.evaluate(restored, predict)
    content = {
        "step": loaded.metadata.get("step"),
        "split": options.split,
        "what": str(model),
        "kind": loaded.kind,
        **summary.scores(result, restored.info.class_names),
        **_static_costs(loaded, result),
        "conditional": False,
        "latency_ms": _latency(predict, restored.source),
        "timed_on": _timed_on(loaded.kind, num_threads),
        "protocol": summary.protocol(result, _shown(mode, result)),
    }
    quantization = loaded.metadata.get("quantization", "none")
    parts = [loaded.kind, *([] if quantization == "none" else [quantization])]
    _write(options, parts, content)
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
            + (" without what it closed" if content["conditional"] else "")
            + f" ({content['timed_on']})",
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


def _predictor(model, mode):
    """A function from images, float32 in 0..255, to a dict with their labels."""

    def predict(images):
        pixels = np.asarray(images).astype(np.uint8)
        labels = [predict_image.label_map(model, image, mode) for image in pixels]
        return {"labels": tf.constant(np.stack(labels), tf.int32)}

    return predict


def _check_classes(loaded, info):
    if tuple(loaded.class_names) != tuple(info.class_names):
        raise UserError(
            f"--model: '{loaded.name}' knows {', '.join(loaded.class_names)}, but the "
            f"run's classes are {', '.join(info.class_names)}; expected a model of the "
            "same."
        )


def _static_costs(loaded, result):
    """Costs in an export's metadata; MACs only of images of the same size."""
    metadata = loaded.metadata
    costs = {"macs": None, "parameters": metadata.get("parameters")}
    macs = metadata.get("macs")
    if macs and (result.sizes == macs["size"]).all():
        costs["macs"] = dict.fromkeys(_MACS, macs["network"])
    return costs


def _shown(mode, result):
    """How a mode shows images, in words; those of its own size go in as they are."""
    if mode.mode == "whole" or (result.sizes == mode.tile_size).all():
        return "whole"
    size = "x".join(map(str, mode.tile_size))
    if mode.mode == "resize":
        return f"resized to {size} and their labels back"
    return f"in windows of {size}, overlapping by {mode.overlap:g}"


def _changes(options, conditional):
    """What differs from the run's own network, as parts of a file's name."""
    path, batches = pathlib.Path(options.path).stem, options.statistics_batches
    return [
        *([] if options.network == "deployed" else [options.network]),
        *([path] if options.path_file else []),
        *([] if options.gates == "keep" else [options.gates]),
        *([f"statistics_{batches}"] if batches else []),
        *(["conditional"] if conditional else []),
    ]


def _write(options, parts, content):
    """Keeps the scores in the run's folder, if that may be written to."""
    name = "-".join(["evaluation", options.split, *parts])
    try:
        run_folder.write_json(pathlib.Path(options.run_dir) / f"{name}.json", content)
    except OSError as error:
        print(  # noqa: T201
            f"note: '{options.run_dir}' cannot be written to "
            f"({run_folder.reason(error)}), so the scores are in no file.",
            file=sys.stderr,
        )


def _timed_on(kind, num_threads=None):
    """What milliseconds are of: without it they mean little."""
    if kind not in ("run", "saved_model"):
        return processor.describe(num_threads)
    threads = tf.config.threading.get_intra_op_parallelism_threads()
    return processor.describe(threads, len(tf.config.list_physical_devices("GPU")))


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
