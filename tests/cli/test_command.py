import pytest

from selene_tf.cli import command
from tests.refusals import assert_refused


def test_a_size_is_height_and_width():
    assert command.parse_size("size", "4, 6") == (4, 6)
    assert command.parse_size("size", "", optional=True) is None


@pytest.mark.parametrize(
    "text",
    ["", "7", "4,0", "-3,4", "a,b", "4,6,8", "4.5,6", "200000,200000", "9" * 5000],
)
def test_what_is_no_size_is_refused(text):
    assert_refused(lambda: command.parse_size("size", text), "--size", "256,512")
