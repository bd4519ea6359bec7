"""The one exception for what a user can mend."""


class UserError(ValueError):
    """A mistake in flags, files or data that the user can mend.

    The message is one line and says which file or flag, what was found, what
    was expected and how to mend it. The commands print it and exit with
    status 2; a notebook sees an ordinary `ValueError`.
    """
