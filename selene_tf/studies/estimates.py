"""How long a study will take, from its own runs or from a few steps of each variant."""

import pathlib
import shutil
import tempfile

from selene_tf.studies import processes, runs
from selene_tf.studies.processes import say
from selene_tf.training import run_folder, run_identity

_STEPS = 12
_LOGGED = 4


def seconds_per_step(study, all_runs):
    """Measures how long a step of each variant takes on this machine.

    A variant with a run that has logged its speed is not timed again; of the others a
    few steps are trained, one variant after the other.

    Args:
        study: A `Study`.
        all_runs: Its runs.

    Returns:
        {variant: seconds}; None of one whose steps failed.
    """
    speeds = {}
    for variant in study.variants:
        own = [run for run in all_runs if run.variant == variant]
        logged = [s for run in own if (s := _from_log(run.folder)) is not None]
        speeds[variant] = logged[0] if logged else _timed(own[0])
    return speeds


def _timed(run):
    """Seconds a step of a short training, which is thrown away."""
    folder = pathlib.Path(tempfile.mkdtemp())
    short = runs.Run(
        run.variant,
        run.subset,
        run.seed,
        _STEPS,
        folder / "run",
        (
            *run.arguments,
            *(f"--steps={_STEPS}", "--warm_up_steps=0", f"--log_every={_LOGGED}"),
            *("--consistency_ramp_steps=0", f"--evaluate_every={_STEPS}"),
            *("--num_predictions=0", "--precise_bn_batches=0", "--nowrite_report"),
        ),
    )
    say(f"timing {_STEPS} steps of {run.variant}")

    def is_timed(_):
        # What comes behind the steps may take longer than all of them.
        return _from_log(short.folder) is not None

    try:
        pool = processes.Pool(jobs=1)
        log = folder / "log"
        for _ in pool.run({"": short.command()}, lambda _: log, is_timed):
            pass
        seconds = _from_log(short.folder)
        if seconds is None:
            say(f"{run.variant}: no step was timed: {processes.last_line(log)}")
        return seconds
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _from_log(folder):
    """Seconds a step that a run has logged; None if it has not."""
    try:
        lines = run_folder.read_json_lines(folder / "log.jsonl")
    except (OSError, ValueError):
        return None
    lines = [line for line in lines if line.get("images_per_second")]
    if len(lines) < 2:
        return None
    last = lines[-1]
    return _images_per_step(folder) / last["images_per_second"]


def _images_per_step(folder):
    """Images of a step, labelled and unlabelled, as the log counts them."""
    values = run_identity.flags_of(folder)
    has_pretext = values["pretext"] != "none" and float(values["pretext_weight"]) > 0
    uses_unlabelled = values["algorithm"] != "supervised" or has_pretext
    return int(values["batch_size"]) * (2 if uses_unlabelled else 1)


def hours(all_runs, speeds):
    """Estimated hours of the steps that are left, one training at a time.

    Without starts and evaluations. Several at a time share the processors.

    Args:
        all_runs: Runs of a study.
        speeds: As `seconds_per_step` returns them.

    Returns:
        A float; None if a speed is not known.
    """
    left = [run for run in all_runs if not run.is_finished]
    if any(speeds[run.variant] is None for run in left):
        return None
    seconds = sum(
        max(0, run.steps - runs.step_of(run)) * speeds[run.variant] for run in left
    )
    return seconds / 3600
