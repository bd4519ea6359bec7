"""What was loaded from a file of weights, in words."""

import collections
import dataclasses


@dataclasses.dataclass(frozen=True)
class LoadReport:
    """Report of the weights that were loaded from a file.

    Attributes:
        path: The file.
        loaded: Paths of the network's variables that have their values from it.
        left: Paths of those that keep the values that they had.
        unused: Names of the file's entries that were not loaded.
        reshaped: Name of an entry -> (its shape, the variable's), where the
            layout was changed.
    """

    path: str
    loaded: tuple
    left: tuple
    unused: tuple
    reshaped: dict

    def line(self):
        """The report as one line for the terminal."""
        total = len(self.loaded) + len(self.left)
        text = f"loaded {len(self.loaded)} of {total} arrays from {self.path}"
        text += f", {len(self.reshaped)} of them in another layout"
        if self.left:
            text += f"; left: {_parts(self.left, '/')}"
        if self.unused:
            text += f"; unused: {_parts(self.unused, '.')}"
        return text


def few(names):
    """The first few names, for one line of a message."""
    shown = ", ".join(_shown(name) for name in list(names)[:3])
    return shown + (f" and {len(names) - 3} more" if len(names) > 3 else "")


def _parts(names, separator):
    """Names by their first parts, each with its number."""
    counts = collections.Counter(name.partition(separator)[0] for name in names)
    return ", ".join(f"{_shown(part)} ({count})" for part, count in counts.items())


def _shown(name):
    """A name from a file, which may hold anything."""
    return ascii(name[:100])[1:-1]
