"""Which names and values path.json may hold."""

import reprlib

from selene_tf.architectures import topology

# More than any network has; a damaged number must not fill the memory.
_MAX_LAYERS = 1000
_MAX_NUMBER = 2**62


def check(content, names, where):
    """Checks that there are just these names, each with a value of its kind.

    Args:
        content: What JSON gave for a part of the file.
        names: Set of the names that it has to have.
        where: Which part it is, for the message.

    Raises:
        ValueError: says what is wrong.
    """
    if not isinstance(content, dict):
        raise ValueError(f"{where}: {short(content)} is no list of names and values")
    for name in sorted(names ^ content.keys()):
        problem = "is missing" if name in names else "is unknown"
        raise ValueError(f"{where}: {short(name)} {problem}")
    for name in names:
        is_right, expected = _KINDS[name]
        if not is_right(content[name]):
            raise ValueError(
                f"{where}: {name} is {short(content[name])}, not {expected}"
            )


def _is_integer(value, lowest=1, highest=_MAX_NUMBER):
    # True is a whole number to Python.
    return type(value) is int and lowest <= value <= highest


def _is_size(value):
    return isinstance(value, list) and len(value) == 2 and all(map(_is_integer, value))


def _is_share(value):
    return type(value) in (int, float) and 0 <= value <= 1


# What the value of each name has to be, and how to say so.
_KINDS = {
    "version": (_is_integer, "a number"),
    "num_layers": (
        lambda value: _is_integer(value, topology.MIN_LAYERS, _MAX_LAYERS),
        f"a whole number from {topology.MIN_LAYERS} to {_MAX_LAYERS}",
    ),
    "num_classes": (lambda value: _is_integer(value, 2), "a whole number from 2"),
    "channels": (
        lambda value: _is_integer(value, 2) and value % 2 == 0,
        "an even whole number from 2",
    ),
    "pooling": (
        lambda value: value in topology.POOLINGS,
        f"one of {', '.join(topology.POOLINGS)}",
    ),
    "image_size": (_is_size, "height and width in pixels"),
    **dict.fromkeys(
        ("images", "macs", "parameters", "supernet_macs", "supernet_parameters"),
        (_is_integer, "a whole number from 1"),
    ),
    **dict.fromkeys(
        ("layer", "level", "stride"),
        (lambda value: _is_integer(value, 0), "a whole number"),
    ),
    **dict.fromkeys(
        ("small_gate", "gated", "counts_gates", "open", "computed", "bypassed"),
        (lambda value: isinstance(value, bool), "true or false"),
    ),
    **dict.fromkeys(("mean_gate", "open_share"), (_is_share, "a number from 0 to 1")),
    **dict.fromkeys(("rule", "name"), (lambda value: isinstance(value, str), "text")),
    "routes": (lambda value: isinstance(value, dict), "names and values"),
    "cells": (lambda value: isinstance(value, list), "a list"),
}


def short(value):
    """A value as it stands in a message, cut if it is long."""
    return reprlib.repr(value)
