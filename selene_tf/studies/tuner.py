"""A search over flags with Optuna: each trial is a training in a process of its own."""

import dataclasses
import json
import pathlib
import statistics

from selene_tf.errors import UserError
from selene_tf.studies import processes, runs
from selene_tf.studies.tuning import DIRECTIONS, ends, parse
from selene_tf.training import run_folder

_SUMMARY = {"mean_iou": float, "macs": dict}


def tune(study, output, jobs=1, start=processes.Pool):
    """Runs the trials that are left; after a kill the same call goes on.

    A trial that a kill interrupted is taken up again with its parameters and its
    checkpoint. A trial is pruned, whatever the objectives, by the median of the others'
    mean IoU at the same step: Optuna's own pruners know one objective only.

    Args:
        study: A `Study` with a table "tuning".
        output: The folder, made if missing.
        jobs: Trainings at a time.
        start: What makes a pool of processes of the number of jobs.

    Returns:
        A dict, the content of tuning.json: "trials" with their state, parameters and
        scores, and "best", the numbers of those that no other beats.

    Raises:
        UserError: for whatever is wrong with the study, or Optuna is missing.
    """
    tuning, output = parse(study), pathlib.Path(output)
    for parameters in ends(tuning.parameters):
        _run_of(study, tuning, 0, parameters, output / "none")
    optuna = _optuna()
    with processes.own_folder(output):
        search = _open(optuna, study, tuning, output)
        while batch := _next_batch(optuna, search, tuning, jobs):
            _run_batch(optuna, search, study, tuning, batch, output, start(jobs))
        content = _content(search, tuning)
        with run_folder.user_errors(output):
            run_folder.write_json(output / "tuning.json", content)
    return content


def _optuna():
    try:
        import optuna
    except ImportError:
        raise UserError(
            "tuning needs Optuna, which is not installed: pip install -e '.[tune]'"
        ) from None
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    return optuna


def _open(optuna, study, tuning, output):
    """The search with its trials so far, from its journal."""
    backend = optuna.storages.journal.JournalFileBackend(str(output / "tuning.journal"))
    search = optuna.create_study(
        study_name=study.name,
        storage=optuna.storages.JournalStorage(backend),
        directions=[DIRECTIONS[name] for name in tuning.objectives],
        load_if_exists=True,
    )
    _check_same(search, study, tuning, output)
    # Another seed after each start, since the sampler's state is in no file.
    seed = study.seeds[0] + len(search.trials)
    search.sampler = optuna.samplers.TPESampler(seed=seed)
    return search


def _check_same(search, study, tuning, output):
    """Refuses to go on with other flags or ranges: trials would not compare."""
    asked = {
        "objectives": list(tuning.objectives),
        "parameters": tuning.parameters,
        "flagfile": study.flagfile,
        "flags": study.flags,
        tuning.variant: study.variants[tuning.variant],
        tuning.subset: study.subsets[tuning.subset],
        "seed": study.seeds[0],
    }
    asked = json.loads(json.dumps(asked))
    before = search.user_attrs.get("asked")
    if before is None:
        search.set_user_attr("asked", asked)
        return
    for name in asked.keys() | before.keys():
        if asked.get(name) != before.get(name):
            raise UserError(
                f"--output: the trials in {output} were made with {name} = "
                f"{before.get(name)!r}, but the study has {asked.get(name)!r} now; "
                "change it back, or use another --output."
            )


def _next_batch(optuna, search, tuning, jobs):
    """{number: parameters} of the trials to run now, interrupted ones first."""
    state = optuna.trial.TrialState
    interrupted = search.get_trials(deepcopy=False, states=[state.RUNNING])
    for trial in interrupted:
        # Killed before all its parameters were there.
        if trial.params.keys() != tuning.parameters.keys():
            search.tell(trial.number, state=state.FAIL)
    interrupted = search.get_trials(deepcopy=False, states=[state.RUNNING])
    batch = {trial.number: trial.params for trial in interrupted[:jobs]}
    missing = tuning.trials - len(search.get_trials(deepcopy=False))
    for _ in range(min(jobs - len(batch), missing)):
        trial = search.ask()
        for name, values in tuning.parameters.items():
            _suggest(trial, name, values)
        batch[trial.number] = trial.params
    return batch


def _suggest(trial, name, values):
    if "choices" in values:
        trial.suggest_categorical(name, values["choices"])
        return
    is_whole = all(isinstance(values[end], int) for end in ("low", "high"))
    suggest = trial.suggest_int if is_whole else trial.suggest_float
    suggest(name, values["low"], values["high"], log=bool(values.get("log")))


def _run_batch(  # noqa: PLR0913 (all that a trial is made of)
    optuna, search, study, tuning, batch, output, pool
):
    by_name = {
        f"trial {number}": _run_of(study, tuning, number, parameters, output)
        for number, parameters in batch.items()
    }
    numbers = dict(zip(by_name, batch, strict=True))
    pruned = set()

    def watch(name):
        if _is_behind(by_name[name], search, tuning, output):
            pruned.add(name)
        return name in pruned

    def log_of(name):
        return output / "logs" / f"{folder_of(numbers[name])}.log"

    commands = {name: run.command() for name, run in by_name.items()}
    state = optuna.trial.TrialState
    for name, status, seconds in pool.run(commands, log_of, watch):
        run, number = by_name[name], numbers[name]
        if run.is_finished:
            values = _values(run, tuning)
            search.tell(number, values)
            outcome = ", ".join(f"{v:.4g}" for v in values)
        elif name in pruned:
            search.tell(number, state=state.PRUNED)
            outcome = "pruned"
        else:
            search.tell(number, state=state.FAIL)
            outcome = f"FAILED, status {status}: {processes.last_line(log_of(name))}"
        processes.say(f"{name} {batch[number]}: {outcome} ({seconds:.0f} s)")


def folder_of(number):
    """The name of a trial's folder."""
    return f"trial_{number:04d}"


def _run_of(study, tuning, number, parameters, output):
    subset = study.subsets[tuning.subset] | parameters
    changed = dataclasses.replace(study, subsets={tuning.subset: subset})
    run = runs.make(changed, tuning.variant, tuning.subset, study.seeds[0], output)
    return dataclasses.replace(run, folder=output / folder_of(number))


def _is_behind(run, search, tuning, output):
    """Whether a trial's last score is below the median of the complete ones' there."""
    own = scores_of(run.folder)
    if not own or not tuning.prune_after:
        return False
    step = max(own)
    complete = [t for t in search.get_trials(deepcopy=False) if t.values is not None]
    others = [scores_of(output / folder_of(trial.number)) for trial in complete]
    at_step = [scores[step] for scores in others if step in scores]
    enough = len(at_step) >= tuning.prune_after
    return enough and own[step] < statistics.median(at_step)


def scores_of(folder):
    """{step: mean IoU} of the evaluations that a run has logged."""
    try:
        lines = run_folder.read_json_lines(folder / "log.jsonl")
    except (OSError, ValueError):
        return {}  # It has not begun, or is writing a line.
    return {line["step"]: line["mean_iou"] for line in lines if "mean_iou" in line}


def _values(run, tuning):
    summary = run_folder.read_json(run.folder / "summary.json", _SUMMARY)
    scores = {"mean_iou": summary["mean_iou"], "macs": summary["macs"]["mean"]}
    return [scores[name] for name in tuning.objectives]


def _content(search, tuning):
    trials = [
        {
            "number": trial.number,
            "folder": folder_of(trial.number),
            "state": trial.state.name.lower(),
            "parameters": trial.params,
            "values": _by_objective(tuning, trial.values),
        }
        for trial in search.trials
    ]
    best = [trial.number for trial in search.best_trials]
    return {"objectives": list(tuning.objectives), "best": best, "trials": trials}


def _by_objective(tuning, values):
    return dict(zip(tuning.objectives, values, strict=True)) if values else {}


def table(content):
    """The trials as text, the best ones marked.

    Args:
        content: What `tune` returned.
    """
    lines = []
    for trial in content["trials"]:
        mark = "*" if trial["number"] in content["best"] else " "
        values = ", ".join(f"{k} {v:.4g}" for k, v in trial["values"].items()) or "-"
        flags = " ".join(f"--{k}={_short(v)}" for k, v in trial["parameters"].items())
        number, state = trial["number"], trial["state"]
        lines.append(f"{mark} {number:4}  {state:9} {values}  {flags}")
    return "\n".join(lines)


def _short(value):
    return f"{value:.6g}" if isinstance(value, float) else str(value)
