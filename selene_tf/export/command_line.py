"""Flags and output that the commands of export/ share."""

from absl import flags

from selene_tf.cli import command
from selene_tf.errors import UserError


def define_flags(default_size, gates="keep"):
    """Makes the flags of every export command; returns their names.

    Args:
        default_size: What an empty --size means, for --help.
        gates: Default of --gates.
    """
    names = command.define_run_flags()
    pruning = command.define_pruning_flags("discovered", gates)
    flags.DEFINE_string("output", "", "What to write; must not exist.")
    flags.DEFINE_string(
        "size", "", f"Height,width of the images, in pixels; empty: {default_size}."
    )
    flags.DEFINE_enum(
        "split", "val", ["val", "train"], "Images to score and to compare on."
    )
    flags.DEFINE_integer(
        "num_images",
        100,
        "At most so many of them, 8 or more; 0: all.",
        lower_bound=0,
    )
    # What it was called before.
    flags.DEFINE_alias("num_pictures", "num_images")
    flags.DEFINE_string(
        "licence", "", "Licence under which the network is given away; travels along."
    )
    own = ["output", "size", "split", "num_images", "licence"]
    return [*names, *pruning, *own]


def options():
    """Reads the flags as `ExportOptions`.

    Raises:
        UserError: if --output is missing or --size is no size.
    """
    with command.suppress_startup_logs():
        from selene_tf.export.preparation import ExportOptions

    values = flags.FLAGS
    if not values.output:
        raise UserError("--output: found nothing, expected the name of what to write.")
    size = command.parse_size("size", values.size, optional=True)
    return ExportOptions.from_flags(values, size=size)


def outputs(text, scores=""):
    """Reads --outputs of export.saved_model.

    Args:
        text: Its value.
        scores: That of --scores, an earlier flag for a part of it.

    Returns:
        Some of "labels", "logits" and "probabilities", a tuple.

    Raises:
        UserError: it names something else, or both flags are given.

    Example:
        >>> outputs("labels,probabilities"), outputs("", "logits")
        (('labels', 'probabilities'), ('labels', 'logits'))
    """
    if text and scores:
        raise UserError(
            f"--scores: found '{scores}' with --outputs={text}; expected one of them."
        )
    known = ("labels", "logits", "probabilities")
    if text == "all":
        return known
    names = [part.strip() for part in text.split(",")] if text else ["labels"]
    names += [] if text else [scores or "logits"]
    if "labels" not in names or len(set(names)) < len(names) or set(names) - {*known}:
        raise UserError(
            f"--outputs: found '{text}', expected all, or labels and what goes with "
            f"them, of {', '.join(known)}, each once."
        )
    return tuple(name for name in known if name in names)


def say(result):
    """Prints what an export gave: the scores at each step, then the comparison."""
    from selene_tf.export import agreement, exporter

    command.say(exporter.table(result["networks"]))
    command.say(f"wrote {flags.FLAGS.output}: {agreement.line(result['check'])}")
