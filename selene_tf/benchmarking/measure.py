"""Measures what `python -m selene_tf.benchmark` was asked for.

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
- learning: the training step of every algorithm, otherwise as in train, on
  --batch_size labelled images and, but for plain supervised learning, as many
  unlabelled ones: supervised, with a mean teacher, by co-teaching, each also with a
  jigsaw of 100 orders that half of the images have; and a mean teacher whose student
  sees strong views, which are ready. Milliseconds of a step, not of an image, and
  their ratio to supervised. The variants take a step in turn, so that another program
  slows down all of them alike. The floor is the ratio that passes through networks
  give if a backward pass costs twice a forward one; it leaves out all else, such as
  the moving average, and the optimiser, whose time is in supervised's too. All
  variants are in memory together: 12 GiB for the default network and image size.
- export: one image, from its pixels to its labels, through the supernet and folded
  paths of 50 and 25 % of its MACs: as a traced Keras function, a SavedModel, a TFLite
  file and one of int8. Random gates choose the paths. The forms take turns.
- input: reading, decoding, augmenting and batching alone, without a network: scenes
  drawn at --size, as PNG files and from memory, in crops of --crop_size at the scales
  that train.py starts from. Images a second.

The peak memory is that of the process before it loads PyTorch. MACs and parameters are
counted from the architecture: plain convention, every gate open.
"""

import time

from selene_tf.architectures import cost
from selene_tf.benchmarking.options import SEPARATE_KINDS
from selene_tf.cli import command


def measure(options):
    """Starts TensorFlow and measures.

    Args:
        options: The `BenchmarkOptions`.

    Returns:
        A dict for JSON: "settings", "machine", and by the kind of the benchmark
        either "start_seconds" and "ms_per_image", or the rows of its own table under
        its name; "macs_per_image" and "parameters" of the network;
        "peak_memory_mib".
    """
    import_seconds = _start_tensorflow(options.threads)
    from selene_tf.benchmarking import machine

    results = {"settings": options.settings(), "machine": machine.description()}
    if options.what == "input":
        return results | _input(options)
    if options.what in SEPARATE_KINDS:
        rows = {options.what: _rows(options)}
        return results | _counted(options) | rows
    return results | _network_and_cell(options, import_seconds)


def _start_tensorflow(threads):
    """The seconds that the imports take, here so that mistakes need not wait."""
    started = time.perf_counter()
    with command.suppress_startup_logs():
        from selene_tf.benchmarking import steps

        steps.set_up(threads)
    return time.perf_counter() - started


def _network_and_cell(options, import_seconds):
    from selene_tf.benchmarking import machine, steps

    sizes = (options.architecture, options.size, options.batch_size, options.repeats)
    start, milliseconds = {"import": import_seconds}, {}
    if options.what != "cell":
        network_start, milliseconds = steps.of_network(*sizes, options.what)
        start |= network_start
    if options.what == "cell" or options.with_torch:
        milliseconds["cell"] = steps.of_cell(*sizes)
    memory = machine.peak_memory_mib()
    if options.with_torch:
        milliseconds["cell_torch"] = steps.of_torch_cell(*sizes, options.threads)
    return {
        "start_seconds": start,
        "ms_per_image": milliseconds,
        **_counted(options),
        "peak_memory_mib": memory,
    }


def _input(options):
    from selene_tf.benchmarking import input, machine

    speeds = input.of_input(
        options.size, options.crop_size, options.batch_size, options.repeats
    )
    return {
        "crop_size": list(options.crop_size),
        "input": speeds,
        "peak_memory_mib": machine.peak_memory_mib(),
    }


def _rows(options):
    """The rows of a kind that is measured only if asked for."""
    from selene_tf.benchmarking import conditional, export, learning

    architecture, size, repeats = options.architecture, options.size, options.repeats
    if options.what == "export":
        return export.of_export(architecture, size, options.threads, repeats)
    if options.what == "conditional":
        return conditional.of_conditional(architecture, size, repeats)
    return learning.of_learning(architecture, size, options.batch_size, repeats)


def _counted(options):
    count = cost(options.architecture, *options.size)
    return {"macs_per_image": count.macs, "parameters": count.parameters}
