"""Writes the report of runs: from their folders to one page of HTML."""

import itertools
import json
import pathlib

import numpy as np

from selene_tf.architectures import RoutingArchitecture, routing_path
from selene_tf.architectures.routing_path import ARCHITECTURE_FIELDS
from selene_tf.errors import UserError
from selene_tf.evaluation import bootstrap, image_scores, study_table
from selene_tf.reports import page
from selene_tf.reports.run_content import Example, RunContent
from selene_tf.search import discover
from selene_tf.training import run_folder

_SUMMARY = {
    **{"mean_iou": float, "iou": dict, "macs": dict, "parameters": int},
    **{"seconds": float, "protocol": str},
}
# More pairs than a reader compares.
_MOST_PAIRS = 10


def write(folders, output, title=""):
    """Writes the report of one or more runs, or of a study.

    Args:
        folders: Folders of runs, or of studies, whose runs are then shown.
        output: The .html file; replaced if it is there.
        title: Of the page; by default the folders' names.

    Raises:
        UserError: a folder is no run's, a file in it is damaged, or the runs have other
            classes.
    """
    folders = [pathlib.Path(folder) for folder in folders]
    studies = [folder for folder in folders if (folder / "study.json").is_file()]
    run_dirs = list(itertools.chain(*map(_runs_of, folders)))
    names = _short_names(run_dirs)
    runs = [load(folder, name) for folder, name in zip(run_dirs, names, strict=True)]
    _check_same_classes(runs)
    text = page.render(
        runs,
        _differences(run_dirs, runs),
        study_table.read(studies[0]) if studies else None,
        title or f"Report of {', '.join(folder.name for folder in folders)}",
    )
    output = pathlib.Path(output)
    with run_folder.user_errors(output.parent):
        run_folder.write_text(output, text)


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
    flags = run_folder.flags_of(folder)
    classes = run_folder.read_json(folder / "classes.json", {"class_names": list})
    summary = _if_there(folder / "summary.json", _SUMMARY)
    scores = None
    if (folder / "image_scores.npz").is_file():
        scores = image_scores.read(folder / "image_scores.npz")
    path = None
    if (folder / "path.json").is_file():
        path = routing_path.read(folder / "path.json")
    examples, legend = _examples(folder, scores, path)
    return RunContent(
        name,
        flags,
        _lines(folder / "log.jsonl"),
        classes["class_names"],
        summary,
        None if scores is None else scores.confusions.sum(0, dtype=np.int64),
        path,
        examples,
        legend,
        _lines(folder / "exports.jsonl"),
        _evaluations(folder),
    )


def _runs_of(folder):
    """The runs of a study's folder; a run's folder itself."""
    if (folder / "study.json").is_file():
        return sorted(file.parent for file in folder.glob("*/*/*/config.cfg"))
    if not (folder / "config.cfg").is_file():
        raise UserError(
            f"report: found no config.cfg in '{folder}'; expected the folder of a run, "
            "as train.py makes it, or of a study."
        )
    return [folder]


def _short_names(folders):
    """Folders without what all have in common."""
    if len(folders) == 1:
        return [folders[0].resolve().name]
    resolved = [folder.resolve().parts for folder in folders]
    common = len(
        list(itertools.takewhile(lambda p: len(set(p)) == 1, zip(*resolved)))  # noqa: B905
    )
    return ["/".join(parts[common:]) or parts[-1] for parts in resolved]


def _check_same_classes(runs):
    first = runs[0]
    for run in runs[1:]:
        if run.class_names != first.class_names:
            raise UserError(
                f"report: {run.name} has the classes {', '.join(run.class_names)}, but "
                f"{first.name} has {', '.join(first.class_names)}; expected runs of "
                "the same classes."
            )


def _if_there(file, required):
    return run_folder.read_json(file, required) if file.is_file() else None


def _lines(file):
    """Lines of JSON; a killed process may have left the last one by halves."""
    if not file.is_file():
        return []
    lines = []
    for line in file.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            content = json.loads(line)
        except (ValueError, RecursionError):
            continue
        if isinstance(content, dict) and (
            file.name != "log.jsonl" or "step" in content
        ):
            lines.append(content)
    return lines


def _evaluations(folder):
    files = sorted(folder.glob("evaluation-*.json"))
    return {
        file.stem.removeprefix("evaluation-"): run_folder.read_json(
            file, {"mean_iou": float}
        )
        for file in files
    }


def _examples(folder, scores, path):
    """Examples and their legend, from the folder examples/."""
    file = folder / "examples" / "examples.json"
    if not file.is_file():
        return [], []
    content = run_folder.read_json(file, {"images": list, "colours": dict})
    examples = [
        Example(
            image["kind"],
            image["name"],
            image["mean_iou"],
            (file.parent / pathlib.PurePath(image["file"]).name).read_bytes(),
            _path_of(scores, image["number"], path),
        )
        for image in content["images"]
    ]
    return examples, list(content["colours"].items())


def _path_of(scores, number, path):
    """What one image opens, as a path; None where nothing says so."""
    if scores is None or scores.gates is None or path is None:
        return None
    architecture = RoutingArchitecture(
        num_layers=path.num_layers,
        **{name: path.metadata[name] for name in ARCHITECTURE_FIELDS},
    )
    gates = scores.gates[number : number + 1]
    return discover.discover(gates, architecture, scores.sizes[number].tolist(), 1.0)


def _differences(folders, runs):
    """Paired differences to the first run, of runs on the same images."""
    files = [folder / "image_scores.npz" for folder in folders]
    if len(runs) < 2 or not files[0].is_file():
        return []
    first, differences = image_scores.read(files[0]), []
    pairs = list(zip(runs[1:], files[1:], strict=True))
    for run, file in pairs[:_MOST_PAIRS]:
        if not file.is_file():
            continue
        own = image_scores.read(file)
        try:
            interval = bootstrap.paired_interval(
                own.confusions, first.confusions, own.block
            )
        except UserError:
            continue  # On other images.
        differences.append((run.name, runs[0].name, *interval))
    return differences
