"""How a command starts: flags, one-line errors, progress."""
