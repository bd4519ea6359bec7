"""A progress bar on a terminal, for what takes more than a moment."""

import contextlib
import sys

from tqdm import tqdm


@contextlib.contextmanager
def bar(text=None, unit="image"):
    """Yields a function of (done, total) that moves a bar; without a terminal none.

    Args:
        text: What is being done.
        unit: What is counted.
    """
    hidden = not sys.stderr.isatty()
    # After a while, since most mistakes show at once.
    with tqdm(
        desc=text, unit=unit, disable=hidden, dynamic_ncols=True, delay=0.5, leave=False
    ) as shown:

        def show(done, total):
            shown.total = total
            shown.update(done - shown.n)

        yield show
