"""Finds files that are the same, byte for byte, under different names."""

import collections
import concurrent.futures
import hashlib
import os


def find(parts):
    """Groups the files that hold the same bytes.

    Only files of one length are read, in pieces, so that neither the time nor the
    memory grows with what cannot be equal.

    Args:
        parts: {name of a part: its files}; a file stands in one part, once. Files
            that cannot be read, and empty ones, are equal to none.

    Returns:
        A list of groups, each a tuple of two or more (name of the part, file), in
        the given order in each, and by their first files.
    """
    files = [(name, path) for name, paths in parts.items() for path in paths]
    with concurrent.futures.ThreadPoolExecutor() as pool:
        lengths = _groups(files, pool.map(_length, files))
        suspects = [file for group in lengths for file in group]
        digests = _groups(suspects, pool.map(_digest, suspects))
    order = {file: number for number, file in enumerate(files)}
    return sorted(digests, key=lambda group: order[group[0]])


def leaks(groups):
    """Describes, a line each, the files that an earlier part holds too.

    Args:
        groups: What `find` returned.
    """
    return [
        f"{name}: {file} holds the same bytes as {first}, which is {first_name}; an "
        "image may be used once. Remove one of the two."
        for (first_name, first), *others in groups
        for name, file in others
        if name != first_name and file != first
    ]


def within_parts(groups):
    """The files that their own part holds already.

    Args:
        groups: What `find` returned.

    Returns:
        {name of a part: pairs of a file and the first one of its bytes there}.
    """
    copies = collections.defaultdict(list)
    for group in groups:
        firsts = {}
        for name, file in group:
            first = firsts.setdefault(name, file)
            if first != file:
                copies[name].append((file, first))
    return dict(copies)


def _groups(files, keys):
    """Files of the same key; those without one, and those alone, are left out."""
    groups = collections.defaultdict(list)
    for file, key in zip(files, keys, strict=True):
        if key:
            groups[key].append(file)
    return [tuple(group) for group in groups.values() if len(group) > 1]


def _length(file):
    try:
        return os.path.getsize(file[1])
    except OSError:
        return None


def _digest(file):
    try:
        with open(file[1], "rb") as content:
            return hashlib.file_digest(content, "sha256").digest()
    except OSError:
        return None
