"""Times a network on this machine: python -m selene_tf.benchmark ... .

That is the routing network, or a searched one with --architecture=FILE (for --what of
all, train, inference, learning and export).

--what is one of

- train, inference: milliseconds an image of a training step and of inference, and the
  seconds of all that is done once before;
- cell: forward and backward of one `RoutingCell`, and of the same cell in PyTorch;
- all: these three; the cell in PyTorch where that is installed;
- conditional: inference that leaves out closed cells and routes;
- learning: the training step of every algorithm;
- export: the network as Keras function, SavedModel, TFLite file and int8 TFLite file;
- input: reading, decoding, augmenting and batching without a network.

`selene_tf/benchmarking/measure.py` says how each is measured. Beside other programs the
wall time says little, and neither does PyTorch's CPU time with several threads, which
wait for each other in a loop; then use --threads=1.
"""

from absl import flags

from selene_tf.architectures import topology
from selene_tf.benchmarking import measure, options, table
from selene_tf.cli import command, output_file
from selene_tf.training import run_folder


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
    flags.DEFINE_bool("small_gate", False, "Gates see a quarter of the resolution.")
    flags.DEFINE_string("size", "128,256", "Height and width of an image, in pixels.")
    flags.DEFINE_string(
        "crop_size", "", "Of a training crop; for input. Empty: --size."
    )
    flags.DEFINE_enum(
        "what",
        "all",
        options.KINDS,
        f"What to time; all is without {', '.join(options.SEPARATE_KINDS)}.",
    )
    flags.DEFINE_enum(
        "torch", "auto", ["auto", "yes", "no"], "Whether to time a cell in PyTorch too."
    )
    flags.DEFINE_string(
        "architecture", "", "JSON file of a searched architecture, in place of routing."
    )
    flags.DEFINE_string("output", "", "JSON file to write; must not exist.")
    own = ["small_gate", "size", "crop_size", "what", "torch", "architecture", "output"]
    return [*integers, *own]


def main():
    values = flags.FLAGS
    chosen = options.from_flags(values)
    output_file.check_new("output", values.output)
    results = measure.measure(chosen)
    command.say(table.table(results))
    if values.output:
        with output_file.user_errors("output", values.output):
            run_folder.write_json(values.output, results)


if __name__ == "__main__":
    command.run(main, define_flags())
