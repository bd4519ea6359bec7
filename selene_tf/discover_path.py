"""Finds what a trained network needs: python -m selene_tf.discover_path --run_dir=... .

Looks at the gates of a run's network over a split, and writes the path, which cells and
routes stay, as JSON, with an image of it beside. Which stay is said by one of

- --path_threshold=0.5: the routes that at least this share of the images opens;
- --keep=0.8: the strongest ones, up to this share of the supernet's MACs;
- --path_macs=3e9: likewise, up to so many MACs for one image.

Without any it is --path_threshold=0.5. An existing file is not written over, unless by
--overwrite.
"""

import os
import pathlib
import shlex

from absl import flags

from selene_tf.architectures import routing, routing_path
from selene_tf.architectures.topology import cells, routes
from selene_tf.cli import command
from selene_tf.errors import UserError
from selene_tf.reports import path_drawing
from selene_tf.search import discover, path_for_cost
from selene_tf.training import atomic_write, run_folder


def define_flags():
    """Makes the command's flags; returns their names."""
    names = command.define_run_flags()
    flags.DEFINE_enum(
        "split", "val", ["val", "train"], "Validation or labelled training images."
    )
    flags.DEFINE_float(
        "path_threshold", None, "Share of the images that has to open a route."
    )
    flags.DEFINE_float("path_macs", None, "MACs that the path may have, for one image.")
    flags.DEFINE_float("keep", None, "The same as a share of the supernet's MACs.")
    flags.DEFINE_enum(
        "gates",
        "keep",
        ["keep", "fold"],
        "Whether the path's gates will be kept, and count, or folded, and do not.",
    )
    flags.DEFINE_string(
        "output",
        "",
        "JSON file to write; empty: in the run's folder, such as path-keep_0.8.json.",
    )
    flags.DEFINE_bool("overwrite", False, "Write over existing files.")
    rules = ["path_threshold", "path_macs", "keep"]
    return [*names, "split", *rules, "gates", "output", "overwrite"]


def main():
    values = flags.FLAGS
    found, file = discover_run(
        values.run_dir,
        network=values.network,
        split=values.split,
        data_dir=values.data_dir,
        path_threshold=values.path_threshold,
        path_macs=values.path_macs,
        keep=values.keep,
        gates=values.gates,
        output=values.output,
        overwrite=values.overwrite,
    )
    command.say(f"{shlex.quote(str(file))}: {text(found)}")


# One argument for each flag; a notebook names them.
def discover_run(  # noqa: PLR0913
    run_dir,
    *,
    network="deployed",
    split="val",
    data_dir="",
    path_threshold=None,
    path_macs=None,
    keep=None,
    gates="keep",
    output="",
    overwrite=False,
):
    """Finds the path of a run's network; writes it as JSON and as PNG beside.

    Args:
        run_dir: The run's folder.
        network: "deployed", or one of the run's networks by name.
        split: "val", or "train" for the labelled training images.
        data_dir: Where the images lie, if not where the run found them.
        path_threshold: Share of the images that has to open a route, 0 to 1; see
            `discover.discover`. 0.5 if none of these three is given.
        path_macs: MACs that the path may have, for one image of the size of the
            split's first; see `path_for_cost.within`.
        keep: The same as a share of the supernet's MACs, above 0 and up to 1.
        gates: "keep" if gates count among the path's costs, "fold" if they do not,
            since they will be folded. The supernet's always count.
        output: JSON file to write; empty for one in the run's folder whose name says
            what was asked for.
        overwrite: Whether existing files may be written over.

    Returns:
        The `RoutingPath`, and the name of the JSON file, a `pathlib.Path`.

    Raises:
        UserError: for whatever is wrong with the run, its data, the rule or the
            output.
    """
    rule = _only_rule(path_threshold, path_macs, keep)
    file = pathlib.Path(output or _default_output(run_dir, rule, network, split))
    _check_output(file, bool(output), overwrite)
    with command.suppress_startup_logs():
        from selene_tf import experiment
        from selene_tf.evaluation import evaluate

    trained = experiment.load_run(run_dir, network, split, data_dir)
    routing.check_has_routes(
        trained.architecture, "run_dir", run_dir, "a run of a routing network"
    )
    result = experiment.evaluate(trained, evaluate.predictor(trained.network))
    found = _find(rule, result, trained, gates == "keep")
    _write(found, file)
    return found, file


def text(found):
    """A `RoutingPath` in a few words: its size beside the supernet's."""
    metadata = found.metadata
    height, width = metadata["image_size"]
    shares = [
        f"{metadata[name] / metadata[f'supernet_{name}']:.1%}"
        for name in ("macs", "parameters")
    ]
    places = cells(found.num_layers)
    num_routes = sum(len(routes(*place, found.num_layers)) for place in places)
    return (
        f"{metadata['macs'] / 1e6:,.1f} of "
        f"{metadata['supernet_macs'] / 1e6:,.1f} MMACs at "
        f"{height}x{width} ({shares[0]}), {metadata['parameters']:,} of "
        f"{metadata['supernet_parameters']:,} parameters ({shares[1]})\n"
        f"{metadata['rule']} over {metadata['images']} images: of {len(places)} cells "
        f"{found.kept.any(axis=-1).sum()} are computed and {found.bypassed.sum()} pass "
        f"their input on, {found.kept.sum()} of {num_routes} routes are open"
    )


def _only_rule(path_threshold, path_macs, keep):
    """The rule that was asked for: its name and its value, which is checked."""
    values = {"path_threshold": path_threshold, "path_macs": path_macs, "keep": keep}
    given = {name: value for name, value in values.items() if value is not None}
    if len(given) > 1:
        raise UserError(
            f"{', '.join(f'--{name}' for name in given)}: found {len(given)} rules, "
            "expected one of them."
        )
    if path_macs is not None:
        path_for_cost.check_path_macs(path_macs)
        return "macs", int(path_macs)
    if keep is not None:
        path_for_cost.check_keep(keep)
        return "keep", keep
    threshold = 0.5 if path_threshold is None else path_threshold
    if not 0 <= threshold <= 1:
        raise UserError(
            f"--path_threshold: found {threshold:.12g}, expected a share of the "
            "images, 0 to 1."
        )
    return "threshold", threshold


def _digits(value):
    return str(value) if isinstance(value, int) else f"{value:.12g}"


def _default_output(run_dir, rule, network, split):
    name, value = rule
    what = "" if network == "deployed" else f"-{network}"
    what += "" if split == "val" else f"-{split}"
    return pathlib.Path(run_dir) / f"path-{name}_{_digits(value)}{what}.json"


def _image_of(file):
    return file.with_suffix(".png")


def _check_output(file, is_chosen, overwrite):
    """Refuses, before the network is restored, what cannot be written afterwards."""
    if file.suffix.lower() != ".json":
        raise UserError(
            f"--output: found '{file}', expected the name of a file that ends in .json."
        )
    if is_chosen and not (file.parent.is_dir() and os.access(file.parent, os.W_OK)):
        raise UserError(
            f"--output: '{file.parent}' is no folder that may be written to; expected "
            "a file in one that is."
        )
    for written in (file, _image_of(file)):
        if written.is_dir():
            raise UserError(f"--output: '{written}' is a folder, expected a file.")
        if os.path.lexists(written) and not overwrite:
            raise UserError(
                f"--output: '{written}' is there already; expected another --output, "
                "or --overwrite to write over it."
            )


def _find(rule, result, trained, counts_gates):
    """The `RoutingPath` of a rule from an `Evaluation`, with its first size's costs."""
    name, value = rule
    size = result.sizes[0].tolist()
    if name == "threshold":
        return discover.discover(
            result.gates, trained.architecture, size, value, counts_gates
        )
    target = value
    if name == "keep":
        target = path_for_cost.target_macs(trained.architecture, size, keep=value)
    return path_for_cost.within(
        result.gates,
        trained.architecture,
        size,
        target,
        f"{name}<={_digits(value)}",
        counts_gates,
    )


def _write(found, file):
    with atomic_write.named_errors(file):
        path_drawing.draw(found, _image_of(file))
        run_folder.write_json(file, routing_path.to_json(found))


if __name__ == "__main__":
    command.run(main, define_flags())
