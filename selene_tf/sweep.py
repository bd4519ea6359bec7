"""Prunes a run to several costs and scores each: python -m selene_tf.sweep ... .

For each target, a share of the supernet's MACs, it finds the path on training images,
prunes the run's network to it and scores that on the images of a split. Runs that were
trained along a path already (--tuned_runs) are scored beside. Writes sweep.json,
sweep.png (mIoU against MACs, with the Pareto front) and the paths into a new folder.
"""

import pathlib

from absl import flags

from selene_tf.cli import command
from selene_tf.errors import UserError


def define_flags():
    """Makes the command's flags; returns their names."""
    names = command.define_run_flags()
    flags.DEFINE_list(
        "targets",
        ["1", "0.9", "0.8", "0.7", "0.6", "0.5"],
        "Shares of the supernet's MACs, with commas between.",
    )
    flags.DEFINE_list(
        "tuned_runs", [], "Folders of runs along a path, to be scored beside."
    )
    flags.DEFINE_enum(
        "gates", "fold", ["keep", "fold"], "As in evaluate.py; kept gates cost MACs."
    )
    flags.DEFINE_integer(
        "statistics_batches",
        0,
        "After pruning, replace normalisation's statistics by means over so many "
        "training batches; 0: keep them.",
        lower_bound=0,
    )
    flags.DEFINE_enum(
        "split",
        "val",
        ["val", "train"],
        "Images to score on; paths are found on those of the training.",
    )
    flags.DEFINE_bool("tflite", False, "Time each network as TFLite file too.")
    flags.DEFINE_string("output", "", "New folder; empty: sweep in the run's.")
    own = ("targets", "tuned_runs", "gates", "statistics_batches", "split", "tflite")
    return [*names, *own, "output"]


def main():
    values = flags.FLAGS
    targets = _shares(values.targets)
    output = pathlib.Path(values.output or pathlib.Path(values.run_dir) / "sweep")
    if output.exists():
        raise UserError(
            f"--output: '{output}' exists already; name a new folder, or remove it."
        )
    with command.suppress_startup_logs():
        from selene_tf.benchmarking import pareto_sweep
        from selene_tf.experiment import RunOptions

    content = pareto_sweep.sweep(
        RunOptions.from_flags(values),
        targets,
        output,
        tuned_runs=values.tuned_runs,
        with_tflite=values.tflite,
    )
    command.say(pareto_sweep.table(content))
    command.say(f"wrote {output}")


def _shares(texts):
    try:
        shares = [float(text) for text in texts]
    except ValueError:
        shares = []
    if not shares or not all(0 < share <= 1 for share in shares):
        raise UserError(
            f"--targets: found '{','.join(texts)}', expected shares above 0 and up to "
            "1, such as 1,0.8,0.6."
        )
    return sorted(set(shares), reverse=True)


if __name__ == "__main__":
    command.run(main, define_flags())
