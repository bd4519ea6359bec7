"""Which rule is chosen, what it is called, and which values are refused."""

import pytest

from selene_tf.search.path_rule import PathRule, choose
from tests.refusals import assert_refused


@pytest.mark.parametrize(
    ("values", "rule", "text"),
    [
        ({}, PathRule("threshold", 0.5), "threshold_0.5"),
        ({"path_threshold": 0.0}, PathRule("threshold", 0.0), "threshold_0"),
        ({"keep": 0.99}, PathRule("keep", 0.99), "keep_0.99"),
        ({"path_macs": 3e9}, PathRule("macs", 3_000_000_000), "macs_3000000000"),
    ],
)
def test_a_rule_is_chosen_by_the_value_that_is_there(values, rule, text):
    assert choose(**values) == rule
    assert rule.text() == text


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"keep": 0.0}, ("--keep", "0")),
        ({"keep": 1.5}, ("--keep", "1.5")),
        ({"keep": -1.0}, ("--keep", "-1")),
        ({"keep": float("nan")}, ("--keep", "nan")),
        ({"path_macs": 0.0}, ("--path_macs", "0")),
        ({"path_macs": float("inf")}, ("--path_macs", "inf")),
        ({"path_macs": float("nan")}, ("--path_macs", "nan")),
        ({"path_threshold": 1.1}, ("--path_threshold", "1.1")),
        ({"path_threshold": float("nan")}, ("--path_threshold", "nan")),
        ({"path_macs": 1e9, "keep": 0.5}, ("--path_macs, --keep", "2 rules")),
        ({"path_threshold": 0.5, "keep": 0.5}, ("--path_threshold, --keep",)),
    ],
)
def test_what_is_no_rule_is_one_line(values, words):
    assert_refused(lambda: choose(**values), *words)


def test_an_unknown_kind_is_a_programmers_mistake():
    with pytest.raises(ValueError, match="kind: found 'best'"):
        PathRule("best", 0.5)
