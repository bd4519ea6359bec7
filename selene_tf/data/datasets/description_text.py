"""Parses the text of a file that describes a data set, whoever wrote it."""

import json
import re
import tomllib

from selene_tf.errors import UserError

_LANGUAGES = {".toml": "TOML", ".json": "JSON"}
LONGEST_SHOWN = 60
# 254 classes need some kilobytes.
_MOST_BYTES = 1_000_000
# Python's parser takes minutes for a dotted key of a hundred thousand parts.
_MOST_PARTS = 1000


def parse(path):
    """Parses a TOML or JSON file.

    Args:
        path: The file, a `pathlib.Path`; its name ends in .toml or .json.

    Returns:
        Its content, whatever it is.

    Raises:
        UserError: It is missing, too large, no text, or damaged.
    """
    language = _LANGUAGES.get(path.suffix.lower())
    if language is None:
        raise UserError(
            f"{path} ends in '{path.suffix}'; expected a .toml or .json file that "
            "describes the data set."
        )
    text = _text(path, language)
    try:
        if language == "TOML":
            _check_keys(text)
            return tomllib.loads(text)
        return json.loads(text, object_pairs_hook=_without_repeats)
    # Beside their own errors, which are ValueErrors, both parsers give up on numbers
    # of thousands of digits and on thousands of brackets in each other.
    except (ValueError, RecursionError) as error:
        raise UserError(
            f"{path} is not {language}: {' '.join(str(error).split())}; mend the file."
        ) from None


def shown(value):
    """A value for a message, of which the beginning is enough."""
    try:
        text = repr(value)
    # Thousands of lists in each other, numbers of thousands of digits.
    except (RecursionError, ValueError):
        return "something too large to show"
    return text if len(text) <= LONGEST_SHOWN else f"{text[:LONGEST_SHOWN]}..."


def _text(path, language):
    try:
        with path.open("rb") as file:
            content = file.read(_MOST_BYTES + 1)
        if len(content) > _MOST_BYTES:
            raise UserError(
                f"{path} has more than {_MOST_BYTES:,} bytes; expected {language} that "
                "describes the data set, which is much shorter."
            )
        # utf-8-sig drops the byte order mark that Windows editors write.
        return content.decode("utf-8-sig")
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", "not UTF-8 text")
        raise UserError(
            f"Cannot read {path} ({reason}); expected {language} in UTF-8 that "
            "describes the data set. Check the path and the file."
        ) from None


def _check_keys(text):
    for number, line in enumerate(text.splitlines(), start=1):
        # Of strings' dots there are never so many.
        if line.count(".") > _MOST_PARTS:
            start = re.sub(r"\s+", " ", line[:LONGEST_SHOWN])
            raise ValueError(f"line {number} has a key without end ({start}...)")


def _without_repeats(pairs):
    """An object of JSON, whose parser would keep the last of two equal keys."""
    content = {}
    for key, value in pairs:
        if key in content:
            raise ValueError(f"the key {shown(key)} stands twice in an object")
        content[key] = value
    return content
