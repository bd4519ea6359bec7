"""Values of a `Config` as text."""


def to_text(value):
    """Formats a field's value as on a command line."""
    if isinstance(value, tuple):
        return ",".join(str(part) for part in value)
    return str(value).lower() if isinstance(value, bool) else str(value)
