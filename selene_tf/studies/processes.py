"""Trainings in processes of their own, some at a time, that end with their parent."""

import contextlib
import ctypes
import os
import signal
import subprocess
import sys
import time

_POLL_SECONDS = 0.5
# Of Linux's prctl: the signal that a process gets when its parent ends.
_SET_PARENT_DEATH_SIGNAL = 1


class Pool:
    """Runs commands, some at a time.

    Each ends with this process: a training gets SIGTERM, saves and can be resumed.

    Args:
        jobs: How many at a time; they share the processors.
        is_ready: Function of a name, whether its command can start yet.
    """

    def __init__(self, jobs, is_ready=lambda _: True):
        self._jobs, self._is_ready = jobs, is_ready
        self._active = {}
        self._environment = _environment(jobs)

    def run(self, commands, log_of, watch=lambda _: False):
        """Runs commands until all have ended.

        Args:
            commands: {name: command, a list}, started in this order.
            log_of: Function from a name to the file that its output goes to.
            watch: Function of a name, called while its command runs; True ends it.

        Yields:
            (name, exit status, seconds) as each ends; of one that a signal ended the
            status is below 0.
        """
        waiting = dict(commands)
        try:
            while waiting or self._active:
                ready = [name for name in waiting if self._is_ready(name)]
                for name in ready[: self._jobs - len(self._active)]:
                    self._start(name, waiting.pop(name), log_of(name))
                time.sleep(_POLL_SECONDS)
                for name in list(self._active):
                    process, started = self._active[name]
                    if process.poll() is not None:
                        del self._active[name]
                        yield name, process.returncode, time.monotonic() - started
                    elif watch(name):
                        process.terminate()
        finally:
            self._stop()

    def _start(self, name, command, log):
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "ab") as output:
            process = subprocess.Popen(
                command,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=subprocess.STDOUT,
                env=self._environment,
                preexec_fn=_end_with_parent,
            )
        self._active[name] = process, time.monotonic()

    def _stop(self):
        """Has all that still run save and end."""
        for process, _ in self._active.values():
            process.terminate()
        for process, _ in self._active.values():
            process.wait()
        self._active = {}


def last_line(log):
    """The last line that a command wrote, for a message."""
    with contextlib.suppress(OSError):
        lines = log.read_text(encoding="utf-8", errors="replace").splitlines()
        return next((line for line in reversed(lines) if line.strip()), "nothing")
    return "nothing"


def _environment(jobs):
    threads = max(1, len(os.sched_getaffinity(0)) // jobs)
    own = {}
    if jobs > 1:
        names = ("TF_NUM_INTRAOP_THREADS", "OMP_NUM_THREADS")
        own = dict.fromkeys(names, str(threads))
    return os.environ | own


def _end_with_parent():
    """Runs in the new process: the parent's end, even by kill -9, becomes SIGTERM."""
    if sys.platform == "linux":
        parent = os.getppid()
        ctypes.CDLL(None).prctl(_SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)
        # It may have ended before.
        if os.getppid() != parent:
            os._exit(1)
