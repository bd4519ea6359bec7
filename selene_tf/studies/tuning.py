"""What a study's table "tuning" says: flags to search over, and for what."""

import dataclasses
import math

from selene_tf.errors import UserError

_KEYS = {"trials", "variant", "subset", "objectives", "parameters", "prune_after"}
# The way in which each objective is better.
DIRECTIONS = {"mean_iou": "maximize", "macs": "minimize"}
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
    objectives = table.get("objectives", ["mean_iou"])
    is_list = isinstance(objectives, list) and objectives
    known = is_list and all(name in tuple(DIRECTIONS) for name in objectives)
    if not known or len(set(objectives)) < len(objectives):
        raise UserError(
            f"{where}: objectives is {objectives!r}, expected some of "
            f"{', '.join(DIRECTIONS)}."
        )
    tuning = Tuning(
        _whole_number(where, table, "trials", _DEFAULT_TRIALS, 1),
        _name_of(where, study.variants, table, "variant"),
        _name_of(where, study.subsets, table, "subset"),
        tuple(objectives),
        table.get("parameters", {}),
        _whole_number(where, table, "prune_after", _PRUNE_AFTER, 0),
    )
    _check_parameters(where, tuning.parameters)
    return tuning


def _whole_number(where, table, key, default, lowest):
    number = table.get(key, default)
    if type(number) is not int or number < lowest:
        raise UserError(
            f"{where}: {key} is {number!r}, expected a whole number from {lowest} on."
        )
    return number


def _name_of(where, named, table, key):
    name = table.get(key, next(iter(named)))
    if name not in tuple(named):
        raise UserError(
            f"{where}: {key} is {name!r}, expected one of {', '.join(named)}."
        )
    return name


def _check_parameters(where, parameters):
    if not isinstance(parameters, dict) or not parameters:
        raise UserError(f"{where}: parameters is empty, expected flags and ranges.")
    for name, values in parameters.items():
        if not (_is_choice(values) or _is_range(values)):
            raise UserError(
                f"{where}: parameters.{name} is {values!r}, expected low and high, "
                "with log = true for a positive range, or choices = [...]."
            )


def _is_choice(values):
    is_one = isinstance(values, dict) and set(values) == {"choices"}
    if not is_one or not isinstance(values["choices"], list):
        return False
    plain = (str, int, float)
    return bool(values["choices"]) and all(
        isinstance(choice, plain) for choice in values["choices"]
    )


def _is_range(values):
    keys = set(values) if isinstance(values, dict) else set()
    if not {"low", "high"} <= keys <= {"low", "high", "log"}:
        return False
    low, high = values["low"], values["high"]
    if not all(type(end) in (int, float) and math.isfinite(end) for end in (low, high)):
        return False
    return low < high and (low > 0 or not values.get("log"))


def ends(parameters):
    """Values at both ends of every range, to be tried out before a search.

    Args:
        parameters: As in `Tuning`.

    Returns:
        A list of {flag: value}: one for the lower ends, one for the upper ones, and
        one for each further choice.

    Example:
        >>> ends({"a": {"low": 1, "high": 3}, "b": {"choices": [5, 6, 7]}})
        [{'a': 1, 'b': 5}, {'a': 3, 'b': 6}, {'a': 3, 'b': 7}]
    """
    columns = {
        name: values.get("choices") or [values["low"], values["high"]]
        for name, values in parameters.items()
    }
    longest = max(map(len, columns.values()))
    return [
        {name: column[min(row, len(column) - 1)] for name, column in columns.items()}
        for row in range(longest)
    ]
