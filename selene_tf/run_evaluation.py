"""What evaluate.py and the export commands do with a finished run."""

import dataclasses
import pathlib
import time

import numpy as np
import tensorflow as tf

from selene_tf import evaluation, experiment, report, run_folder, saved_model
from selene_tf.data import pipelines
from selene_tf.errors import UserError

_COMPARED_PICTURES = 8
_TIMED_RUNS = 11


def evaluate_run(run_dir, split="val", network="deployed", model="", data_dir=""):
    """Scores a run's network, or a SavedModel on the run's pictures.

    Writes evaluation-<split>[-<what>].json into the run's folder.

    Args:
        run_dir: The run's folder.
        split: "val", or "train" for the labelled training pictures.
        network: "deployed", "student" or "teacher".
        model: Folder of a SavedModel to score in its place.
        data_dir: Where the pictures lie, if not where the run found them.

    Returns:
        The content of the file.

    Raises:
        UserError: for whatever is wrong with the run, the model or the data.
    """
    config, trained, step = _restore(run_dir, network, data_dir)
    info = experiment.dataset_info(config)
    source = experiment.make_split_source(config, split)
    predict = evaluation.predictor(trained)
    scored = _serving(model, predict) if model else predict
    dataset = pipelines.evaluation(source, config.evaluation_batch_size)
    result = evaluation.evaluate(scored, dataset, info.num_classes)
    content = {
        "step": step,
        "split": split,
        "what": model or network,
        **report.scores(result, info.class_names),
        **report.costs(result, config.channels),
        "latency_ms": _latency(scored, source),
        "protocol": report.protocol(result),
    }
    what = "-saved_model" if model else "" if network == "deployed" else f"-{network}"
    file = pathlib.Path(run_dir) / f"evaluation-{split}{what}.json"
    with run_folder.writable(run_dir):
        run_folder.write_json(file, content)
    return content


def export_run(run_dir, output, network="deployed", data_dir=""):
    """Writes a run's network as SavedModel; see `saved_model.export`."""
    if not output:
        raise UserError("--output: found nothing, expected the folder to write.")
    config, trained, _ = _restore(run_dir, network, data_dir)
    source = experiment.make_split_source(config, "val")
    count = min(_COMPARED_PICTURES, source.size)
    images = [
        source.read(tf.constant(place, tf.int64))["image"].numpy()
        for place in range(count)
    ]
    class_names = experiment.dataset_info(config).class_names
    return saved_model.export(trained, output, images, class_names)


def table(content):
    """An evaluation as text for the terminal."""
    width = max(len(name) for name in content["iou"])
    rows = [
        f"{name:{width}}  {'absent' if score is None else format(score, '.4f')}"
        for name, score in content["iou"].items()
    ]
    macs = content["macs"]
    return "\n".join(
        [
            *rows,
            f"{'mIoU':{width}}  {content['mean_iou']:.4f}",
            f"{content['images']} pictures, {content['protocol']}",
            f"pixel accuracy {content['pixel_accuracy']:.4f}, "
            f"{macs['mean'] / 1e6:,.1f} MMACs a picture (min {macs['min'] / 1e6:,.1f}, "
            f"max {macs['max'] / 1e6:,.1f}, all gates open "
            f"{macs['supernet'] / 1e6:,.1f}), {content['parameters']:,} parameters, "
            f"{content['latency_ms']:.1f} ms a picture",
        ]
    )


def _restore(run_dir, network, data_dir):
    config, trained, step = experiment.restore(run_dir, network)
    if data_dir:
        config = dataclasses.replace(config, data_dir=str(pathlib.Path(data_dir)))
    return config, trained, step


def _serving(model, predict):
    """Labels from the SavedModel; gates, which it does not give, from the run."""
    serve = saved_model.load(model)

    def both(images):
        return {
            "labels": serve(images)["labels"],
            "gates": predict(images)["gates"],
        }

    return both


def _latency(predict, source):
    """Median milliseconds for one picture, all gates computed."""
    image = source.read(tf.constant(0, tf.int64))["image"]
    image = tf.cast(image, tf.float32)[None]
    seconds = []
    for _ in range(_TIMED_RUNS):
        started = time.perf_counter()
        predict(image)["labels"].numpy()
        seconds.append(time.perf_counter() - started)
    return float(np.median(seconds) * 1000)
