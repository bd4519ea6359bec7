"""Follows links, and refuses files that do not lie in the data folder."""

import os

from selene_tf.errors import UserError


class DataRoot:
    """Resolves paths to files in a folder, and refuses those that leave it.

    A list may hold a million lines: each folder is looked at once, and single files
    only if they are links.

    Args:
        root: The folder, with all links followed.
    """

    def __init__(self, root):
        self.root = root
        self._start = root.rstrip(os.sep) + os.sep
        self._folders = {}

    def resolve(self, path, place=lambda: "Folder layout"):
        """Returns a file's path with all links followed, as text.

        Args:
            path: Absolute, or relative to the folder; the file need not exist.
            place: Function without arguments that says where the path stands, for
                the message.

        Raises:
            UserError: It leads out of the folder.
        """
        path = os.fspath(path)
        if not path.startswith(os.sep):
            path = f"{self._start}{path}"
        folder, _, name = path.rpartition(os.sep)
        known = self._folders.get(folder)
        if known is None:
            known = self._folders[folder] = _scan(folder or os.sep)
        start, links = known
        if name in ("", ".", "..") or name in links:
            resolved = os.path.realpath(path)
        else:
            resolved = start + name
        if not resolved.startswith(self._start):
            parent = os.path.commonpath([self.root, resolved])
            raise UserError(
                f"{place()}: '{path}' leads to '{resolved}', outside the data folder "
                f"'{self.root}'; use only files inside it, or a folder that holds them "
                f"all: --data_dir={parent} with lists of its images."
            )
        return resolved


def _scan(folder):
    """Where a folder leads, with a separator behind it, and its links by name."""
    resolved = os.path.realpath(folder)
    try:
        with os.scandir(resolved) as entries:
            links = frozenset(entry.name for entry in entries if entry.is_symlink())
    except OSError:
        links = frozenset()  # Whoever reads the file says what is wrong.
    return resolved.rstrip(os.sep) + os.sep, links
