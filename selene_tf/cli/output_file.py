"""Checks the name of a file that a command is to write, before any work is done."""

import contextlib
import os
import pathlib

from selene_tf.errors import UserError


def check_folder(flag, path, expected="a file"):
    """Checks that the folder of an output file exists and is writable.

    Args:
        flag: Name of the flag that holds the path.
        path: Name of the file.
        expected: What the message asks for.

    Raises:
        UserError: The folder is missing or read-only.
    """
    folder = pathlib.Path(path).parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UserError(
            f"--{flag}: '{folder}' is no folder that may be written to; expected "
            f"{expected} in one that is."
        )


def check_new(flag, path):
    """Checks an output file that must not exist yet; an empty name is none.

    Raises:
        UserError: It exists, or its folder is missing or read-only.
    """
    if not path:
        return
    if os.path.lexists(path):
        raise UserError(f"--{flag}: '{path}' exists already; name a new file.")
    check_folder(flag, path, "a new file")


def check_replaceable(flag, path, suffix=""):
    """Checks an output file that may exist and is then replaced; empty is none.

    Args:
        flag: Name of the flag that holds the path.
        path: Name of the file.
        suffix: What it has to end in, in lower case.

    Raises:
        UserError: It is something else than a file, has another suffix, or its folder
            is missing or read-only.
    """
    if not path:
        return
    check_folder(flag, path)
    is_file = os.path.isfile(path) or not os.path.lexists(path)
    if not is_file or not path.lower().endswith(suffix):
        ending = f" that ends in {suffix}" if suffix else ""
        raise UserError(
            f"--{flag}: found '{path}', expected the name of a file{ending}."
        )


@contextlib.contextmanager
def user_errors(flag, path):
    """Turns the system's errors of writing a file into one line about its flag.

    Raises:
        UserError: in place of an `OSError` inside the block.
    """
    try:
        yield
    except OSError as error:
        raise UserError(
            f"--{flag}: cannot write '{path}' ({error.strerror or error}); expected a "
            "place with free space that may be written to."
        ) from None
