"""Finds what a trained network needs: python -m selene_tf.discover_path --run_dir=... .

Looks at the gates of a run's network over a split, and writes the path, which cells and
routes stay, as JSON, with an image of it beside. Which stay is said by one of

- --path_threshold=0.5: the routes that at least this share of the images opens;
- --keep=0.8: the strongest ones, up to this share of the supernet's MACs;
- --path_macs=3e9: likewise, up to so many MACs for one image.

Without any it is --path_threshold=0.5. An existing file is not written over, unless by
--overwrite.
"""

import shlex

from absl import flags

from selene_tf.cli import command
from selene_tf.reports import path_text
from selene_tf.search import path_rule


def define_flags():
    """Makes the command's flags; returns their names."""
    names = command.define_run_flags()
    flags.DEFINE_enum(
        "split",
        "train+unlabelled",
        ["train+unlabelled", "train", "unlabelled", "val"],
        "Images whose gates are looked at: those that the run was trained on, labelled "
        "and unlabelled; one of the two; or validation images, on which the path would "
        "then be scored too.",
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
    rule = path_rule.choose(values.path_threshold, values.path_macs, values.keep)
    with command.suppress_startup_logs():
        from selene_tf.experiment import path_discovery

    path, file = path_discovery.discover_path(
        values.run_dir,
        rule,
        network=values.network,
        split=values.split,
        data_dir=values.data_dir,
        counts_gates=values.gates == "keep",
        output=values.output,
        overwrite=values.overwrite,
    )
    command.say(f"{shlex.quote(str(file))}: {path_text.summary(path)}")


if __name__ == "__main__":
    command.run(main, define_flags())
