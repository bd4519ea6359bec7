"""Scoring a run's network, or any model on a run's images."""

import pathlib
import re

import numpy as np
import tensorflow as tf

from selene_tf import experiment
from selene_tf.config.protocol import WHOLE, parse_protocol
from selene_tf.errors import UserError
from selene_tf.evaluation import evaluate, image_scores, summary
from selene_tf.experiment import RunOptions, pruned_network
from selene_tf.inference import (
    label_files,
    loading,
    output_files,
    predict_image,
    processor,
    timing,
)
from selene_tf.training import run_folder

_MACS = ("mean", "min", "max", "supernet")


def evaluate_run(run, conditional=False, boundary_tolerance=2, save_predictions=""):
    """Scores a run's network, or what a path leaves of it.

    Writes evaluation-<split>[-<what>].json into the run's folder.

    Args:
        run: str, the run's folder; or a `RunOptions`, for another network, path or
            split than its deployed one on its validation images.
        conditional: bool, whether what an image closed is left out instead of
            multiplied by 0; one image at a time. The scores are the same.
        boundary_tolerance: int, distance in pixels within which a boundary counts as
            met; 0 for no boundary F-scores.
        save_predictions: str, new folder for label maps; empty for none.

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
    asked = parse_protocol(options.protocol) if options.protocol else None
    pruned = pruned_network.prepare(options, conditional)
    restored = pruned.restored
    protocol = asked or restored.protocol
    predict = evaluate.predictor(pruned.network, protocol)
    shown = _recorded(predict, save_predictions, restored)
    result = experiment.evaluate(restored, shown, protocol, boundary_tolerance)
    content = {
        "step": restored.step,
        "split": options.split,
        "what": options.network,
        "path": restored.path.metadata["rule"] if restored.path else None,
        "gates": options.gates,
        **summary.scores(result, restored.info.class_names, restored.block),
        **pruned.costs(result),
        "conditional": conditional,
        **timing.of(predict, restored.source),
        "timed_on": _timed_on("run"),
        "protocol": summary.protocol(result),
    }
    _write(options, _changes(options, conditional), content, result, restored.block)
    return content


def evaluate_model(  # noqa: PLR0913 (one for each flag; a notebook names them)
    model,
    options,
    mode="auto",
    tile_size=None,
    *,
    num_threads=None,
    trust=False,
    boundary_tolerance=2,
    save_predictions="",
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
        boundary_tolerance: As in `evaluate_run`.
        save_predictions: Likewise.

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
    shown = _recorded(predict, save_predictions, restored)
    result = experiment.evaluate(restored, shown, WHOLE, boundary_tolerance)
    content = {
        "step": loaded.metadata.get("step"),
        "split": options.split,
        "what": str(model),
        "kind": loaded.kind,
        **summary.scores(result, restored.info.class_names, restored.block),
        **_static_costs(loaded, result),
        "bytes": output_files.size_of(model),
        "conditional": False,
        **timing.of(predict, restored.source),
        "timed_on": _timed_on(loaded.kind, num_threads),
        "protocol": summary.protocol(result, _shown(mode, result)),
    }
    quantization = loaded.metadata.get("quantization", "none")
    parts = [loaded.kind, *([] if quantization == "none" else [quantization])]
    _write(options, parts, content, result, restored.block)
    return content


def _predictor(model, mode):
    """A function from images, float32 in 0..255, to a dict with their labels."""

    def predict(images):
        pixels = np.asarray(images).astype(np.uint8)
        labels = [predict_image.label_map(model, image, mode) for image in pixels]
        return {"labels": tf.constant(np.stack(labels), tf.int32)}

    return predict


def _recorded(predict, folder, restored):
    """The same prediction, whose labels are written if there is a folder for them."""
    if not folder:
        return predict
    files = label_files.LabelFiles(folder, restored.source, restored.info)
    return files.recording(predict)


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
        return "whole images"
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
        *([re.sub(r"[^\w.]+", "_", options.protocol)] if options.protocol else []),
        *([] if options.gates == "keep" else [options.gates]),
        *([f"statistics_{batches}"] if batches else []),
        *(["conditional"] if conditional else []),
    ]


def _write(options, parts, content, result, block):
    """Keeps the scores in the run's folder, if that may be written to."""
    name = "-".join(["evaluation", options.split, *parts])
    folder = pathlib.Path(options.run_dir)
    with run_folder.noted_errors(folder, "the scores are in no file"):
        image_scores.write(folder / f"{name}.npz", result, block)
        run_folder.write_json(folder / f"{name}.json", content)


def _timed_on(kind, num_threads=None):
    """What milliseconds are of: without it they mean little."""
    if kind not in ("run", "saved_model"):
        return processor.describe(num_threads)
    threads = tf.config.threading.get_intra_op_parallelism_threads()
    return processor.describe(threads, len(tf.config.list_physical_devices("GPU")))
