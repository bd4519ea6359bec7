"""How much memory this machine, or the container, has."""

import contextlib
import pathlib

import psutil

# What a container may take, of which psutil knows nothing.
_CGROUP_LIMIT = pathlib.Path("/sys/fs/cgroup/memory.max")


def total_bytes():
    """All memory that a process may have, in bytes."""
    total = psutil.virtual_memory().total
    with contextlib.suppress(OSError, ValueError):
        total = min(total, int(_CGROUP_LIMIT.read_text()))
    return total


def available_bytes():
    """Memory that this process may still take, in bytes."""
    available = psutil.virtual_memory().available
    own = psutil.Process().memory_info().rss
    return max(0, min(available, total_bytes() - own))
