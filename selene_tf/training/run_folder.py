"""The files of a run folder: what is written when, and never by halves."""

import contextlib
import json
import os
import pathlib
import re
import shutil

from selene_tf.errors import UserError

# A hundred times what the largest of ours has.
_MAX_JSON_BYTES = 50_000_000

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
    "report",
    "path",
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


def prepare(run_dir, flagfile_text, classes, needed_bytes):
    """Makes the folder and writes config.cfg and classes.json.

    Args:
        run_dir: The folder.
        flagfile_text: The run's flags, one a line.
        classes: See `check_classes`.
        needed_bytes: Free space that the run needs at least.

    Raises:
        UserError: if it cannot be written to or is too full.
    """
    folder = pathlib.Path(run_dir)
    with user_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        _check_space(folder, needed_bytes)
        write_text(folder / "config.cfg", flagfile_text)
        write_json(folder / "classes.json", classes)


@contextlib.contextmanager
def user_errors(folder, errors=OSError):
    """Turns what the system says of a full or read-only folder into one line.

    Args:
        folder: What is written to.
        errors: What a failed write raises. TensorFlow's writers raise errors of
            its own, which mean other things too: only around those writers.

    Raises:
        UserError: in place of such an error inside the block.
    """
    try:
        yield
    except errors as error:
        raise UserError(
            f"cannot write to '{folder}' ({reason(error)}); expected a folder with "
            "free space that may be written to; a run then goes on."
        ) from None


def reason(error):
    """What the system says is wrong, in one line."""
    text = getattr(error, "strerror", None) or getattr(error, "message", None)
    # TensorFlow adds the name of its operation before and after.
    text = re.sub(r"\{\{.*?\}\} |\[Op:.*?\]", "", text or str(error))
    return text.strip().partition("\n")[0]


def write_text(path, text):
    """Writes a file so that it is either the old one or the new one, whole."""
    write_bytes(path, text.encode())


def write_bytes(path, content):
    """Writes a file of bytes, as `write_text` does."""
    path = pathlib.Path(path)
    temporary = path.with_name(f".{path.name}.part")
    try:
        with open(temporary, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def write_json(path, content):
    """Writes JSON, as `write_text` does."""
    write_text(path, json.dumps(content, indent=2, allow_nan=False) + "\n")


def read_json(path, required=None):
    """Reads what `write_json` wrote.

    Args:
        path: The file.
        required: Name to type of what has to be in it, if it has to be a dict; an int
            does for a float.

    Raises:
        UserError: if it cannot be read, or something else is in it.
    """
    path = pathlib.Path(path)
    try:
        if path.stat().st_size > _MAX_JSON_BYTES:
            raise ValueError(f"more than {_MAX_JSON_BYTES:,} bytes")
        content = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(
            f"{path}: found no readable JSON ({reason(error)}); remove it, and the "
            "command that wrote it will write it anew."
        ) from None
    if required is not None:
        _check_content(path, content, required)
    return content


def foreign(path, expected):
    """The `UserError` for a file of a run folder that holds something else."""
    return UserError(
        f"{path}: found something else than what selene_tf writes there; expected "
        f"{expected}. Bring the file back, or use another --run_dir."
    )


def _check_content(path, content, required):
    if not isinstance(content, dict):
        raise foreign(path, "names and values")
    for name, kind in required.items():
        kinds = (int, float) if kind is float else kind
        if not isinstance(content.get(name), kinds):
            raise foreign(path, f"'{name}', a value of type {kind.__name__}")


def append_json_line(path, content):
    """Adds a line to a log."""
    with open(path, "a", encoding="utf-8") as file:
        file.write(json.dumps(content, allow_nan=False) + "\n")


def read_json_lines(path):
    """Reads what `append_json_line` wrote."""
    text = pathlib.Path(path).read_text(encoding="utf-8")
    return [json.loads(line) for line in text.splitlines()]


def drop_log_after(path, step):
    """Removes the lines of steps that a resumed run will take again."""
    path = pathlib.Path(path)
    if not path.exists():
        return
    kept = []
    for line in path.read_text(encoding="utf-8", errors="replace").splitlines():
        try:
            if json.loads(line)["step"] <= step:
                kept.append(line + "\n")
        except (ValueError, KeyError, TypeError, RecursionError):
            continue  # The last line of a killed run may be half a line.
    write_text(path, "".join(kept))


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


def _check_space(folder, needed_bytes):
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise UserError(
            f"--run_dir: '{folder}' has {free / 2**20:.0f} MiB free, expected "
            f"{needed_bytes / 2**20:.0f} MiB or more for checkpoints; free some space."
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
