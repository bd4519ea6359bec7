"""Runs a study: what is not finished yet, some trainings at a time."""

import pathlib

from selene_tf.errors import UserError
from selene_tf.studies import processes, results, tables
from selene_tf.studies import runs as study_runs
from selene_tf.studies.processes import say
from selene_tf.training import run_folder, run_lock


def run(study, output, jobs=1):
    """Trains every run of a study that is not finished, and writes its table.

    A finished run is not repeated and an unfinished one goes on, so after a kill the
    same call goes on with the study. A run that fails is reported and does not stop
    the others. The table is written after each run.

    Args:
        study: A `Study`.
        output: The study's folder, made if missing.
        jobs: Trainings at a time; they share the processors.

    Returns:
        (rows, failures): a list of `Row`, and {name: what its last line said} of the
        runs that failed.

    Raises:
        UserError: train.py would refuse a run's flags; a run's folder holds a run of
            other flags; the folder cannot be written to; or another process runs the
            study.
    """
    output = pathlib.Path(output)
    runs = study_runs.of_study(study, output)
    with processes.own_folder(output):
        failures = {}

        def table():
            return write(study, runs, failures, output)

        table()
        _train(study, runs, output, jobs, failures, table)
        _score(study, runs, output, jobs, failures, table)
        return table(), failures


def _train(study, runs, output, jobs, failures, table):  # noqa: PLR0913 (as `_follow`)
    by_name = {run.name: run for run in runs}
    waiting = [name for name, run in by_name.items() if not run.is_finished]
    say(f"{study.name}: {len(runs) - len(waiting)} of {len(runs)} runs are finished")
    # Of a study that was killed, trainings may still be about to save.
    pool = processes.Pool(jobs, lambda name: not run_lock.is_held(by_name[name].folder))
    commands = {name: by_name[name].command() for name in waiting}

    def outcome(run):
        return processes.last_line(_log_of(run, output)) if run.is_finished else None

    _follow(pool, commands, by_name, output, outcome, failures, table)


def _score(study, runs, output, jobs, failures, table):  # noqa: PLR0913 (as `_follow`)
    """Scores finished runs on the further splits of the study."""
    for split in study.splits:
        by_name = {f"{run.name}, {split}": run for run in runs if run.is_finished}
        commands = {
            name: run.command("evaluate.py", f"--split={split}")
            for name, run in by_name.items()
            if results.score_on(run, split) is None
        }

        def outcome(run, split=split):
            score = results.score_on(run, split)
            return None if score is None else f"mIoU {score:.4f}"

        pool = processes.Pool(jobs)
        _follow(pool, commands, by_name, output, outcome, failures, table)


def _log_of(run, output):
    parts = run.folder.relative_to(output).parts
    return output / "logs" / f"{'-'.join(parts)}.log"


def _follow(  # noqa: PLR0913 (all that is told of a run)
    pool, commands, by_name, output, outcome, failures, table
):
    """Runs commands; says how each ended, and writes the table.

    `outcome` gives a text of a run that ended well, and nothing of another one.
    """
    done = 0
    for name, status, seconds in pool.run(
        commands, lambda name: _log_of(by_name[name], output)
    ):
        done += 1
        run = by_name[name]
        text = outcome(run) if status == 0 else None
        if not text:
            log = _log_of(run, output)
            last = processes.last_line(log)
            failures[name] = f"status {status}: {last} (see {log})"
            text = f"FAILED, {failures[name]}"
        say(f"[{done}/{len(commands)}] {name}: {text} ({seconds:.0f} s)")
        table()


def write(study, runs, failures, output):
    """Writes study.txt, study.md, study.csv and study.json into the study's folder.

    Returns:
        A list of `Row`, of the runs that are finished. One whose files are damaged
        becomes a failure.
    """
    readable = []
    for run in runs:
        try:
            readable += [run] if results.is_readable(run) else []
        except UserError as error:
            failures[run.name] = str(error)
    rows = results.rows(study, readable)
    heads, lines = tables.cells(rows, study.splits)
    content = {
        "name": study.name,
        "control": study.control,
        "runs": [str(run.folder.relative_to(output)) for run in runs],
        "rows": tables.to_json(rows),
        "table": {"heads": heads, "lines": lines},
        "failures": failures,
    }
    texts = {
        "study.txt": tables.to_text(rows, study.splits) + "\n",
        "study.md": tables.to_markdown(rows, study.splits) + "\n",
        "study.csv": tables.to_csv(rows, study.splits),
    }
    with run_folder.user_errors(output):
        for name, text in texts.items():
            run_folder.write_text(output / name, text)
        run_folder.write_json(output / "study.json", content)
    return rows
