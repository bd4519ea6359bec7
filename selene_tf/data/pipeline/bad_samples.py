"""Images that cannot be read: the first one stops a run, or some are left out."""

import sys
import threading

import tensorflow as tf

from selene_tf.data.files.image_files import FileUnreachable
from selene_tf.errors import UserError

# The second where an error's text repeats bytes of the damaged file.
DECODING_ERRORS = (tf.errors.OpError, UnicodeDecodeError)
# Above this share of the training images something else is wrong.
MAX_SHARE = 0.01


class BadSamples:
    """Collects the images that could not be read, and stops when there are too many.

    Args:
        total: Number of training images.
        skip: Whether to leave out bad images, up to one in a hundred, in place of
            stopping at the first.
    """

    def __init__(self, total, skip=False):
        self.limit = int(total * MAX_SHARE) if skip else 0
        self.messages = {}
        # Of files that were out of reach; the next start looks for them again.
        self._unreachable = set()
        self.failure = None
        self._write = lambda _: None
        self._total, self._skip = total, skip
        self._lock = threading.Lock()

    def add(self, name, error):
        """Takes note of an image, once.

        Args:
            name: What the user calls it.
            error: The `UserError` that says what is wrong with it.

        Raises:
            UserError: That was one too many.
        """
        # Several threads read; each bad image is met again in every epoch.
        with self._lock:
            if name not in self.messages:
                self.messages[name] = str(error)
                if isinstance(error, FileUnreachable):
                    self._unreachable.add(name)
                self._write(self._lasting())
                if len(self.messages) > self.limit:
                    self.failure = self.failure or self._too_many(error)
                else:
                    print(f"left out: {error}", file=sys.stderr)  # noqa: T201
            if self.failure is not None:
                raise self.failure

    def fail(self, error):
        """Remembers an error that no leave to skip covers, and raises it."""
        with self._lock:
            self.failure = self.failure or error
        raise self.failure

    def keep(self, earlier, write):
        """Joins what earlier starts of the run left out, and keeps all from now on.

        Args:
            earlier: {name: message} as it was written last; empty for none.
            write: Function of such a dict, called now and whenever one is added.

        Raises:
            UserError: All together are too many.
        """
        with self._lock:
            self.messages = {**earlier, **self.messages}
            self._write = write
            write(self._lasting())
            if self._skip and len(self.messages) > self.limit:
                raise self._too_many(list(self.messages.values())[-1])

    def _lasting(self):
        """What the next start of the run need not look at again."""
        return {k: v for k, v in self.messages.items() if k not in self._unreachable}

    def _too_many(self, error):
        if not self._skip:
            return error
        return UserError(
            f"--on_bad_sample=skip: {len(self.messages)} of {self._total} training "
            f"images cannot be used, more than {MAX_SHARE:.0%}; mend them (those that "
            f"the run knows are in its left_out.json). The last: {error}"
        )


def report(reader, number, bad_samples):
    """Tells `bad_samples` what is wrong with an image that cannot be decoded.

    Args:
        reader: A `Reader`.
        number: Number of the image.
        bad_samples: The `BadSamples`.

    Raises:
        UserError: It was one too many.
    """
    name = reader.name(number)
    error = UserError(
        f"{name} or its mask is damaged (TensorFlow cannot decode it); save it again."
    )
    try:
        reader.read_checked(number)
    except UserError as reason:
        error = reason
    bad_samples.add(name, error)


def nothing_left(reader):
    """The `UserError` for a part of which no image can be used."""
    return UserError(
        f"{reader.name(0)} and the other {reader.size - 1} images of its part cannot "
        "be used, none of them; mend them."
    )
