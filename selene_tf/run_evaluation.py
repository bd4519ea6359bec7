"""What evaluate.py and the export commands do with a finished run."""

import pathlib
import time

import numpy as np
import tensorflow as tf

from selene_tf import evaluation, experiment, report, run_folder, saved_model
from selene_tf.data import pipelines
from selene_tf.errors import UserError

_COMPARED_PICTURES = 8
_TIMED_PICTURES = 8
_TIMED_RUNS = 5


def evaluate_run(
    run_dir, split="val", network="deployed", model="", data_dir="", conditional=False
):
    """Scores a run's network, or a SavedModel on the run's pictures.

    Writes evaluation-<split>[-<what>].json into the run's folder.

    Args:
        run_dir: The run's folder.
        split: "val", or "train" for the labelled training pictures.
        network: "deployed", or one of the run's networks by name.
        model: Folder of a SavedModel to score in its place.
        data_dir: Where the pictures lie, if not where the run found them.
        conditional: Whether what a picture closed is left out instead of
            multiplied by 0; one picture at a time. The scores are the same.

    Returns:
        The content of the file.

    Raises:
        UserError: for whatever is wrong with the run, the model or the data.
    """
    if conditional and model:
        raise UserError(
            "--conditional: found with --model; expected one of the two, since an "
            "exported network runs as it was written."
        )
    trained = experiment.restore(run_dir, network, split, data_dir, conditional)
    predict = (
        _serving(model, trained) if model else evaluation.predictor(trained.network)
    )
    dataset = pipelines.evaluation(trained.source, trained.batch_size)
    with pipelines.named_failures(trained.source):
        result = evaluation.evaluate(predict, dataset, trained.info.num_classes)
    content = {
        "step": None if model else trained.step,
        "split": split,
        "what": model or network,
        **report.scores(result, trained.info.class_names),
        **report.costs(result, trained.structure),
        "conditional": conditional,
        "latency_ms": _latency(predict, trained.source),
        "protocol": report.protocol(result),
    }
    what = "-saved_model" if model else "" if network == "deployed" else f"-{network}"
    what += "-conditional" if conditional else ""
    with run_folder.writable(run_dir):
        run_folder.write_json(
            pathlib.Path(run_dir) / f"evaluation-{split}{what}.json", content
        )
    return content


def export_run(run_dir, output, network="deployed", data_dir=""):
    """Writes a run's network as SavedModel; see `saved_model.export`."""
    if not output:
        raise UserError("--output: found nothing, expected the folder to write.")
    trained = experiment.restore(run_dir, network, "val", data_dir)
    places = range(min(_COMPARED_PICTURES, trained.source.size))
    with pipelines.named_failures(trained.source):
        images = [
            trained.source.read(tf.constant(place, tf.int64))["image"].numpy()
            for place in places
        ]
    return saved_model.export(trained.network, output, images, trained.info.class_names)


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
            f"{content['latency_ms']:.1f} ms a picture"
            + (" without what it closed" if content["conditional"] else ""),
        ]
    )


def _serving(model, trained):
    """The SavedModel as a function, if it is one for the run's classes."""
    serve = saved_model.load(model)
    outputs = serve(np.zeros((1, 32, 32, 3), np.uint8))
    found = outputs["logits"].shape[-1], outputs["gates"].shape[1:]
    wanted = trained.info.num_classes, trained.network.output["gates"].shape[1:]
    if found != wanted:
        raise UserError(
            f"--model: '{model}' has {found[0]} classes and gates of {found[1]}, but "
            f"the run has {wanted[0]} and {wanted[1]}; expected a model of the run."
        )
    return serve


def _latency(predict, source):
    """Median milliseconds for one picture, over several pictures.

    They are spread over the source, since what a picture closes differs.
    """
    places = np.linspace(0, source.size - 1, min(_TIMED_PICTURES, source.size))
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
