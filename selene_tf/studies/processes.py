"""Trainings in processes of their own, some at a time, that end with their parent."""

import contextlib
import ctypes
import functools
import os
import pathlib
import re
import signal
import subprocess
import sys
import time

from selene_tf.training import run_folder, run_lock

_POLL_SECONDS = 0.5
# Seconds after which it is said what is waited for.
_PATIENCE = 30
# Of Linux's prctl: the signal that a process gets when its parent ends.
_SET_PARENT_DEATH_SIGNAL = 1
# Before any process is started: between fork and exec little may be done.
_LIBC = ctypes.CDLL(None) if sys.platform == "linux" else None


class Pool:
    """Runs commands, some at a time.

    Each ends with this process: a training gets SIGTERM, saves and can be resumed.

    Args:
        jobs: How many at a time. They share the processors; of several GPUs each gets
            its own, as far as there are enough.
        is_ready: Function of a name, whether its command can start yet.
    """

    def __init__(self, jobs, is_ready=lambda _: True):
        self._jobs, self._is_ready = jobs, is_ready
        self._active = {}

    def run(self, commands, log_of, watch=lambda _: False):
        """Runs commands until all have ended.

        Args:
            commands: {name: command, a list}, started in this order.
            log_of: Function from a name to the file that its output goes to.
            watch: Function of a name, called while its command runs; True ends it.

        Yields:
            (name, exit status, seconds) as each ends; of one that a signal ended the
            status is below 0.

        Raises:
            UserError: a log cannot be written.
        """
        waiting, since = dict(commands), time.monotonic()
        try:
            while waiting or self._active:
                ready = [name for name in waiting if self._is_ready(name)]
                for name in ready[: self._jobs - len(self._active)]:
                    self._start(name, waiting.pop(name), log_of(name))
                if self._active:
                    since = time.monotonic()
                elif time.monotonic() - since > _PATIENCE:
                    say(f"waiting for {next(iter(waiting))}: a process trains there")
                    since = float("inf")
                time.sleep(_POLL_SECONDS)
                yield from self._ended(watch)
        finally:
            self._stop()

    def _ended(self, watch):
        for name in list(self._active):
            process, started, _ = self._active[name]
            if process.poll() is not None:
                del self._active[name]
                yield name, process.returncode, time.monotonic() - started
            elif watch(name):
                process.terminate()

    def _start(self, name, command, log):
        slots = {slot for _, _, slot in self._active.values()}
        slot = next(n for n in range(self._jobs) if n not in slots)
        with run_folder.user_errors(log.parent):
            log.parent.mkdir(parents=True, exist_ok=True)
            with open(log, "ab") as output:
                process = subprocess.Popen(
                    command,
                    stdin=subprocess.DEVNULL,
                    stdout=output,
                    stderr=subprocess.STDOUT,
                    env=environment(self._jobs, slot),
                    preexec_fn=functools.partial(_end_with, os.getpid()),
                )
        self._active[name] = process, time.monotonic(), slot

    def _stop(self):
        """Has all that still run save and end."""
        for process, *_ in self._active.values():
            process.terminate()
        for process, *_ in self._active.values():
            process.wait()
        self._active = {}


@contextlib.contextmanager
def own_folder(folder):
    """Makes a folder if it is missing, and keeps other processes from using it.

    Raises:
        UserError: it cannot be written to, or another process uses it.
    """
    with run_folder.user_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
    with run_lock.locked(folder, "output"):
        yield


def say(text):
    """Says to whoever waits how far it is."""
    print(text, file=sys.stderr, flush=True)  # noqa: T201


def last_line(log):
    """The last line that a command wrote, for a message."""
    with contextlib.suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line for line in reversed(lines) if line.strip()), "nothing")
    return "nothing"


def environment(jobs, slot, gpus=None):
    """The environment of one of several trainings at a time.

    Args:
        jobs: How many there are.
        slot: Which of them it is, 0 to `jobs - 1`.
        gpus: Names of the GPUs; by default those of the machine.
    """
    gpus = _gpus() if gpus is None else gpus
    own = dict(os.environ)
    if jobs == 1:
        return own
    threads = max(1, len(os.sched_getaffinity(0)) // jobs)
    for name in ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS"):
        own[name] = str(threads)
    if gpus:
        own["CUDA_VISIBLE_DEVICES"] = gpus[slot % len(gpus)]
        if jobs > len(gpus):
            # Else the first one takes all of a GPU's memory.
            own["TF_FORCE_GPU_ALLOW_GROWTH"] = "true"
    return own


def _gpus():
    chosen = os.environ.get("CUDA_VISIBLE_DEVICES")
    if chosen is not None:
        return [name for name in chosen.split(",") if name]
    devices = [path.name for path in pathlib.Path("/dev").glob("nvidia*")]
    numbers = [name[len("nvidia") :] for name in devices]
    return sorted(number for number in numbers if re.fullmatch(r"\d+", number))


def _end_with(parent):
    """Runs in the new process: the parent's end, even by kill -9, becomes SIGTERM."""
    if _LIBC is not None:
        _LIBC.prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
        # It may have ended before.
        if os.getppid() != parent:
            os._exit(1)
