"""How long a model takes for an image, and how much memory."""

import contextlib
import pathlib
import re
import time

import numpy as np
import tensorflow as tf

# Of an evaluation that is not about milliseconds fewer do.
IMAGES = 8
RUNS = 5
MOST_SECONDS = 10
_CLEAR = pathlib.Path("/proc/self/clear_refs")
_STATUS = pathlib.Path("/proc/self/status")


def of(predict, source):
    """Times a prediction on single images, spread over a source.

    What an image closes differs, so several are taken.

    Args:
        predict: From float32 images (1, height, width, 3) to a dict with "labels".
        source: A `Source`.

    Returns:
        A dict for JSON: "latency_ms", the median, and "latency_ms_p95" milliseconds;
        "peak_memory_bytes", the most memory that the process had meanwhile, everything
        that it had loaded before included; None where the system does not tell.
    """
    places = np.linspace(0, source.size - 1, min(IMAGES, source.size))
    images = [
        tf.cast(source.read(tf.constant(int(place), tf.int64))["image"], tf.float32)
        for place in places
    ]
    counts_memory = _reset_peak()
    times = of_calls(lambda image: predict(image[None])["labels"].numpy(), images)
    return {**times, "peak_memory_bytes": _peak() if counts_memory else None}


def of_calls(function, inputs):
    """Times a function on several inputs, each some times after one that warms up.

    Args:
        function: What is timed.
        inputs: Its argument, one or more.

    Returns:
        {"latency_ms", "latency_ms_p95"}: median and 95th percentile, milliseconds.
    """
    seconds = []
    since = time.perf_counter()
    for run in range(RUNS + 1):
        for value in inputs:
            started = time.perf_counter()
            function(value)
            if run:
                seconds.append(time.perf_counter() - started)
            # Of large images a few calls have to do.
            if seconds and started - since > MOST_SECONDS:
                break
    return {
        "latency_ms": float(np.median(seconds) * 1000),
        "latency_ms_p95": float(np.percentile(seconds, 95) * 1000),
    }


def _reset_peak():
    """Has the system count the peak anew; False where it cannot."""
    try:
        _CLEAR.write_text("5")
    except OSError:
        return False
    return _peak() is not None


def _peak():
    """Largest resident memory since the last reset, in bytes; None if it is unknown."""
    with contextlib.suppress(OSError):
        match = re.search(r"^VmHWM:\s+(\d+) kB", _STATUS.read_text(), re.M)
        return int(match[1]) * 1024 if match else None
    return None
