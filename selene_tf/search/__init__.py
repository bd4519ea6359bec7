"""From gates to a path."""
