import pytest

from selene_tf.cli import command
from selene_tf.errors import UserError
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


def test_a_message_of_megabytes_is_cut_in_the_middle(capsys):
    def fail():
        raise UserError("--steps: found '" + "9\n" * 10_000_000 + "', expected less.")

    with pytest.raises(SystemExit):
        command._guarded(fail)
    error = capsys.readouterr().err
    assert len(error) < 30_000
    assert error.count("\n") == 1
    assert error.startswith("error: --steps: found '9 9 ")
    assert error.endswith(" 9 ', expected less.\n")
