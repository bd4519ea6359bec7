"""Lists the images that keep their labels: python -m selene_tf.partition ... .

Writes labelled.txt and unlabelled.txt of the training part of a data set, for
--labelled_list and --unlabelled_list of train.py. Without --seed every n-th image
is labelled, which is the published rule; with --seed they are chosen at random, the
same on every machine, and a smaller choice is part of a larger one.
"""

import shlex

from absl import flags

from selene_tf.cli import command, flagfile
from selene_tf.data.datasets import subsets


def define_flags():
    """Makes the command's flags beside those of a run; returns those of use here."""
    flagfile.define_flags()
    flags.DEFINE_string(
        "fraction", "", "Share of the training images that is labelled: 1/8 or 0.125."
    )
    flags.DEFINE_integer(
        "num_labelled", None, "How many are labelled, in place of --fraction."
    )
    flags.DEFINE_string(
        "output",
        "",
        "Folder of the lists; empty: one in the working folder, such as "
        "partition-1_8-rule.",
    )
    names = ["dataset", "data_dir", "dataset_file", "class_names", "validation_list"]
    return ["fraction", "num_labelled", "seed", "output", *names]


def main():
    values = flags.FLAGS
    seed = values.seed if values["seed"].present else None
    label_fraction = subsets.parse_label_fraction(
        values.fraction, values.num_labelled, seed
    )
    config = flagfile.from_flags()
    with command.suppress_startup_logs():
        from selene_tf.experiment import split_lists

    written = split_lists.write_lists(config, label_fraction, values.output)
    command.say("\n".join([*written.notes, _summary(written)]))


def _summary(written):
    lists = [f"--{name}={path}" for name, path in written.flags.items()]
    return (
        f"{written.num_labelled} labelled and {written.num_unlabelled} unlabelled "
        f"images are listed in {written.folder}; train with {shlex.join(lists)}"
    )


if __name__ == "__main__":
    command.run(main, define_flags())
