"""What a study's table "tuning" says: flags to search over, and for what."""

import dataclasses

from selene_tf.errors import UserError

_KEYS = {"trials", "variant", "subset", "objectives", "parameters", "prune_after"}
# The way in which each objective is better.
DIRECTIONS = {"mean_iou": "maximize", "macs": "minimize"}
_RANGE = {"low", "high", "log"}
_DEFAULT_TRIALS = 20
# As many trials have to be complete before one is compared with their median.
_PRUNE_AFTER = 5


@dataclasses.dataclass(frozen=True)
class Tuning:
    """What is searched over.

    Attributes:
        trials: How many trainings in all, pruned ones included.
        variant: The study's variant that is trained.
        subset: Its subset.
        objectives: Some of "mean_iou" (to be high) and "macs" (to be low).
        parameters: {flag: {"low", "high", "log"}} or {flag: {"choices": list}}.
        prune_after: Complete trials before one is ended whose mean IoU is below the
            median of theirs at the same step; 0 for never.
    """

    trials: int
    variant: str
    subset: str
    objectives: tuple[str, ...]
    parameters: dict
    prune_after: int = _PRUNE_AFTER


def parse(study):
    """Reads the table "tuning" of a study.

    Args:
        study: A `Study`.

    Returns:
        A `Tuning`.

    Raises:
        UserError: it is missing, or says something that means nothing.
    """
    table, where = study.tuning, f"study {study.name}, tuning"
    if not table:
        raise UserError(f"{where}: found no such table, expected one.")
    for key in table:
        if key not in _KEYS:
            raise UserError(
                f"{where}: found '{key}', expected some of {', '.join(sorted(_KEYS))}."
            )
    objectives = tuple(table.get("objectives", ["mean_iou"]))
    if not objectives or not set(objectives) <= set(DIRECTIONS):
        raise UserError(
            f"{where}: objectives is {list(objectives)}, expected some of "
            f"{', '.join(DIRECTIONS)}."
        )
    tuning = Tuning(
        table.get("trials", _DEFAULT_TRIALS),
        table.get("variant", next(iter(study.variants))),
        table.get("subset", next(iter(study.subsets))),
        objectives,
        table.get("parameters", {}),
        table.get("prune_after", _PRUNE_AFTER),
    )
    for name, number in (
        ("trials", tuning.trials),
        ("prune_after", tuning.prune_after),
    ):
        if type(number) is not int or number < (name == "trials"):
            raise UserError(f"{where}: {name} is {number!r}, expected a whole number.")
    for kind, value in (("variant", tuning.variant), ("subset", tuning.subset)):
        if value not in getattr(study, f"{kind}s"):
            raise UserError(f"{where}: there is no {kind} '{value}'.")
    _check_parameters(where, tuning.parameters)
    return tuning


def _check_parameters(where, parameters):
    if not isinstance(parameters, dict) or not parameters:
        raise UserError(f"{where}: parameters is empty, expected flags and ranges.")
    for name, given in parameters.items():
        keys = set(given) if isinstance(given, dict) else set()
        has_choices = keys == {"choices"} and isinstance(given["choices"], list)
        has_range = {"low", "high"} <= keys <= _RANGE
        if has_range:
            ends = given["low"], given["high"]
            has_range = all(type(end) in (int, float) for end in ends)
            has_range = has_range and ends[0] < ends[1]
            has_range = has_range and not (given.get("log") and ends[0] <= 0)
        if not (has_choices and given["choices"]) and not has_range:
            raise UserError(
                f"{where}: parameters.{name} is {given!r}, expected low and high, with "
                "log = true for a positive range, or choices = [...]."
            )
