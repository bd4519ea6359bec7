"""Times the routing network on this machine: python -m selene_tf.benchmark ... .

Images and labels are random. Wall time is the clock's, CPU time that of all
threads of the process; both are given for one image, as the median, the least and
the most of --repeats calls after one that warms up. What is measured:

- start: imports of TensorFlow, Keras and what is timed here, TensorFlow's own start
  included; building the network; building the optimiser; tracing the training step;
  the first step; and the time from the start of the process to the end of that step,
  where the system tells when the process started.
- train: the step of `train.py --algorithm=supervised`, from images in memory to
  moved weights: `Supervised` with `TorchSGD` (momentum 0.9, weight decay 1e-4),
  gradients clipped at 5, as one graph, without graph rewriting on the CPU.
- inference: `evaluate.predictor`, from images in memory to labels and gates, with
  graph rewriting; its tracing and its first call beside it.
- cell: forward and backward of one `RoutingCell` with routes keep, up and down, at
  stride 8 and twice --channels, fed by three others, in training; gradients go to its
  weights and its inputs. Beside it the same cell in plain PyTorch. Both on the CPU,
  in calls of ten steps. --what=all has it where PyTorch is installed.
- conditional: inference of one image that leaves out what is closed, for several
  shares of routes, chosen at random, that are open; the MACs of what is left beside it.
- learning: the training step of every way to learn, otherwise as in train, on
  --batch_size labelled images and, but for plain supervised learning, as many
  unlabelled ones: supervised, with a mean teacher, by co-teaching, each also with a
  jigsaw of 100 orders that half of the images have; and a mean teacher whose student
  sees strong views, which are ready. Milliseconds of a step, not of an image, and
  their ratio to supervised. The ways take a step in turn, so that another program slows
  down all of them alike. The floor is the ratio that passes through networks give if a
  backward pass costs twice a forward one; it leaves out all else, such as the moving
  average, and the optimiser, whose time is in supervised's too. All ways are in
  memory together: 12 GiB for the network and the images that the flags start from.
- export: one image, from its pixels to its labels, through the supernet and folded
  paths of 50 and 25 % of its MACs: as a traced Keras function, a SavedModel, a TFLite
  file and one of int8. Random gates choose the paths. The forms take turns.
- input: reading, decoding, augmenting and batching alone, without a network: scenes
  drawn at --size, as PNG files and from memory, in crops of --crop_size at the scales
  that train.py starts from. Images a second.

Beside other programs the wall time says little, and neither does PyTorch's CPU time
with several threads, which wait for each other in a loop; then use --threads=1.

The peak memory is that of the process before it loads PyTorch. MACs and parameters are
counted from the architecture: plain convention, every gate open.
"""

import dataclasses
import datetime
import importlib.metadata
import importlib.util
import os
import pathlib
import resource
import sys
import time

from absl import flags

from selene_tf.architectures import RoutingArchitecture, cost, topology
from selene_tf.benchmarking import table
from selene_tf.cli import command
from selene_tf.errors import UserError
from selene_tf.training import run_folder

_ASKED_FOR = ("conditional", "learning", "export", "input")


def define_flags():
    """Makes the command's flags; returns their names."""
    integers = {
        "channels": (64, 2, "Channels at stride 4, an even number."),
        "num_layers": (16, topology.MIN_LAYERS, "Layers of cells behind the first."),
        "num_classes": (19, 2, "Number of classes."),
        "batch_size": (4, 1, "Images in a batch."),
        "threads": (2, 0, "Threads; 0 for as many as TensorFlow and PyTorch take."),
        "repeats": (7, 1, "Timed calls, after one that warms up."),
    }
    for name, (default, lowest, text) in integers.items():
        flags.DEFINE_integer(name, default, text, lower_bound=lowest)
    flags.DEFINE_bool("small_gate", False, "Gates look at a quarter of the sides.")
    flags.DEFINE_string("size", "128,256", "Height and width of an image, in pixels.")
    flags.DEFINE_string(
        "crop_size", "", "Of a training crop; for input. Empty: --size."
    )
    flags.DEFINE_enum(
        "what",
        "all",
        ["all", "train", "inference", "cell", *_ASKED_FOR],
        f"What to time; all is without {', '.join(_ASKED_FOR)}.",
    )
    flags.DEFINE_enum(
        "torch", "auto", ["auto", "yes", "no"], "Whether to time a cell in PyTorch too."
    )
    flags.DEFINE_string("output", "", "JSON file to write; must not exist.")
    return [*integers, "small_gate", "size", "crop_size", "what", "torch", "output"]


def main():
    values = flags.FLAGS
    architecture = _architecture(values)
    size = _size("size", values.size, values.small_gate)
    crop_size = _crop_size(values)
    with_torch = _with_torch(values.torch, values.what)
    _check_output(values.output)
    # One image, since only a batch of one leaves out all that it closed, and since a
    # device sees one at a time.
    alone = values.what in ("conditional", "export")
    batch_size = 1 if alone else values.batch_size
    found = {
        "settings": {
            **dataclasses.asdict(architecture),
            "height": size[0],
            "width": size[1],
            "batch_size": batch_size,
            "threads": values.threads,
            "repeats": values.repeats,
        },
        **_measure(architecture, (size, crop_size), with_torch, values),
    }
    command.say(table.table(found))
    if values.output:
        _write(values.output, found)


def _architecture(values):
    if values.channels % 2:
        raise UserError(
            f"--channels: found {values.channels}, expected an even number, since the "
            "gates halve them."
        )
    return RoutingArchitecture(
        values.num_classes, values.channels, values.num_layers, values.small_gate
    )


def _crop_size(values):
    """Of the input; nothing else is cropped."""
    if values.crop_size and values.what != "input":
        raise UserError(
            f"--crop_size: found '{values.crop_size}' with --what={values.what}, "
            "expected nothing: networks are timed on whole images of --size."
        )
    return _size("crop_size", values.crop_size or values.size, small_gate=False)


def _size(name, text, small_gate):
    """Height and width from "128,256"."""
    lowest = 128 if small_gate else 32
    parts = [part.strip() for part in text.split(",")]
    sides = [int(part) for part in parts if part.isascii() and part.isdigit()]
    if len(sides) == len(parts) == 2 and min(sides) >= lowest:
        return tuple(sides)
    raise UserError(
        f"--{name}: found '{text}', expected height,width as two whole numbers, each "
        f"{lowest} or more{' with --small_gate' if small_gate else ''}."
    )


def _with_torch(choice, what):
    """Whether a cell in PyTorch is timed."""
    has_cell = what in ("all", "cell")
    installed = importlib.util.find_spec("torch") is not None
    if choice == "yes" and not has_cell:
        raise UserError(
            f"--torch: found 'yes' with --what={what}, expected --what=cell or all, "
            "since only a cell is timed in PyTorch."
        )
    if choice == "yes" and not installed:
        raise UserError(
            "--torch: found 'yes', but PyTorch is not installed; install it with "
            "pip install -e '.[compare]'."
        )
    return has_cell and installed and choice != "no"


def _check_output(output):
    if not output:
        return
    if os.path.lexists(output):
        raise UserError(f"--output: '{output}' exists already; name a new file.")
    folder = pathlib.Path(output).parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UserError(
            f"--output: '{folder}' is no folder that may be written to; expected a new "
            "file in one that is."
        )


def _write(output, found):
    try:
        run_folder.write_json(output, found)
    except OSError as error:
        raise UserError(
            f"--output: cannot write '{output}' ({run_folder.reason(error)}); expected "
            "a place with free space that may be written to."
        ) from None


def _measure(architecture, sizes, with_torch, values):
    size, crop_size = sizes
    start, steps = {"import": _start_tensorflow(values.threads)}, {}
    from selene_tf.benchmarking import steps as benchmark_steps

    sizes = (architecture, size, values.batch_size, values.repeats)
    if values.what == "input":
        return _input(size, crop_size, values)
    if values.what in _ASKED_FOR:
        rows = _rows(*sizes, values)
        return {
            "machine": _machine(),
            **_counted(architecture, size),
            values.what: rows,
        }
    if values.what != "cell":
        more, steps = benchmark_steps.of_network(*sizes, values.what)
        start |= more
    if values.what == "cell" or with_torch:
        steps["cell"] = benchmark_steps.of_cell(*sizes)
    memory = _peak_memory_mib()
    if with_torch:
        steps["cell_torch"] = benchmark_steps.of_torch_cell(*sizes, values.threads)
    return {
        "machine": _machine(),
        "start_seconds": start,
        "ms_per_image": steps,
        **_counted(architecture, size),
        "peak_memory_mib": memory,
    }


def _input(size, crop_size, values):
    from selene_tf.benchmarking import input

    found = input.of_input(size, crop_size, values.batch_size, values.repeats)
    return {
        "machine": _machine(),
        "crop_size": list(crop_size),
        "input": found,
        "peak_memory_mib": _peak_memory_mib(),
    }


def _rows(architecture, size, batch_size, repeats, values):
    """What is timed only if asked for, and has a table of its own."""
    from selene_tf.benchmarking import conditional, export, learning

    if values.what == "export":
        return export.of_export(architecture, size, values.threads, repeats)
    if values.what == "conditional":
        return conditional.of_conditional(architecture, size, repeats)
    return learning.of_learning(architecture, size, batch_size, repeats)


def _start_tensorflow(threads):
    """The seconds that the imports take, here so that mistakes need not wait."""
    started = time.perf_counter()
    with command.suppress_startup_logs():
        from selene_tf.benchmarking import steps as benchmark_steps

        benchmark_steps.set_up(threads)
    return time.perf_counter() - started


def _counted(architecture, size):
    count = cost(architecture, *size)
    return {"macs_per_image": count.macs, "parameters": count.parameters}


def _machine():
    import tensorflow as tf

    packages = ("tensorflow", "keras", "torch")
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "gpus": len(tf.config.list_physical_devices("GPU")),
        **{name: _version(name) for name in packages},
        "date": datetime.datetime.now().astimezone().isoformat(timespec="seconds"),
    }


def _version(package):
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return None


def _cpu_name():
    """None where the system does not tell."""
    try:
        lines = pathlib.Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return None
    names = [line.partition(":")[2] for line in lines if line.startswith("model name")]
    return names[0].strip() if names else None


def _peak_memory_mib():
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # Bytes on macOS, KiB on Linux.
    return peak / (2**20 if sys.platform == "darwin" else 2**10)


if __name__ == "__main__":
    command.run(main, define_flags())
