"""What the values of a mask file mean."""

import collections.abc
import dataclasses

import numpy as np

from selene_tf.errors import UserError

# Inside the program a pixel without a class is always this value; a data set's
# own ignore label exists in its files only.
IGNORE_LABEL = 255
# In a table: a value that means nothing, so that its mask is refused.
REFUSED = 254
MAX_CLASSES = 254


@dataclasses.dataclass(frozen=True)
class LabelFormat:
    """Maps the values or colours of a mask to class ids.

    Args:
        ids: {value of a grey or palette mask, 0 to 255: class id, or 255 for none}.
            Other values are refused.
        colours: {(red, green, blue) of a colour mask: class id, or 255 for none};
            empty if colour masks are refused.
        by_suffix: Pairs of the end of a file name and the ids of such files, which
            take the place of `ids`.
        palettes_by_colour: Whether palette masks are read by the colours that their
            indices are shown in, and not by the indices.

    Example:
        >>> labels = LabelFormat({7: 0, 8: 1}, by_suffix=(("_raw.png", {1: 0}),))
        >>> labels.ids_of("a.png")
        {7: 0, 8: 1}
        >>> labels.ids_of("a_raw.png")
        {1: 0}
    """

    ids: collections.abc.Mapping[int, int]
    colours: collections.abc.Mapping[tuple[int, int, int], int] = dataclasses.field(
        default_factory=dict
    )
    by_suffix: tuple[tuple[str, collections.abc.Mapping[int, int]], ...] = ()
    palettes_by_colour: bool = False

    def number_of(self, path) -> int:
        """Which of `all_ids` a file has."""
        for number, (suffix, _) in enumerate(self.by_suffix, start=1):
            if str(path).endswith(suffix):
                return number
        return 0

    def ids_of(self, path) -> collections.abc.Mapping[int, int]:
        """The meaning of a file's values."""
        return self.all_ids()[self.number_of(path)]

    def all_ids(self) -> list[collections.abc.Mapping[int, int]]:
        """`ids`, and those of each suffix."""
        return [self.ids, *(ids for _, ids in self.by_suffix)]


def index(num_classes, ignore_label=IGNORE_LABEL):
    """Makes the label format of masks whose values are the class ids.

    Args:
        num_classes: Number of classes.
        ignore_label: The value of 0 to 255 that means "no class" in the mask files.

    Returns:
        A `LabelFormat`.

    Raises:
        UserError: The ignore label is not a byte, or is the id of a class.

    Example:
        >>> labels = index(2, ignore_label=9)
        >>> labels.ids
        {0: 0, 1: 1, 9: 255}
        >>> table(labels.ids)[[0, 1, 9]].tolist()
        [0, 1, 255]
    """
    if not 0 <= ignore_label <= 255:
        raise UserError(
            f"The ignore label is {ignore_label}; masks hold bytes, so give a value "
            "from 0 to 255."
        )
    if ignore_label < num_classes:
        raise UserError(
            f"The ignore label {ignore_label} is also the id of a class, which would "
            f"never be trained; give a value from {num_classes} to 255."
        )
    return LabelFormat(
        {number: number for number in range(num_classes)} | {ignore_label: IGNORE_LABEL}
    )


def table(ids):
    """Makes the look-up table from mask values to class ids, uint8 (256,).

    Unknown values are `REFUSED`.
    """
    values = np.full(256, REFUSED, np.uint8)
    for value, class_id in ids.items():
        values[value] = class_id
    return values


def colour_table(colours):
    """Makes the look-up table from colours to class ids, uint8 (2**24,).

    The place of a colour is red * 65536 + green * 256 + blue. 16 MiB: a look-up in it
    is many times faster than a search.
    """
    values = np.full(2**24, REFUSED, np.uint8)
    for (red, green, blue), class_id in colours.items():
        values[red << 16 | green << 8 | blue] = class_id
    return values


def describe(ids):
    """Describes the valid values of a mask, for an error message.

    Example:
        >>> describe({0: 0, 1: 1, 2: 2, 9: 255})
        '0 to 2, or 9 for no class'
    """
    classes = sorted(value for value, class_id in ids.items() if class_id < REFUSED)
    nothing = sorted(value for value, class_id in ids.items() if class_id > REFUSED)
    text = _ranges(classes)
    return f"{text}, or {_ranges(nothing)} for no class" if nothing else text


def _ranges(values):
    parts = []
    for value in values:
        if parts and parts[-1][1] == value - 1:
            parts[-1][1] = value
        else:
            parts.append([value, value])
    return ", ".join(f"{a}" if a == b else f"{a} to {b}" for a, b in parts)
