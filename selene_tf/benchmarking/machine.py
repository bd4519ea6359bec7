"""The machine that a benchmark ran on, and the memory that it took."""

import datetime
import importlib.metadata
import os
import resource
import sys

import tensorflow as tf

from selene_tf.inference.processor import processor_name


def description():
    """Processor, devices, versions and the date, as a dict for JSON.

    What the system does not tell is None.
    """
    packages = ("tensorflow", "keras", "torch")
    return {
        "cpu": processor_name(),
        "cores": os.cpu_count(),
        "gpus": len(tf.config.list_physical_devices("GPU")),
        **{name: _version(name) for name in packages},
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def peak_memory_mib():
    """The most memory that the process has had so far, in MiB."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Bytes on macOS, KiB on Linux.
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None
