"""What milliseconds were measured on."""

import os
import pathlib


def processor_name():
    """Name of the processor, str; None where the system does not tell."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return names[0].strip() if names else None


def describe(num_threads, num_gpus=0):
    """Processor and threads in words, for a line that tells milliseconds.

    Args:
        num_threads: int, threads that were asked for; 0 or None if it is the runtime
            that chose.
        num_gpus: int, GPUs that the runtime may have used.

    Example:
        >>> describe(2).endswith(", 2 threads")
        True
    """
    name = processor_name() or "unknown processor"
    chosen = (
        f"{num_threads} threads" if num_threads else f"up to {os.cpu_count()} threads"
    )
    return f"{f'{num_gpus} GPUs, ' if num_gpus else ''}{name}, {chosen}"
