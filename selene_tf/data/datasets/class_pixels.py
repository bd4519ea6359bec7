"""Tells masks in which a class has no pixel, most often since its value means nothing.

Masks of 0 and 255 are the commonest of binary masks, and 255 is the commonest value
for "no class": without a word such masks would train a network that knows one class.
"""

import numpy as np

from selene_tf.data.files.label_map import IGNORE_LABEL
from selene_tf.errors import UserError


def count(masks):
    """Counts the pixels of each class id, int64 (256,).

    Args:
        masks: Iterable of uint8 arrays of class ids, 255 for "no class".
    """
    counts = np.zeros(256, np.int64)
    for mask in masks:
        counts += np.bincount(mask.ravel(), minlength=256)
    return counts


def missing(counts, class_names):
    """Names of the classes without a pixel."""
    return [name for name, pixels in zip(class_names, counts) if not pixels]  # noqa: B905


def one_of_two(name, others, counts, class_names):
    """The `UserError` for masks of one class and "no class", where two are expected.

    Args:
        name: What the user calls the first image.
        others: How many more there are.
        counts: As of `count`, of all their masks.
        class_names: Names of the classes.

    Returns:
        The error, or None.
    """
    absent = missing(counts, class_names)
    if len(class_names) != 2 or len(absent) != 1 or not counts[IGNORE_LABEL]:
        return None
    return UserError(
        f"{name} and the other {others} labelled images have no pixel of class "
        f"'{absent[0]}': {_share(counts)} of their pixels have a value that means no "
        f"class. {remedy(absent[0], class_names)}"
    )


def warnings(counts, class_names, what):
    """A line for each class without a pixel, with what to do about it.

    Args:
        counts: As of `count`.
        class_names: Names of the classes.
        what: The masks that were counted, in words.
    """
    for name in missing(counts, class_names):
        line = f"class '{name}' has no pixel in {what}, so it cannot be learned."
        if counts[IGNORE_LABEL]:
            line += (
                f" {_share(counts)} of the pixels have a value that means no class. "
                f"{remedy(name, class_names)}"
            )
        yield line


def remedy(name, class_names):
    """How to say that 255 is a class, in words."""
    table = ", ".join(
        f'{255 if other == name else number} = "{other}"'
        for number, other in enumerate(class_names[:3])
    )
    dots = ", ..." if len(class_names) > 3 else ""
    return (
        f"If 255 in the mask files is '{name}', write label_map = {{ {table}{dots} }} "
        "into the data folder's dataset.toml."
    )


def _share(counts):
    return f"{counts[IGNORE_LABEL] / counts.sum():.1%}"
