"""Runs a study: python -m selene_tf.study --study=configs/studies/NAME.toml .

A study trains every variant on every subset of the data with every seed, each in a
process of its own, and writes a table: mean and standard deviation over the seeds, and
the differences to a control with their intervals. Finished runs are not repeated and
unfinished ones go on, so after a kill the same command goes on with the study.
"""

import pathlib
import shlex

from absl import flags

from selene_tf.cli import command
from selene_tf.errors import UserError


def define_flags():
    """Makes the command's flags; returns their names."""
    flags.DEFINE_string("study", "", "TOML file; configs/studies has examples.")
    flags.DEFINE_string(
        "output", "", "Folder of the study; empty: runs/studies/NAME of the file."
    )
    flags.DEFINE_integer(
        "jobs", 1, "Trainings at a time; they share the processors.", lower_bound=1
    )
    flags.DEFINE_bool(
        "dry_run",
        False,
        "Print the commands and the estimated hours, after timing a few steps of each "
        "variant, and train nothing.",
    )
    return ["study", "output", "jobs", "dry_run"]


def main():
    values = flags.FLAGS
    with command.suppress_startup_logs():
        from selene_tf.studies import description, runner, tables

    study = description.read(values.study)
    output = pathlib.Path(values.output or f"runs/studies/{study.name}")
    if values.dry_run:
        _show(study, output)
        return
    rows, failures = runner.run(study, output, values.jobs)
    command.say(tables.to_text(rows, study.splits) if rows else "no run is finished")
    command.say(f"wrote {output}/study.txt, .md, .csv and .json")
    if failures:
        first = ": ".join(next(iter(failures.items())))
        raise UserError(
            f"{len(failures)} runs failed, such as {first}; mend what their logs say "
            "and run the study again."
        )


def _show(study, output):
    from selene_tf.studies import estimates, runs

    all_runs = runs.of_study(study, output)
    for run in all_runs:
        state = f"after step {runs.step_of(run)} of {run.steps}"
        command.say(f"# {run.name}: {'finished' if run.is_finished else state}")
        command.say(shlex.join(run.command()))
    speeds = estimates.seconds_per_step(study, all_runs)
    for variant, seconds in speeds.items():
        text = "unknown" if seconds is None else f"{seconds:.3f} s"
        command.say(f"# {variant}: {text} a step")
    hours = estimates.hours(all_runs, speeds)
    text = "unknown" if hours is None else f"{hours:.2f}"
    command.say(
        f"# {len(all_runs)} runs; hours left, one at a time: {text} (starts and "
        "evaluations not counted)"
    )


if __name__ == "__main__":
    command.run(main, define_flags())
