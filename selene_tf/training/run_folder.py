"""The files of a run folder: what is written when, and never by halves."""

import contextlib
import json
import os
import pathlib
import re
import shutil
import sys

from selene_tf.errors import UserError

# A hundred times what the largest of ours has.
_MAX_JSON_BYTES = 50_000_000


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


@contextlib.contextmanager
def noted_errors(folder, consequence):
    """Tells in a note that a folder cannot be written to, where all else went well.

    Args:
        folder: What is written to.
        consequence: What follows from it, for the note.
    """
    try:
        yield
    except OSError as error:
        print(  # noqa: T201
            f"note: '{folder}' cannot be written to ({reason(error)}), so "
            f"{consequence}.",
            file=sys.stderr,
        )


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


def _check_space(folder, needed_bytes):
    free = shutil.disk_usage(folder).free
    if free < needed_bytes:
        raise UserError(
            f"--run_dir: '{folder}' has {free / 2**20:.0f} MiB free, expected "
            f"{needed_bytes / 2**20:.0f} MiB or more for checkpoints; free some space."
        )
