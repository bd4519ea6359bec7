"""Reads what a report shows of a run from its folder; every file is checked."""

import json
import zlib

import numpy as np

from selene_tf.architectures import (
    RoutingArchitecture,
    architecture_file,
    routing_path,
)
from selene_tf.architectures.routing_path import ARCHITECTURE_FIELDS
from selene_tf.errors import UserError
from selene_tf.evaluation import image_scores
from selene_tf.reports.run_content import Example, RunContent
from selene_tf.search import discover
from selene_tf.training import run_folder, run_identity

# What a file raises that holds something else than it should.
_DAMAGED = (OSError, ValueError, KeyError, TypeError, AttributeError, zlib.error)


def load(folder, name):
    """Loads what a report shows of a run.

    Args:
        folder: The run's folder.
        name: What it is called on the page.

    Returns:
        A `RunContent`; of a run without an end what is there.

    Raises:
        UserError: it is no run's folder, or a file in it is damaged.
    """
    classes = run_folder.read_json(folder / "classes.json", {"class_names": list})
    scores = _if_there(folder / "image_scores.npz", image_scores.read)
    given = _if_there(folder / "given_path.json", routing_path.read)
    path = _if_there(folder / "path.json", routing_path.read) or given
    examples, legend = _examples(folder / "examples", scores, path, given)
    return RunContent(
        name,
        run_identity.flags_of(folder),
        _lines(folder / "log.jsonl", _log_line),
        [str(name) for name in classes["class_names"]],
        _if_there(folder / "summary.json", _json(_summary)),
        None if scores is None else scores.confusions.sum(0, dtype=np.int64),
        path,
        _architecture(folder / "architecture.json", len(classes["class_names"])),
        examples,
        legend,
        _last_of_each_file(_lines(folder / "exports.jsonl", _export)),
        {
            file.stem.removeprefix("evaluation-"): _json(_evaluation)(file)
            for file in sorted(folder.glob("evaluation-*.json"))
        },
    )


def _if_there(file, read):
    return read(file) if file.is_file() else None


def _architecture(file, num_classes):
    return architecture_file.read(file, num_classes) if file.is_file() else None


def _json(check):
    """A reader of a JSON file whose content `check` takes or refuses."""

    def read(file):
        content = run_folder.read_json(file, {})
        try:
            return check(content)
        except _DAMAGED as error:
            raise run_folder.foreign(file, f"what a run writes ({error!r})") from None

    return read


def _summary(content):
    networks = content.get("networks", {})
    return {
        **_scores(content),
        "networks": {name: _scores(own) for name, own in networks.items()},
        "deployed": str(content.get("deployed", "network")),
        "protocol": str(content["protocol"]),
        "macs": {name: float(content["macs"][name]) for name in ("mean", "min", "max")},
        "parameters": int(content["parameters"]),
        "seconds": float(content["seconds"]),
        **_routing_use(content),
    }


def _scores(content):
    """The scores that a report shows; earlier versions wrote fewer."""
    interval = content.get("mean_iou_interval")
    others = ("pixel_accuracy", "mean_accuracy", "frequency_weighted_iou")
    return {
        "mean_iou": float(content["mean_iou"]),
        "interval": None if interval is None else tuple(map(float, interval)),
        "iou": {
            str(name): None if score is None else float(score)
            for name, score in content["iou"].items()
        },
        "others": {name: float(content[name]) for name in others if name in content},
    }


def _routing_use(content):
    use = {}
    if "open_macs" in content:
        edges, images = (content["open_macs"][k] for k in ("edges", "images"))
        if len(edges) != len(images) + 1:
            raise ValueError("edges and images do not fit")
        use["open_macs"] = {
            "edges": [float(edge) for edge in edges],
            "images": [int(number) for number in images],
        }
    if "levels" in content:
        use["levels"] = {
            str(name): {key: float(own[key]) for key in ("images", "cells")}
            for name, own in content["levels"].items()
        }
    return use


def _evaluation(content):
    boundary = content.get("boundary_f_score") or {}
    mean, tolerance = boundary.get("mean"), boundary.get("tolerance")
    return {
        **_scores(content),
        "kind": str(content.get("kind", "run")),
        **{name: _number(content.get(name)) for name in _MEASURED},
        "timed_on": str(content.get("timed_on", "")),
        "boundary": None if mean is None else (float(mean), int(tolerance)),
    }


_MEASURED = ("bytes", "latency_ms", "latency_ms_p95", "peak_memory_bytes")


def _export(content):
    check = content["check"]
    interval = check.get("mean_iou_interval")
    return {
        "file": str(content["file"]),
        "format": str(content["format"]),
        "quantization": str(content.get("quantization", "none")),
        "agreement": float(check["label_agreement"]),
        "mean_iou": _number(check["mean_iou"]),
        "interval": None if interval is None else tuple(map(float, interval)),
        **{name: _number(content.get(name)) for name in _MEASURED},
        "timed_on": str(content.get("timed_on", "")),
    }


def _last_of_each_file(exports):
    """A file that was written anew is there once."""
    return list({export["file"]: export for export in exports}.values())


def _number(value):
    return None if value is None else float(value)


def _log_line(content):
    """The numbers of a line of the log."""
    line = {
        name: value
        for name, value in content.items()
        if isinstance(value, int | float) and not isinstance(value, bool)
    }
    return {"step": int(line["step"]), **line}


def _lines(file, check):
    """Lines of JSON; a killed process may have left the last one by halves."""
    if not file.is_file():
        return []
    lines = []
    try:
        texts = file.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError as error:
        raise run_folder.foreign(file, f"lines ({error.strerror})") from None
    for number, text in enumerate(texts, start=1):
        try:
            lines.append(check(json.loads(text)))
        except (*_DAMAGED, RecursionError):
            if number < len(texts):
                raise run_folder.foreign(
                    file, f"lines of JSON as a run writes them, not line {number}"
                ) from None
    return lines


def _examples(folder, scores, path, given):
    """Examples and their legend, from the folder examples/."""
    file = folder / "examples.json"
    if not file.is_file():
        return [], []
    content = run_folder.read_json(file, {"images": list, "colours": dict})
    try:
        examples = [
            Example(
                str(image["kind"]),
                str(image["name"]),
                float(image["mean_iou"]),
                (folder / str(image["file"]).rpartition("/")[2]).read_bytes(),
                _path_of(scores, int(image["number"]), path, given),
            )
            for image in content["images"]
        ]
        legend = [
            (str(name), tuple(map(int, colour)))
            for name, colour in content["colours"].items()
        ]
    except (*_DAMAGED, IndexError) as error:
        raise run_folder.foreign(file, f"images and colours ({error!r})") from None
    return examples, legend


def _path_of(scores, number, path, given):
    """What one image opens, as a path; None where nothing says so."""
    if scores is None or scores.gates is None or path is None:
        return None
    architecture = RoutingArchitecture(
        num_layers=path.num_layers,
        **{name: path.metadata[name] for name in ARCHITECTURE_FIELDS},
        # What the network was built along: elsewhere nothing can flow.
        path=given,
    )
    gates = scores.gates[number : number + 1]
    return discover.discover(gates, architecture, scores.sizes[number].tolist(), 1.0)


def image_scores_of(folder):
    """The scores of a run's images, or None if it has none."""
    file = folder / "image_scores.npz"
    try:
        return _if_there(file, image_scores.read)
    except UserError:
        return None
