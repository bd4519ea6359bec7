"""Standard output and standard error whose reader may go away."""

import errno
import os


class Lenient:
    """A text stream that falls silent when nobody reads it any more.

    What a training tells may be lost (`2>&1 | head`, a log on a full disk, a closed
    terminal), but not the training.

    Args:
        stream: The text stream.
        errors: Numbers of the system's errors at which it falls silent; others are
            raised. None for all.
    """

    def __init__(self, stream, errors=None):
        self._stream, self._errors = stream, errors

    def write(self, text):
        self._guarded(lambda: self._stream.write(text))
        return len(text)

    def flush(self):
        self._guarded(self._stream.flush)

    def __getattr__(self, name):
        return getattr(self._stream, name)

    def _guarded(self, function):
        try:
            function()
        except OSError as error:
            self._silence()
            if self._errors is not None and error.errno not in self._errors:
                raise

    def _silence(self):
        """Leads the file descriptor nowhere, since Python flushes it once more."""
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, self._stream.fileno())
        os.close(nowhere)


def lenient_output(stream):
    """Standard output: a reader that has seen enough is no mistake, a full disk is."""
    return Lenient(stream, errors=(errno.EPIPE,))
