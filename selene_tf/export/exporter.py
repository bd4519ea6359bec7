"""From a run to a file for a device: pruned, scored, written, compared."""

import dataclasses

import keras
import tensorflow as tf

import selene_tf
from selene_tf import experiment
from selene_tf.architectures import routing
from selene_tf.data.datasets.label_map import IGNORE_LABEL
from selene_tf.errors import UserError
from selene_tf.evaluation import evaluate, summary
from selene_tf.experiment import pruned_network
from selene_tf.export import equalization, onnx, sample_images, saved_model, tflite

# Fewer say little; a split that has fewer is taken whole.
MIN_IMAGES = 8
_GATES = {"keep": "kept", "fold": "folded"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportOptions:
    """What of a run is exported; each field is a flag of the export commands.

    Attributes:
        run_dir: The run's folder.
        network: "deployed", or one of its networks by name.
        data_dir: Where the images lie, if not where the run found them.
        path: "discovered", "none" or a file; see `pruned_network.prepare`.
        gates: "keep" or "fold"; likewise.
        statistics_batches: Likewise.
        split: Split to score and compare on.
        num_images: At most so many of its images, 8 or more, spread over it; 0
            for all.
        size: Height and width in pixels that the export takes; None for the default.
        licence: Under which the network is given away; empty if it is not stated.
    """

    run_dir: str
    network: str = "deployed"
    data_dir: str = ""
    path: str = "discovered"
    gates: str = "keep"
    statistics_batches: int = 0
    split: str = "val"
    num_images: int = 100
    size: tuple[int, int] | None = None
    licence: str = ""


def to_saved_model(choice, output, *, version=1, scores="logits"):
    """Writes a run's network as SavedModel; see `saved_model.export`.

    Args:
        choice: A `ExportOptions`; without a size the SavedModel takes images of any.
        output: Folder to write to.
        version: Number of the folder inside.
        scores: "logits" or "probabilities".

    Returns:
        {"networks": scores of the network, its path and its folded form by name,
        "check": the comparison}.

    Raises:
        UserError: for whatever is wrong with the run, its images or the output, or
            if the export differs from the network.
    """
    saved_model.check_output(output, version)
    made = _make(choice, choice.size)
    check = saved_model.export(
        made.network,
        output,
        made.examples,
        made.metadata,
        version=version,
        size=choice.size,
        scores=scores,
    )
    return {"networks": made.rows, "check": check}


def to_tflite(choice, output, *, quantization="none", num_calibration=64):
    """Writes a run's network for LiteRT; see `tflite.export`.

    Args:
        choice: A `ExportOptions`; without a size it is that of the split's first image.
        output: File to write.
        quantization: "none", "float16", "dynamic" or "int8".
        num_calibration: For int8, at most so many labelled training images show
            how large its numbers become.

    Returns:
        As `to_saved_model` does.

    Raises:
        UserError: likewise.
    """
    tflite.check_output(output)
    if quantization == "int8" and num_calibration < 1:
        raise UserError(
            "--calibration_images: found 0 with --quantization=int8, which needs "
            "images to calibrate on; expected 1 or more."
        )
    made = _make(choice, choice.size or "first")
    calibration = ()
    if quantization == "int8":
        source = experiment.load_split(choice.run_dir, "train", choice.data_dir)
        calibration = [
            image
            for image, _ in sample_images.examples(source, num_calibration, made.size)
        ]
        if choice.gates == "fold":
            equalization.equalize_channels(made.network, calibration)
    check = tflite.export(
        made.network,
        output,
        made.examples,
        made.metadata,
        quantization=quantization,
        size=made.size,
        calibration=calibration,
    )
    return {"networks": made.rows, "check": check}


def to_onnx(choice, output):
    """Writes a run's network as ONNX; see `onnx.export`.

    Args:
        choice: A `ExportOptions`; without a size the file takes images of any.
        output: File to write.

    Returns:
        As `to_saved_model` does.

    Raises:
        UserError: likewise.
    """
    onnx.check_output(output)
    made = _make(choice, choice.size)
    check = onnx.export(
        made.network, output, made.examples, made.metadata, size=choice.size
    )
    return {"networks": made.rows, "check": check}


def table(rows):
    """The scored networks as text, a line each."""
    width = max(len(name) for name in rows)
    return "\n".join(
        f"{name:{width}}  mIoU {row['mean_iou']:.4f}, {row['macs'] / 1e6:,.1f} MMACs, "
        f"{row['parameters']:,} parameters{' (exported)' if row['exported'] else ''}"
        for name, row in rows.items()
    )


@dataclasses.dataclass(frozen=True)
class PreparedExport:
    """What an export is written from."""

    network: keras.Model
    examples: list
    size: tuple[int, int]
    metadata: dict
    rows: dict


def _make(choice, size):
    """Prunes the run's network and scores it at each step of the way."""
    if 0 < choice.num_images < MIN_IMAGES:
        raise UserError(
            f"--num_images: found {choice.num_images}, expected {MIN_IMAGES} or "
            "more to compare on, or 0 for all of the split's."
        )
    prepared = {"network": _prepared(choice, "none", "keep", 0)}
    architecture = prepared["network"].trained.architecture
    if choice.gates == "fold":
        routing.check_has_routes(architecture, "gates", "fold", "--gates=keep")
    for name, step in _steps(choice, routing.has_routes(architecture)).items():
        prepared[name] = _prepared(choice, *step)
    exported = _name(choice, choice.gates)
    last = prepared[exported]
    if size == "first":
        ((image, _),) = sample_images.examples(last.trained.source, 1)
        size = image.shape[:2]
    chosen = sample_images.examples(last.trained.source, choice.num_images, size)
    results = {name: score(each, chosen) for name, each in prepared.items()}
    of_size = chosen[0][0].shape[:2]
    costs = {name: each.cost(of_size) for name, each in prepared.items()}
    rows = {
        name: {
            "mean_iou": results[name].mean_iou,
            "macs": cost.macs,
            "parameters": cost.parameters,
            "exported": False,
        }
        for name, cost in costs.items()
    }
    rows[exported]["exported"] = True
    metadata = _metadata(choice, last, results[exported], rows)
    return PreparedExport(last.network, chosen, size, metadata, rows)


def _prepared(choice, path, gates, batches):
    return pruned_network.prepare(
        choice.run_dir,
        choice.network,
        path,
        gates,
        statistics_batches=batches,
        split=choice.split,
        data_dir=choice.data_dir,
    )


def _steps(choice, has_routes):
    """Name to path, gates and statistics of what is scored beside the run's network."""
    prunes, batches = choice.path not in ("", "none"), choice.statistics_batches
    steps = {}
    if prunes or batches:
        steps[_name(choice, "keep")] = (choice.path, "keep", batches)
    if has_routes:
        steps[_name(choice, "fold")] = (choice.path, "fold", batches)
    return steps


def _name(choice, gates):
    """What a network is called that is pruned as chosen, with these gates."""
    of_path = "its path, " if choice.path not in ("", "none") else ""
    if gates == "fold":
        return f"{of_path}folded"
    changed = of_path or choice.statistics_batches
    return f"{of_path or 'new statistics, '}gates kept" if changed else "network"


def score(prepared, chosen):
    """Scores a `PrunedNetwork` on images.

    Args:
        prepared: The `PrunedNetwork`.
        chosen: As `sample_images.examples` returns them.

    Returns:
        An `Evaluation`.
    """
    batches = (
        {"image": tf.cast(image[None], tf.float32), "label": tf.constant(label[None])}
        for image, label in chosen
    )
    predict = evaluate.predictor(prepared.network)
    return evaluate.evaluate(predict, batches, prepared.trained.info.num_classes)


def _metadata(choice, prepared, result, rows):
    trained, built = prepared.trained, prepared.trained.architecture
    scores = summary.scores(result, trained.info.class_names)
    return {
        "class_names": list(trained.info.class_names),
        "colours": [list(map(int, colour)) for colour in trained.info.colours],
        "ignore_label": IGNORE_LABEL,
        "licence": choice.licence,
        "dataset": trained.info.name,
        "image_size": list(trained.image_size) if trained.image_size else None,
        "structure": _sizes_of(built),
        "path": trained.path.metadata["rule"] if trained.path else None,
        "gates": _GATES[prepared.gates] if routing.has_routes(built) else None,
        "parameters": rows[_name(choice, choice.gates)]["parameters"],
        "macs": {
            "size": result.sizes[0].tolist(),
            "network": rows[_name(choice, choice.gates)]["macs"],
            "supernet": rows["network"]["macs"],
        },
        "mean_iou": scores["mean_iou"],
        "mean_iou_of_supernet": rows["network"]["mean_iou"],
        "iou": scores["iou"],
        "split": choice.split,
        "images": scores["images"],
        "step": trained.step,
        "versions": {
            "selene_tf": selene_tf.__version__,
            "tensorflow": tf.__version__,
            "keras": keras.__version__,
        },
    }


def _sizes_of(architecture):
    """The fields of an architecture as JSON values; of a path there is its rule."""
    names = [field.name for field in dataclasses.fields(architecture)]
    return {name: getattr(architecture, name) for name in names if name != "path"}
