"""What a mistake has to look like: one line that names what is wrong."""

import pytest

from selene_tf.errors import UserError


def assert_refused(action, *expected):
    """The action ends with a `UserError` of one line that holds all the words."""
    with pytest.raises(UserError) as caught:
        action()
    message = str(caught.value)
    assert "\n" not in message
    for text in expected:
        assert str(text) in message
