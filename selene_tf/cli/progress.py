"""Shows a progress bar on a terminal."""

import contextlib
import sys

from tqdm import tqdm


@contextlib.contextmanager
def bar(text=None, unit="image"):
    """Shows a progress bar; yields a function of (done, total) that updates it.

    Without a terminal there is no bar.

    Args:
        text: Label of the bar.
        unit: Name of what is counted.
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
