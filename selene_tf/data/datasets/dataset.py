"""What a data set on disk offers, whatever its layout."""

import abc
import typing


class DataFolder(typing.Protocol):
    """Lists the examples of a data set, and makes readers of them.

    Attributes:
        data_dir: The folder; list files may be named relative to it.
        notes: What was decided on looking at the folder, for the user, a line each.
        rule_notes: Likewise what holds if the labelled images are chosen by the
            rule of every n-th.
    """

    data_dir: str
    notes: tuple[str, ...] = ()
    rule_notes: tuple[str, ...] = ()

    @abc.abstractmethod
    def read_part(self, part, mask_every):
        """Lists the examples of a part, in the order that `take_every` goes by.

        Args:
            part: "train", "val" or "unlabelled": images that never had a mask.
            mask_every: Every n-th image, the first included, must have a mask; 0 for
                none, and then no mask is looked for.

        Returns:
            A tuple of `Example`, empty only for "unlabelled".

        Raises:
            UserError: A list or folder is missing, or an image lacks its mask.
        """

    @abc.abstractmethod
    def read_listed(self, list_file, mask_every):
        """Lists the examples that a list file names, in the order of its lines.

        Args:
            list_file: Path of the list.
            mask_every: As of `read_part`.

        Returns:
            A non-empty tuple of `Example`.

        Raises:
            UserError: The list is missing or faulty, or an image lacks its mask.
        """

    @abc.abstractmethod
    def make_reader(self, examples, image_size):
        """Makes a `Reader` of examples.

        Args:
            examples: Sequence of `Example`, not empty.
            image_size: (height, width) to resize to, or None to keep each size.
        """
