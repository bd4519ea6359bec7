"""Names that TensorFlow does not take for a pattern of names."""

import contextlib
import pathlib
import tempfile


@contextlib.contextmanager
def plain_path(folder):
    """Gives a name of a folder without the characters of a pattern.

    TensorFlow looks for files that match, where a checkpoint or SavedModel is to be
    read from a folder such as "run[1]".

    Args:
        folder: The folder.

    Yields:
        The folder, or a link to it.
    """
    folder = pathlib.Path(folder)
    if not set("*?[]\\") & set(str(folder)):
        yield folder
        return
    with tempfile.TemporaryDirectory() as place:
        link = pathlib.Path(place) / "folder"
        link.symlink_to(folder.absolute(), target_is_directory=True)
        yield link
