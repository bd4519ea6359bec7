"""Searches over flags: python -m selene_tf.tune --study=configs/studies/NAME.toml .

The study's table "tuning" says over which flags, how many trials, and for what: a high
mean IoU, few MACs, or both. Each trial is a training in a process of its own; after a
kill the same command goes on. Tune on other validation images than those that you
report.
"""

import pathlib

from absl import flags

from selene_tf.cli import command


def define_flags():
    """Makes the command's flags; returns their names."""
    flags.DEFINE_string("study", "", "TOML file with a table tuning.")
    flags.DEFINE_string(
        "output", "", "Folder of the trials; empty: runs/tuning/NAME of the file."
    )
    flags.DEFINE_integer(
        "jobs", 1, "Trainings at a time; they share the processors.", lower_bound=1
    )
    return ["study", "output", "jobs"]


def main():
    values = flags.FLAGS
    with command.suppress_startup_logs():
        from selene_tf.studies import description, tuner

    study = description.read(values.study)
    output = pathlib.Path(values.output or f"runs/tuning/{study.name}")
    command.say(tuner.table(tuner.tune(study, output, values.jobs)))
    command.say(f"wrote {output}/tuning.json; * marks what no other trial beats")


if __name__ == "__main__":
    command.run(main, define_flags())
