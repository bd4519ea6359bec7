"""Files and folders that appear whole or not at all."""

import contextlib
import glob
import os
import pathlib
import shutil

from selene_tf.errors import UserError
from selene_tf.training import run_folder


@contextlib.contextmanager
def atomic_path(output):
    """Gives a hidden name beside a new file or folder, and renames it at the end.

    A kill leaves at most the hidden one, which the next call removes. After any
    other failure nothing is left, not even the folders that were made for it. Two
    processes with the same output do not meet: the one that is ready first has it.

    Args:
        output: The file or folder; must not exist.

    Yields:
        The path to write to, as file or folder; nothing is there.

    Raises:
        UserError: if the output exists, or the system refuses to write.
    """
    output = pathlib.Path(output)
    place = pathlib.Path(os.path.abspath(output))
    temporary = place.parent / f".{place.name}.{os.getpid()}.part"
    made = []
    try:
        check_new(output)
        made = _make_parents(place)
        remove_leftovers(place.parent, glob.escape(place.name))
        yield temporary
        flush(temporary)
        # Another process may have been faster; a rename would write over a file.
        check_new(output)
        temporary.rename(place)
    except OSError as error:
        raise _refused(output, error) from None
    except RuntimeError as error:
        # What TensorFlow makes of Ctrl-C while its C++ is calling Python.
        if "KeyboardInterrupt" in str(error):
            raise KeyboardInterrupt from None
        raise
    finally:
        with contextlib.suppress(OSError):
            _remove(temporary)
            for folder in made:
                folder.rmdir()  # Only if nothing came to lie in it.


@contextlib.contextmanager
def named_errors(output):
    """Turns what the system says of a place into one line about --output.

    Raises:
        UserError: in place of an `OSError` inside the block.
    """
    try:
        yield
    except OSError as error:
        raise _refused(output, error) from None


def flush(path):
    """Has the disk keep the content of a file or folder, before it keeps the name."""
    for file in [path, *path.rglob("*")] if path.is_dir() else [path]:
        flush_folder(file)


def flush_folder(path):
    """Has the disk keep the names in a folder, or the content of a file."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def _refused(output, error):
    return UserError(
        f"--output: cannot write '{output}' ({run_folder.reason(error)}); expected a "
        "place with free space that may be written to."
    )


def check_new(output, suffix=""):
    """Refuses, before any work, a file or folder that is there already.

    Args:
        output: The file or folder.
        suffix: What its name has to end in.

    Raises:
        UserError: if it is there, or its name is empty or ends otherwise.
    """
    if not str(output):
        raise UserError("--output: found nothing, expected a name to write to.")
    if not str(output).endswith(suffix):
        raise UserError(
            f"--output: found '{output}', expected a file whose name ends in {suffix}."
        )
    if os.path.lexists(output):
        raise UserError(
            f"--output: '{output}' exists already; name a new one, or remove it."
        )
    check_place(pathlib.Path(os.path.abspath(output)).parent)


def check_place(folder):
    """Refuses a folder that cannot be made or written to.

    Raises:
        UserError: names what is in the way.
    """
    absolute = pathlib.Path(os.path.abspath(folder))
    nearest = next(p for p in (absolute, *absolute.parents) if os.path.lexists(p))
    if not nearest.is_dir() or not os.access(nearest, os.W_OK | os.X_OK):
        raise UserError(
            f"--output: cannot write to '{folder}', since '{nearest}' is no folder "
            "that may be written to; expected a place in one that is."
        )


def _make_parents(place):
    """Makes the folders above; returns those that were missing, lowest first."""
    missing = [folder for folder in place.parents if not folder.exists()]
    place.parent.mkdir(parents=True, exist_ok=True)
    return missing


def remove_leftovers(folder, pattern):
    """Removes what killed processes, and this one's earlier failures, left here.

    Args:
        folder: The folder; need not exist.
        pattern: What the names of files and folders match that they were writing.
    """
    for path in pathlib.Path(folder).glob(f".{pattern}.*.part"):
        number = path.name.removesuffix(".part").rpartition(".")[2]
        if number.isdecimal() and not _is_another(int(number)):
            _remove(path)


def _is_another(process):
    """Whether there is such a process, and it is not this one."""
    if process == os.getpid():
        return False
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except (OSError, OverflowError):
        return True
    return True


def _remove(path):
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)
