"""Suppresses what native code writes to the terminal past every log level."""

import contextlib
import os
import sys
import tempfile
import warnings


@contextlib.contextmanager
def suppressed():
    """Suppresses standard output and standard error of the calls inside.

    Some come from C++, straight to the file descriptors of standard output and
    standard error. If the call fails, all are shown on standard error after all.
    """
    with tempfile.TemporaryFile("w+", encoding="utf-8", errors="replace") as notes:
        try:
            with _written_to(notes), warnings.catch_warnings():
                warnings.simplefilter("ignore")
                yield
        except Exception:
            notes.seek(0)
            sys.stderr.write(notes.read())
            raise


@contextlib.contextmanager
def _written_to(notes):
    """Python's streams too: in a notebook they are not those of the process."""
    sys.stdout.flush()
    sys.stderr.flush()
    kept = {number: os.dup(number) for number in (1, 2)}
    try:
        for number in kept:
            os.dup2(notes.fileno(), number)
        with contextlib.redirect_stdout(notes), contextlib.redirect_stderr(notes):
            yield
        notes.flush()
    finally:
        for number, original in kept.items():
            os.dup2(original, number)
            os.close(original)
