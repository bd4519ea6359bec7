"""The exceptions for what a user can mend."""


class UserError(ValueError):
    """A mistake in flags, files or data that the user can mend.

    The message is one line and says which file or flag, what was found, what
    was expected and how to mend it. The commands print it and exit with
    status 2; a notebook sees an ordinary `ValueError`.

    Attributes:
        status: int, the exit status of a command that ends with it.
    """

    status = 2


class IncompleteResult(UserError):
    """A command that did what it could, and names what it could not do.

    Commands exit with status 1: the rest of the results is there.
    """

    status = 1


class TrainingDiverged(UserError):
    """A training whose numbers are no longer finite.

    Commands exit with status 3, so that a script can tell it from a mistake in the
    flags.
    """

    status = 3
