"""Converts flags and flagfiles to a `Config`, and back."""

import dataclasses
import pathlib
from typing import Literal, get_args, get_origin

from absl import flags

from selene_tf.architectures import classic_paths
from selene_tf.config import Config
from selene_tf.config.text import to_text
from selene_tf.errors import UserError

# Earlier names of flags, which flagfiles and old runs may hold, and today's.
RENAMED = {"strong_view": "strong_augmentation"}


def define_flags(flag_values=flags.FLAGS):
    """Defines an absl flag for every field of `Config`, and for earlier names."""
    for field in dataclasses.fields(Config):
        _define_flag(field, flag_values)
    for alias, name in RENAMED.items():
        flags.DEFINE_alias(alias, name, flag_values)


def from_flags(flag_values=flags.FLAGS):
    """Makes a `Config` from parsed flags.

    Raises:
        UserError: if a value is out of range or two contradict each other.
    """
    values = {
        field.name: _from_flag(field, flag_values[field.name].value)
        for field in dataclasses.fields(Config)
    }
    for name in ("data_dir", "run_dir", "init_run", "architecture"):
        values[name] = _absolute(name, values[name])
    # A classic network's name is no file; ./unet would be one.
    if values["path"] not in classic_paths.NAMES:
        values["path"] = _absolute("path", values["path"])
    # These may also be named relative to the data; then they stay as they are.
    lists = ("labelled_list", "unlabelled_list", "validation_list")
    for name in (*lists, "dataset_file", "encoder_weights"):
        values[name] = _absolute(name, values[name], pathlib.Path.is_file)
    return Config(**values)


def to_flagfile(config):
    """Formats a `Config` as a flagfile, one line for each field."""
    lines = [
        f"--{field.name}={to_text(getattr(config, field.name))}"
        for field in dataclasses.fields(config)
    ]
    return "\n".join(lines) + "\n"


def from_flagfile(path):
    """Reads a flagfile, such as a run's config.cfg, into a `Config`.

    Raises:
        UserError: if it is missing or does not parse.
    """
    values = flags.FlagValues()
    flags.DEFINE_string("flagfile", "", "", flag_values=values)
    define_flags(values)
    return parse(values, ["", f"--flagfile={path}"])


def parse(flag_values, arguments):
    """Parses a command line into a `Config`.

    Raises:
        UserError: one line, whatever is wrong.
    """
    parse_strictly(flag_values, arguments)
    return from_flags(flag_values)


def parse_strictly(flag_values, arguments, allow_positional=False):
    """Parses a command line; flags on it override those of the flagfile.

    absl lets a flagfile override the flags before it, and swallows a flag
    without its dashes as a positional argument.

    Args:
        flag_values: The `flags.FlagValues`.
        arguments: The command line, the command's name first.
        allow_positional: Whether anything may stand between the flags.

    Returns:
        What stands between the flags, a list.

    Raises:
        UserError: for an unknown flag, a value that does not parse, a
            positional argument, an unreadable flagfile.
    """
    try:
        expanded = flag_values.read_flags_from_files(_flagfile_first(arguments))
        _refuse_undefok(expanded)
        positional = flag_values(expanded)[1:]
    except UserError:
        raise
    except flags.Error as error:
        raise UserError(" ".join(str(error).split())) from None
    except ValueError as error:  # Of a name with a zero byte, or what is no text.
        raise UserError(
            f"--flagfile: cannot read it, or one that it includes ({error}); expected "
            "the name of a text file with one flag a line."
        ) from None
    if positional and not allow_positional:
        raise UserError(
            f"found '{positional[0]}', which is no flag; expected --name=value, on "
            "the command line and in the flagfile alike."
        )
    return positional


def _refuse_undefok(arguments):
    """absl takes --undefok=name as leave to pass an unknown flag over in silence."""
    if any(argument.lstrip("-").startswith("undefok") for argument in arguments[1:]):
        raise UserError(
            "--undefok: found, expected nothing: an unknown flag is a mistake to mend."
        )


def _flagfile_first(arguments):
    command, *rest = arguments
    joined = []
    rest = list(rest)
    while rest:
        argument = rest.pop(0)
        if argument in ("--flagfile", "-flagfile") and rest:
            argument = f"--flagfile={rest.pop(0)}"
        joined.append(argument)
    files = [a for a in joined if a.lstrip("-").startswith("flagfile=")]
    others = [a for a in joined if a not in files]
    return [command, *files, *others]


def _define_flag(field, flag_values):
    text, arguments = field.metadata["help"], {"flag_values": flag_values}
    if get_origin(field.type) is Literal:
        choices = list(get_args(field.type))
        flags.DEFINE_enum(field.name, field.default, choices, text, **arguments)
    elif get_origin(field.type) is tuple:
        default = [str(value) for value in field.default]
        flags.DEFINE_list(field.name, default, text, **arguments)
    else:
        define = {
            int: flags.DEFINE_integer,
            float: flags.DEFINE_float,
            bool: flags.DEFINE_boolean,
            str: flags.DEFINE_string,
        }[field.type]
        define(field.name, field.default, text, **arguments)


def _absolute(name, text, condition=None):
    """A path from the root on, if there is one and it meets the condition."""
    path = pathlib.Path(text)
    try:
        if not text or (condition and not condition(path)):
            return text
        return str(path.resolve())
    # RuntimeError is what a link that leads to itself raises.
    except (OSError, RuntimeError, ValueError) as error:
        reason = getattr(error, "strerror", None) or error
        raise UserError(
            f"--{name}: found {text!r}, which is no path ({reason}); expected the name "
            "of a file or folder."
        ) from None


def _from_flag(field, value):
    if get_origin(field.type) is not tuple:
        return value
    kind = get_args(field.type)[0]
    try:
        return tuple(kind(part.strip()) for part in value if part.strip())
    except ValueError:
        raise UserError(
            f"--{field.name}: found '{','.join(value)}', expected "
            f"{'whole ' if kind is int else ''}numbers separated by commas."
        ) from None
