"""Whether a folder holds a run, and this one: its flags and its classes."""

import pathlib

from selene_tf.errors import UserError
from selene_tf.training.run_folder import foreign, read_json, reason

# A resumed run may find its data elsewhere, and may report more or less often. What
# its path says is in the folder, and compared with that.
MAY_DIFFER = {
    "run_dir",
    "data_dir",
    "dataset_file",
    "memory_gib",
    "on_bad_sample",
    "allow_changed_data",
    "log_every",
    "keep_checkpoints",
    "checkpoint_every",
    "evaluation_batch_size",
    "bootstrap_block",
    "num_predictions",
    "write_report",
    "path",
    "architecture",
    "path_threshold",
    "strategy",
}


def check(run_dir, flagfile_text, defaults="", renamed=None):
    """Checks, before anything is written, that the folder is new or the run's own.

    Args:
        run_dir: The folder.
        flagfile_text: The run's flags, one a line.
        defaults: Likewise all flags with their defaults, which hold where a run of an
            earlier version did not know a flag.
        renamed: Earlier names of flags, which such a run may have, to today's.

    Raises:
        UserError: if there is none, or it holds something else, or a run with
            other flags.
    """
    if not run_dir:
        raise UserError(
            "--run_dir: found nothing, expected the folder that the run goes to."
        )
    folder = pathlib.Path(run_dir)
    try:
        _check_folder(folder, flagfile_text, defaults, renamed or {})
    except (OSError, UnicodeDecodeError) as error:
        raise UserError(
            f"--run_dir: cannot read '{folder}' ({reason(error)}); expected a new "
            "folder, or that of a run."
        ) from None


def check_classes(run_dir, classes):
    """Checks that a run's classes are still what they were when it was started.

    They may come from a file that does not belong to the run.

    Args:
        run_dir: The folder.
        classes: "class_names", and what else says what masks mean, as a dict for JSON.

    Raises:
        UserError: The run was started with others.
    """
    path = pathlib.Path(run_dir) / "classes.json"
    if not path.is_file():
        return
    known = read_json(path, {"class_names": list})
    if not all(isinstance(name, str) for name in known["class_names"]):
        raise foreign(path, "names of classes")
    if known == classes:
        return
    names, others = known["class_names"], classes["class_names"]
    was, now = f"the classes {', '.join(names)}", f"has {', '.join(others)} now"
    if names == others:
        was, now = "another meaning of the masks", "reads them otherwise now"
    raise UserError(
        f"{path}: the run was started with {was}, but the data set {now}; mend its "
        "dataset file or --class_names, or use another --run_dir."
    )


def flags_of(run_dir):
    """The flags that a run was started with, {name: text}; no defaults are added.

    Raises:
        UserError: it is no run's folder.
    """
    file = pathlib.Path(run_dir) / "config.cfg"
    try:
        return _values(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise UserError(
            f"found no config.cfg in '{run_dir}', expected the folder of a run, as "
            "train.py makes it."
        ) from None


def _check_folder(folder, flagfile_text, defaults, renamed):
    if folder.exists() and not folder.is_dir():
        raise UserError(f"--run_dir: '{folder}' is a file, expected a folder.")
    path = folder / "config.cfg"
    if path.exists():
        _check_same(path, flagfile_text, defaults, renamed)
        return
    # A kill may leave the unfinished config.cfg of a run that never began.
    leftover = f".{path.name}.part"
    if folder.is_dir() and any(file.name != leftover for file in folder.iterdir()):
        raise UserError(
            f"--run_dir: '{folder}' holds files but no config.cfg, so it is no run; "
            "expected a new or empty folder."
        )


def _check_same(path, flagfile_text, defaults, renamed):
    written = _values(path.read_text(encoding="utf-8"))
    written = {renamed.get(name, name): value for name, value in written.items()}
    wanted = _values(flagfile_text)
    started = _values(defaults) | written
    for name in sorted(started.keys() | wanted.keys()):
        if name in MAY_DIFFER or started.get(name) == wanted.get(name):
            continue
        if name not in wanted:
            raise UserError(
                f"{path}: found --{name}={started[name]}, which this version does not "
                "know; go on with the version that started the run, or use another "
                "--run_dir."
            )
        raise UserError(
            f"--{name}: found '{wanted[name]}', but the run in {path.parent} was "
            f"started with '{started.get(name)}'; use that value, or another --run_dir."
        )


def _values(text):
    lines = [line.strip() for line in text.splitlines()]
    pairs = [line[2:].partition("=") for line in lines if line.startswith("--")]
    return {name: value for name, _, value in pairs}
