"""Runs a command: strict flag parsing, one line and exit status 2 for a mistake."""

import contextlib
import math
import os
import signal
import sys

from absl import app, flags, logging

from selene_tf.cli import streams
from selene_tf.cli.flagfile import parse_strictly
from selene_tf.errors import UserError

# More do not fit into the memory of common machines, a number for each class.
_MAX_PIXELS = 2**26
# Characters of an error; a few paths of the longest kind fit in.
_MOST_SHOWN = 20_000


def define_run_flags():
    """Defines the flags of every command that reads a run; returns their names."""
    flags.DEFINE_string("run_dir", "", "Folder of the run, as train.py wrote it.")
    flags.DEFINE_enum(
        "network",
        "deployed",
        ["deployed", "student", "teacher", "first", "second"],
        "Network of the run; deployed is the one that --deploy chose.",
    )
    flags.DEFINE_string(
        "data_dir", "", "Folder of the data, if it is no longer where the run found it."
    )
    return ["run_dir", "network", "data_dir"]


def define_pruning_flags(path, gates):
    """Defines the flags of every command that may prune a run; returns their names.

    Args:
        path: Default of --path.
        gates: Default of --gates.
    """
    flags.DEFINE_string(
        "path",
        path,
        "What is left of the network: none (all of it), discovered (the run's "
        "path.json), or a file that discover_path wrote.",
    )
    flags.DEFINE_enum(
        "gates",
        gates,
        ["auto", "keep", "fold"] if gates == "auto" else ["keep", "fold"],
        "Each image its own gates, or their means, folded into the convolutions"
        + ("; auto: folded where the network has any." if gates == "auto" else "."),
    )
    flags.DEFINE_integer(
        "statistics_batches",
        0,
        "After pruning, replace normalisation's statistics by means over so many "
        "training batches; 0: keep them.",
        lower_bound=0,
    )
    return ["path", "gates", "statistics_batches"]


def define_trust_flag():
    """Defines the flag of every command that loads a model by name."""
    flags.DEFINE_bool(
        "trust_model",
        False,
        "Load a SavedModel whose graph does more than compute, such as reading and "
        "writing files; only if you know who made it.",
    )


def parse_size(name, text, optional=False):
    """Parses height and width from a flag such as --size=256,512.

    Args:
        name: The flag's name.
        text: Its value.
        optional: Whether it may be empty, for None.

    Raises:
        UserError: if it is not two numbers, 1 or more.

    Example:
        >>> parse_size("size", "256,512")
        (256, 512)
    """
    if optional and not text:
        return None
    parts = text.split(",")
    if len(parts) != 2 or not all(
        part.strip().isascii() and part.strip().isdecimal() for part in parts
    ):
        parts = ["0"]
    # More digits than any size has.
    size = tuple(int(part.strip()[:9]) for part in parts)
    if min(size) < 1 or math.prod(size) > _MAX_PIXELS:
        raise UserError(
            f"--{name}: found '{text}', expected height,width in pixels, such as "
            f"256,512, and no more than {_MAX_PIXELS:,} pixels in all."
        )
    return size


def run(main, flag_names, positional=""):
    """Parses the command line, calls `main()` and exits the process.

    Args:
        main: Function without arguments; reads `flags.FLAGS`. With `positional` it gets
            the list of what stands between the flags.
        flag_names: The command's own flags, which --help then lists.
        positional: What may stand between the flags, in a word, such as "RUN"; empty
            for nothing.

    A `UserError` becomes one line on standard error and exit status 2, and so
    does every mistake in the flags.
    """
    sys.stdout = streams.lenient_output(sys.stdout)
    sys.stderr = streams.Lenient(sys.stderr)
    logging.set_verbosity(logging.ERROR)
    for name in flag_names:
        flags.FLAGS.register_key_flag_for_module(sys.argv[0], flags.FLAGS[name])
    # What is half written is removed on the way out, as after Ctrl-C.
    before = signal.signal(signal.SIGTERM, lambda number, _: sys.exit(128 + number))
    try:
        if positional:
            flags.FLAGS.set_gnu_getopt()
        app.run(
            lambda arguments: _guarded(
                (lambda: main(arguments[1:])) if positional else main
            ),
            flags_parser=lambda arguments: _parse(arguments, positional),
        )
    finally:
        signal.signal(signal.SIGTERM, before)
        # Here, since at Python's own end nobody could catch what goes wrong.
        with contextlib.suppress(OSError):
            sys.stdout.flush()


@contextlib.contextmanager
def suppress_startup_logs():
    """Suppresses what TensorFlow writes while it starts; wraps its imports.

    It writes some lines about CPUs and missing GPUs past every log level, straight
    to the standard error's file descriptor, where a mistake's one line would
    drown.
    """
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    # Commands train and export with TensorFlow, whatever else Keras is used for here.
    os.environ["KERAS_BACKEND"] = "tensorflow"
    sys.stderr.flush()
    kept, nowhere = os.dup(2), os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 2)
    try:
        yield
        import tensorflow as tf

        _set_keras_defaults()
        # Several workers have to find each other before any device is set up.
        if "TF_CONFIG" not in os.environ:
            tf.config.list_logical_devices()
    finally:
        os.dup2(kept, 2)
        os.close(kept)
        os.close(nowhere)


def _set_keras_defaults():
    """Numbers and layouts that networks are built for, whatever keras.json says."""
    import keras

    keras.config.set_image_data_format("channels_last")
    keras.config.set_floatx("float32")


def say(text):
    """Prints a command's result to standard output."""
    # Names of files may be bytes of no encoding. Flushed, so that it comes before the
    # one line of an error even if both go to one file.
    text = text.encode(errors="backslashreplace").decode()
    try:
        print(text, flush=True)  # noqa: T201
    except OSError as error:
        raise UserError(
            f"cannot write to standard output ({error.strerror}); expected a place "
            "with free space."
        ) from None


def _parse(arguments, positional):
    between = []
    try:
        between = _guarded(
            lambda: parse_strictly(flags.FLAGS, arguments, bool(positional))
        )
    except SystemExit as stop:
        # absl ends with status 1 after --help.
        sys.exit(0 if stop.code == 1 else stop.code)
    return [*arguments[:1], *between]


def _guarded(function):
    try:
        return function()
    except UserError as error:
        print(f"error: {_one_line(str(error))}", file=sys.stderr)  # noqa: T201
        sys.exit(error.status)
    except KeyboardInterrupt:
        sys.exit(128 + signal.SIGINT)


def _one_line(text):
    """A message on one line, its middle left out where it repeats megabytes."""
    # Splitting would take as long as the text is.
    if len(text) > _MOST_SHOWN:
        half = _MOST_SHOWN // 2
        text = f"{text[:half]} ... {text[-half:]}"
    return " ".join(text.split())
