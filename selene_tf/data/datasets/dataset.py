"""What a data set's folder offers, whatever its layout."""

import collections.abc
import dataclasses


@dataclasses.dataclass(frozen=True)
class DataFolder:
    """The examples of a folder, and how to read them.

    Args:
        data_dir: The folder; list files may be named relative to it.
        read_part: Takes "train", "val" or "unlabelled" and `mask_every`; returns a
            tuple of `Example`, in the order that the rule of `take_every` goes by.
            Every n-th image, the first included, must have a mask; 0 for none,
            and then no mask is looked for. "unlabelled" are images that never had
            one; there may be none, and the others are never none.
        read_listed: Takes the path of a list file and `mask_every`; likewise.
        make_reader: Takes examples and an image size, (height, width) or None;
            returns a `Reader` of them.
        notes: What was decided on looking at the folder, for the user, a line each.
        rule_notes: Likewise what holds if the labelled images are chosen by the
            rule of every n-th.
    """

    data_dir: str
    read_part: collections.abc.Callable
    read_listed: collections.abc.Callable
    make_reader: collections.abc.Callable
    notes: tuple[str, ...] = ()
    rule_notes: tuple[str, ...] = ()
