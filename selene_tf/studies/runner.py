"""Runs a study: what is not finished yet, some trainings at a time."""

import json
import pathlib
import sys

from selene_tf.studies import processes, results, tables
from selene_tf.studies import runs as study_runs
from selene_tf.training import run_folder, run_lock


def run(study, output, jobs=1):
    """Trains every run of a study that is not finished, and writes its table.

    A finished run is not repeated and an unfinished one goes on, so after a kill the
    same call goes on with the study. A run that fails is reported and does not stop
    the others.

    Args:
        study: A `Study`.
        output: The study's folder, made if missing.
        jobs: Trainings at a time; they share the processors.

    Returns:
        (rows, failures): a list of `Row`, and {name: what its last line said} of the
        runs that failed.

    Raises:
        UserError: train.py would refuse a run's flags; the folder cannot be written
            to; or another process runs the study.
    """
    output = pathlib.Path(output)
    runs = study_runs.of_study(study, output)
    with run_folder.user_errors(output):
        output.mkdir(parents=True, exist_ok=True)
    with run_lock.locked(output):
        failures = _train(study, runs, output, jobs)
        failures |= _score(study, runs, output, jobs)
        rows = results.rows(study, runs)
        write(study, rows, failures, output)
    return rows, failures


def _train(study, runs, output, jobs):
    by_name = {run.name: run for run in runs}
    waiting = {name: run for name, run in by_name.items() if not run.is_finished}
    _say(f"{study.name}: {len(runs) - len(waiting)} of {len(runs)} runs are finished")
    # Of a study that was killed, trainings may still be about to save.
    pool = processes.Pool(jobs, lambda name: not run_lock.is_held(by_name[name].folder))
    commands = {name: run.command() for name, run in waiting.items()}
    return _failures(pool, commands, by_name, output, lambda run: run.is_finished)


def _score(study, runs, output, jobs):
    """Scores finished runs on the further splits of the study."""
    failures = {}
    for split in study.splits:
        by_name = {f"{run.name}, {split}": run for run in runs if run.is_finished}
        name = f"evaluation-{split}.json"
        commands = {
            label: run.command("evaluate.py", f"--split={split}")
            for label, run in by_name.items()
            if not (run.folder / name).is_file()
        }
        failures |= _failures(
            processes.Pool(jobs),
            commands,
            by_name,
            output,
            lambda run, name=name: (run.folder / name).is_file(),
        )
    return failures


def _failures(pool, commands, by_name, output, has_ended):
    """Runs commands; returns what the last line of each that failed said."""
    failures, done = {}, 0

    def log_of(name):
        relative = by_name[name].folder.relative_to(output)
        return output / "logs" / f"{'-'.join(relative.parts)}.log"

    for name, status, seconds in pool.run(commands, log_of):
        done += 1
        failed = status != 0 or not has_ended(by_name[name])
        last = processes.last_line(log_of(name))
        if failed:
            failures[name] = f"status {status}: {last} (see {log_of(name)})"
        outcome = "FAILED, " + failures[name] if failed else last
        _say(f"[{done}/{len(commands)}] {name}: {outcome} ({seconds:.0f} s)")
    return failures


def write(study, rows, failures, output):
    """Writes study.txt, study.md, study.csv and study.json into the study's folder."""
    heads, lines = tables.cells(rows, study.splits)
    content = {
        "name": study.name,
        "control": study.control,
        "rows": tables.to_json(rows),
        "table": {"heads": heads, "lines": lines},
        "failures": failures,
    }
    texts = {
        "study.txt": tables.to_text(rows, study.splits) + "\n",
        "study.md": tables.to_markdown(rows, study.splits) + "\n",
        "study.csv": tables.to_csv(rows, study.splits),
        "study.json": json.dumps(content, indent=2, allow_nan=False) + "\n",
    }
    with run_folder.user_errors(output):
        for name, text in texts.items():
            run_folder.write_text(output / name, text)


def _say(text):
    print(text, file=sys.stderr, flush=True)  # noqa: T201
