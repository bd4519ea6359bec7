"""Lets one process at a time train in a run folder."""

import contextlib
import datetime
import fcntl
import json
import os
import pathlib
import socket
import sys

from selene_tf.errors import UserError
from selene_tf.training import run_folder

_NAME = "lock.json"
_MAX_BYTES = 1000


@contextlib.contextmanager
def locked(run_dir, flag="run_dir"):
    """Holds a run folder while the block runs.

    The system lets go of the lock when its process ends, however it ends: a dead one
    holds nothing. The file stays, since removing it could let in two at once.

    Args:
        run_dir: The folder, which exists.
        flag: The flag that names it, for the message.

    Raises:
        UserError: another process holds it, or it cannot be written to.
    """
    path = pathlib.Path(run_dir) / _NAME
    with run_folder.user_errors(path.parent):
        # Neither read nor emptied before it is ours.
        descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _take(descriptor, run_dir, flag)
        yield
        os.ftruncate(descriptor, 0)
    finally:
        os.close(descriptor)


def is_held(run_dir):
    """Whether a process trains in a run folder now."""
    try:
        descriptor = os.open(pathlib.Path(run_dir) / _NAME, os.O_RDWR)
    except OSError:
        return False
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        return False
    finally:
        os.close(descriptor)
    return False


def _take(descriptor, run_dir, flag):
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise UserError(
            f"--{flag}: '{run_dir}' is in use by {_holder(descriptor)}; expected one "
            f"that nobody is training in. Wait for it to end, or use another --{flag}."
        ) from None
    except OSError as error:
        print(  # noqa: T201
            f"note: '{run_dir}' lies on a file system without locks "
            f"({run_folder.reason(error)}); see that no other process trains in it.",
            file=sys.stderr,
        )
    now = datetime.datetime.now(datetime.UTC).isoformat(" ", "seconds")
    holder = {"process": os.getpid(), "host": socket.gethostname(), "since": now}
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, json.dumps(holder).encode(), 0)


def _holder(descriptor):
    """Whom the lock belongs to, in words."""
    try:
        holder = json.loads(os.pread(descriptor, _MAX_BYTES, 0))
        process, host, since = (holder[k] for k in ("process", "host", "since"))
        return f"process {process} on {host} since {since}"
    # It may have been read before it was written.
    except (ValueError, KeyError, TypeError, RecursionError):
        return "another process"
