"""What an export is written from: a run's network, pruned, scored and described."""

import dataclasses

import keras
import tensorflow as tf

import selene_tf
from selene_tf.architectures import routing
from selene_tf.data.files.label_map import IGNORE_LABEL
from selene_tf.errors import UserError
from selene_tf.evaluation import evaluate, summary
from selene_tf.experiment import RunOptions, pruned_network
from selene_tf.export import sample_images

# Fewer say little; of a split that has fewer all are taken.
MIN_IMAGES = 8
_GATES = {"keep": "kept", "fold": "folded"}


@dataclasses.dataclass(frozen=True, kw_only=True)
class ExportOptions(RunOptions):
    """Selects what of a run is exported, and the images that it is compared on.

    Attributes:
        path: As in `RunOptions`; "discovered" is all of a network without routes.
        gates: As in `RunOptions`, or "auto": "fold" for a network with routes.
        num_images: int, at most so many of the split's images, 8 or more, spread over
            it; 0 for all.
        size: Height and width in pixels that the export takes; None for the default.
        licence: str, under which the network is given away; empty if it is not stated.

    Example:
        >>> options = ExportOptions(run_dir="runs/demo", gates="fold", size=(256, 512))
        >>> options.path_file
        'runs/demo/path.json'
    """

    path: str = "discovered"
    num_images: int = 100
    size: tuple[int, int] | None = None
    licence: str = ""


@dataclasses.dataclass(frozen=True)
class PreparedExport:
    """What an export is written from.

    Attributes:
        network: The Keras model.
        gates: "keep" or "fold".
        examples: (image, label) pairs to compare on, of `size` if there is one.
        size: Height and width in pixels that the export takes; None for any.
        metadata: dict, what the network says of itself.
        rows: dict of name to score and costs of each network on the way.
    """

    network: keras.Model
    gates: str
    examples: list
    size: tuple[int, int] | None
    metadata: dict
    rows: dict


def prepare(options, size):
    """Prunes a run's network and scores it at each step of the way.

    Args:
        options: An `ExportOptions`.
        size: Height and width in pixels that the export takes; "first" for those of
            the split's first image; None for any.

    Returns:
        A `PreparedExport`.

    Raises:
        UserError: for whatever is wrong with the run, the options or the images.
    """
    if 0 < options.num_images < MIN_IMAGES:
        raise UserError(
            f"--num_images: found {options.num_images}, expected {MIN_IMAGES} or "
            "more to compare on, or 0 for all of the split's."
        )
    supernet = pruned_network.prepare(_unchanged(options))
    architecture = supernet.restored.architecture
    options = _resolved(options, architecture)
    steps = _steps(options, routing.has_routes(architecture))
    networks = {"network": supernet} | {
        name: pruned_network.prepare(step) for name, step in steps.items()
    }
    exported = _name(options, options.gates)
    source = networks[exported].restored.source
    if size == "first":
        ((image, _),) = sample_images.examples(source, 1)
        size = image.shape[:2]
    examples = sample_images.examples(source, options.num_images, size)
    results = {name: score(each, examples) for name, each in networks.items()}
    costs = {n: each.cost(examples[0][0].shape[:2]) for n, each in networks.items()}
    rows = {
        name: {
            "mean_iou": results[name].mean_iou,
            "macs": cost.macs,
            "parameters": cost.parameters,
            "exported": name == exported,
        }
        for name, cost in costs.items()
    }
    return PreparedExport(
        networks[exported].network,
        options.gates,
        examples,
        size,
        _metadata(options, networks[exported], results[exported], rows),
        rows,
    )


def score(pruned, examples):
    """Scores a `PrunedNetwork` on images.

    Args:
        pruned: The `PrunedNetwork`.
        examples: As `sample_images.examples` returns them.

    Returns:
        An `Evaluation`.
    """
    batches = (
        {"image": tf.cast(image[None], tf.float32), "label": tf.constant(label[None])}
        for image, label in examples
    )
    predict = evaluate.predictor(pruned.network)
    return evaluate.evaluate(predict, batches, pruned.restored.info.num_classes)


def _unchanged(options):
    """The same run's network, as it is."""
    return dataclasses.replace(options, path="none", gates="keep", statistics_batches=0)


def _resolved(options, architecture):
    """The options for a network of this kind: what is left to it is decided."""
    if routing.has_routes(architecture):
        gates = "fold" if options.gates == "auto" else options.gates
        return dataclasses.replace(options, gates=gates)
    if options.gates == "fold":
        routing.check_has_routes(architecture, "gates", "fold", "--gates=keep")
    # Of a file, what restores the network will say that there are no routes.
    path = "none" if options.path == "discovered" else options.path
    return dataclasses.replace(options, path=path, gates="keep")


def _steps(options, has_routes):
    """Name to `ExportOptions` of each network beside the run's own."""
    steps = {}
    if options.path_file or options.statistics_batches:
        steps[_name(options, "keep")] = dataclasses.replace(options, gates="keep")
    if has_routes:
        steps[_name(options, "fold")] = dataclasses.replace(options, gates="fold")
    return steps


def _name(options, gates):
    """What a network is called that is pruned as chosen, with these gates."""
    of_path = "its path, " if options.path_file else ""
    if gates == "fold":
        return f"{of_path}folded"
    changed = of_path or options.statistics_batches
    return f"{of_path or 'new statistics, '}gates kept" if changed else "network"


def _metadata(options, pruned, result, rows):
    restored, architecture = pruned.restored, pruned.restored.architecture
    scores = summary.scores(result, restored.info.class_names)
    row = rows[_name(options, options.gates)]
    return {
        "class_names": list(restored.info.class_names),
        "colours": [list(map(int, colour)) for colour in restored.info.colours],
        "mask_values": restored.info.mask_values(),
        "mask_palette": restored.info.mask_palette(),
        "ignore_label": IGNORE_LABEL,
        "licence": options.licence,
        "dataset": restored.info.name,
        "image_size": list(restored.image_size) if restored.image_size else None,
        "structure": _sizes_of(architecture),
        "path": restored.path.metadata["rule"] if restored.path else None,
        "gates": _GATES[pruned.gates] if routing.has_routes(architecture) else None,
        "parameters": row["parameters"],
        "macs": {
            "size": result.sizes[0].tolist(),
            "network": row["macs"],
            "supernet": rows["network"]["macs"],
        },
        "mean_iou": scores["mean_iou"],
        "mean_iou_of_supernet": rows["network"]["mean_iou"],
        "iou": scores["iou"],
        "split": options.split,
        "images": scores["images"],
        "step": restored.step,
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
