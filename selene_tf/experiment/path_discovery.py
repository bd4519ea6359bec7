"""Discovers the path of a run's network and writes it."""

import os
import pathlib

from selene_tf.architectures import routing, routing_path
from selene_tf.cli import output_file
from selene_tf.errors import UserError
from selene_tf.experiment import gates
from selene_tf.experiment.saved_run import (
    load_run,
    load_split,
    load_training_sources,
)
from selene_tf.reports import path_drawing
from selene_tf.search.path_rule import PathRule
from selene_tf.training import run_folder

_DEFAULT_RULE = PathRule()
# Not the validation images, on which the path is scored afterwards.
TRAINING_SPLIT = "train+unlabelled"
SPLITS = (TRAINING_SPLIT, "train", "unlabelled", "val")


def discover_path(
    run_dir,
    rule=_DEFAULT_RULE,
    *,
    network="deployed",
    split=TRAINING_SPLIT,
    data_dir="",
    counts_gates=True,
    output="",
    overwrite=False,
):
    """Discovers the path of a run's network; writes it as JSON, and as PNG beside.

    Args:
        run_dir: The run's folder.
        rule: The `PathRule` that says which routes stay.
        network: "deployed", or one of the run's networks by name.
        split: One of `SPLITS`: by default the images that the run is trained on,
            labelled and unlabelled; "train" is the labelled ones, "val" the validation
            images.
        data_dir: Where the images lie, if not where the run found them.
        counts_gates: Whether gates are among the path's costs; not if they will be
            folded. The supernet's always are.
        output: JSON file to write; empty for one in the run's folder whose name says
            what was asked for.
        overwrite: Whether existing files may be written over.

    Returns:
        The `RoutingPath`, and the name of the JSON file, a `pathlib.Path`. Costs are
        those of one image of the size of the split's first; of large splits
        `gates.MAX_IMAGES` images, spread over it, are looked at.

    Raises:
        UserError: for whatever is wrong with the run, its data, the rule or the
            output.
    """
    file = pathlib.Path(output or _default_output(run_dir, rule, network, split))
    _check_output(file, bool(output), overwrite)
    restored = load_run(run_dir, network, None, data_dir)
    routing.check_has_routes(
        restored.architecture, "run_dir", run_dir, "a run of a routing network"
    )
    opened, sizes = gates.collect(restored.network, _sources(run_dir, split, data_dir))
    path = rule.find(opened, restored.architecture, sizes[0].tolist(), counts_gates)
    with output_file.user_errors("output", file):
        path_drawing.draw(path, _drawing_of(file))
        run_folder.write_json(file, routing_path.to_json(path))
    return path, file


def _sources(run_dir, split, data_dir):
    if split == TRAINING_SPLIT:
        return load_training_sources(run_dir, data_dir)
    return [load_split(run_dir, split, data_dir)]


def _default_output(run_dir, rule, network, split):
    suffix = "" if network == "deployed" else f"-{network}"
    suffix += "" if split == TRAINING_SPLIT else f"-{split}"
    return pathlib.Path(run_dir) / f"path-{rule.text()}{suffix}.json"


def _drawing_of(file):
    return file.with_suffix(".png")


def _check_output(file, is_chosen, overwrite):
    """Refuses, before the network is restored, what cannot be written afterwards."""
    if file.suffix.lower() != ".json":
        raise UserError(
            f"--output: found '{file}', expected the name of a file that ends in .json."
        )
    if is_chosen:
        output_file.check_folder("output", file)
    for written in (file, _drawing_of(file)):
        if written.is_dir():
            raise UserError(f"--output: '{written}' is a folder, expected a file.")
        if os.path.lexists(written) and not overwrite:
            raise UserError(
                f"--output: '{written}' is there already; expected another --output, "
                "or --overwrite to write over it."
            )
