"""What goes wrong inside the libraries that convert and run networks."""

import contextlib

from selene_tf.errors import UserError
from selene_tf.training import run_folder


@contextlib.contextmanager
def failures_of(library):
    """Turns whatever a library raises into one line.

    What converters and runtimes raise for a network or version that they cannot cope
    with is not written down anywhere.

    Args:
        library: Its name, for the message.

    Raises:
        UserError: in place of an exception inside the block.
    """
    try:
        yield
    except (UserError, MemoryError):
        raise
    except Exception as error:
        raise UserError(
            f"--output: {library} cannot convert or run the network "
            f"({type(error).__name__}: {run_folder.reason(error)}); nothing was "
            "written. Expected the versions that setup.cfg names; if you have those, "
            "please report it."
        ) from error
