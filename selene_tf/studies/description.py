"""A study's description: a TOML file of variants, subsets of the data, and seeds."""

import dataclasses
import pathlib
import re
import tomllib

from selene_tf.errors import UserError

_KEYS = {
    "flagfile": str,
    "flags": dict,
    "control": str,
    "seeds": list,
    "splits": list,
    "variants": dict,
    "subsets": dict,
    "tuning": dict,
}
_NAME = re.compile(r"[\w./+-]{1,60}")
# What the study itself says of each run.
_OWN = ("run_dir", "seed", "flagfile")
_SPLITS = ("train", "unlabelled")
_MAX_BYTES = 1_000_000


@dataclasses.dataclass(frozen=True)
class Study:
    """A study: every variant is trained on every subset with every seed.

    Attributes:
        name: The file's name without its ending.
        flagfile: Flagfile that all runs start from; "" for none.
        flags: {flag: value} of all runs, over the flagfile.
        variants: Name to {flag: value}.
        subsets: Name to {flag: value}, such as which images are labelled. In a text
            "{seed}" stands for the run's seed.
        seeds: Seeds.
        control: Name of the variant that the others are compared with; "" for none.
        splits: Further splits that each run is scored on, of "train", "unlabelled".
        tuning: The table "tuning", see `tuning.parse`.
    """

    name: str
    flagfile: str
    flags: dict
    variants: dict
    subsets: dict
    seeds: tuple[int, ...]
    control: str
    splits: tuple[str, ...]
    tuning: dict


def read(file):
    """Reads and checks a study's description.

    Args:
        file: The TOML file.

    Returns:
        A `Study`.

    Raises:
        UserError: it is missing, no TOML, or says something that no study means.
    """
    if not file:
        raise UserError(
            "--study: found no file, expected one such as those in configs/studies."
        )
    path = pathlib.Path(file)
    try:
        if path.stat().st_size > _MAX_BYTES:
            raise ValueError(f"more than {_MAX_BYTES:,} bytes")
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"--study: cannot read '{file}' ({reason}); expected a TOML file such as "
            "those in configs/studies."
        ) from None
    _check_keys(file, content)
    study = Study(
        path.stem,
        content.get("flagfile", ""),
        content.get("flags", {}),
        content.get("variants", {"run": {}}),
        content.get("subsets", {"all": {}}),
        tuple(content.get("seeds", (0,))),
        content.get("control", ""),
        tuple(content.get("splits", ())),
        content.get("tuning", {}),
    )
    _check(file, study)
    return study


def text_of(value):
    """A flag's value as on a command line."""
    if isinstance(value, list):
        return ",".join(map(text_of, value))
    return str(value).lower() if isinstance(value, bool) else str(value)


def _check_keys(file, content):
    for key, value in content.items():
        if key not in _KEYS:
            raise UserError(
                f"{file}: found '{key}', expected some of {', '.join(_KEYS)}."
            )
        if not isinstance(value, _KEYS[key]):
            kinds = {str: "a text", dict: "a table", list: "a list"}
            raise UserError(f"{file}: {key} is not {kinds[_KEYS[key]]}.")


def _check(file, study):
    if not (study.flags or study.flagfile):
        raise UserError(
            f"{file}: found neither flags nor a flagfile, expected what its runs "
            "are to train."
        )
    _check_flags(file, "flags", study.flags)
    for kind, named in (("variants", study.variants), ("subsets", study.subsets)):
        for name, table in named.items():
            _check_flags(file, f"{kind}.{name}", table)
            if not _NAME.fullmatch(name) or name.strip(".") != name:
                raise UserError(
                    f"{file}: {kind} has the name '{name}', expected letters, digits "
                    "and . / + -, such as 1/8."
                )
        folders = {folder_name(name) for name in named}
        if not named or len(folders) < len(named):
            raise UserError(f"{file}: {kind} has no names, or two that are alike.")
    _check_seeds(file, study.seeds)
    if study.control and study.control not in study.variants:
        raise UserError(
            f"{file}: control is '{study.control}', expected one of the variants, "
            f"{', '.join(study.variants)}."
        )
    if not all(split in _SPLITS for split in study.splits):
        raise UserError(
            f"{file}: splits is {list(study.splits)}, expected some of "
            f"{', '.join(_SPLITS)}; val is scored in any case."
        )


def _check_seeds(file, seeds):
    if not seeds or not all(type(s) is int and 0 <= s < 2**31 for s in seeds):
        raise UserError(f"{file}: seeds is {list(seeds)}, expected numbers from 0 on.")
    if len(set(seeds)) < len(seeds):
        raise UserError(f"{file}: seeds has one twice: {list(seeds)}.")


def _check_flags(file, where, table):
    if not isinstance(table, dict):
        raise UserError(f"{file}: {where} is not a table of flags.")
    for name, value in table.items():
        parts = value if isinstance(value, list) else [value]
        if not all(isinstance(part, str | int | float) for part in parts):
            raise UserError(
                f"{file}: {where}.{name} is {value!r}, expected a value of a flag."
            )
        if name in _OWN:
            raise UserError(
                f"{file}: {where} has '{name}', which the study says of each run "
                "itself; expected another flag."
            )


def folder_name(name):
    """A name as a folder's: 1/8 is 1_8."""
    return name.replace("/", "_")
