import fractions
import random
from pathlib import Path

import pytest

from selene_tf.data.datasets.examples import Example, read_list
from selene_tf.data.datasets.splits import take_every
from selene_tf.data.datasets.subsets import (
    LabelFraction,
    choose,
    list_text,
    parse_label_fraction,
)
from tests.refusals import assert_refused


def make_examples(count):
    return tuple(
        Example(Path(f"{number}.png"), Path(f"{number}_mask.png"))
        for number in range(count)
    )


def numbers(examples):
    return [int(example.image.stem) for example in examples]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1/8", (1, 8)),
        ("0.125", (1, 8)),
        (".3", (3, 10)),
        ("4/6", (2, 3)),
        ("1", (1, 1)),
    ],
)
def test_a_fraction_is_read_without_rounding(text, expected):
    assert parse_label_fraction(text, None, 0).fraction == fractions.Fraction(*expected)


@pytest.mark.parametrize(
    "text",
    [
        "0",
        "0/4",
        "1/0",
        "9/8",
        "1.01",
        "-1/8",
        "eighth",
        "nan",
        "1e-9",
        "1/8 ",
        "1/2/3",
    ],
)
def test_what_is_no_fraction_is_refused(text):
    assert_refused(
        lambda: parse_label_fraction(text, None, 0), "--fraction", f"'{text}'", "1/8"
    )


def test_exactly_one_amount_is_asked_for():
    assert_refused(
        lambda: parse_label_fraction("", None, 0), "--fraction", "--num_labelled"
    )
    assert_refused(
        lambda: parse_label_fraction("1/8", 46, 0), "--fraction", "--num_labelled"
    )
    assert_refused(lambda: parse_label_fraction("", 0, 0), "--num_labelled", "0")


@pytest.mark.parametrize(("text", "ratio"), [("1/8", 8), ("0.25", 4), ("2/4", 2)])
def test_the_rule_needs_no_seed(text, ratio):
    assert parse_label_fraction(text, None, None).ratio == ratio


@pytest.mark.parametrize(("fraction", "count"), [("3/8", None), (".3", None), ("", 46)])
def test_other_amounts_need_a_seed(fraction, count):
    asked = fraction or str(count)
    assert_refused(lambda: parse_label_fraction(fraction, count, None), "--seed", asked)
    assert parse_label_fraction(fraction, count, 0).ratio == 1


@pytest.mark.parametrize(
    ("fraction", "count", "seed", "name"),
    [
        ("0.125", None, None, "1_8-rule"),
        ("1/8", None, 0, "1_8-seed0"),
        ("1", None, None, "1-rule"),
        ("", 46, 7, "46-seed7"),
    ],
)
def test_a_share_has_a_name(fraction, count, seed, name):
    assert parse_label_fraction(fraction, count, seed).name == name


# The published sizes of Pascal VOC and Cityscapes, and CamVid's.
@pytest.mark.parametrize(
    ("total", "ratio", "labelled"),
    [
        (10582, 16, 662),
        (10582, 8, 1323),
        (2975, 16, 186),
        (2975, 2, 1488),
        (367, 8, 46),
    ],
)
def test_a_fraction_is_as_many_images_as_by_the_rule(total, ratio, labelled):
    examples = make_examples(total)
    share = LabelFraction(fractions.Fraction(1, ratio), None, seed=0)
    assert share.count_of(total) == labelled == len(take_every(examples, ratio)[0])
    parts = choose(examples, labelled, seed=0)
    assert [len(part) for part in parts] == [labelled, total - labelled]


def test_a_decimal_fraction_is_exact():
    # As floats, 0.07 * 100 is more than 7.
    assert parse_label_fraction("0.07", None, 0).count_of(100) == 7


def test_more_than_there_are_is_refused():
    assert LabelFraction(None, 5, 0).count_of(5) == 5
    assert_refused(
        lambda: LabelFraction(None, 6, 0).count_of(5), "--num_labelled", 6, 5
    )


def test_a_choice_keeps_the_order_and_loses_the_other_masks():
    examples = make_examples(20)
    labelled, unlabelled = choose(examples, 6, seed=3)
    assert numbers(labelled) == sorted(numbers(labelled))
    assert numbers(unlabelled) == sorted(numbers(unlabelled))
    assert {*numbers(labelled), *numbers(unlabelled)} == {*range(20)}
    assert set(labelled) < set(examples)
    assert all(example.mask is None for example in unlabelled)


def test_the_same_seed_chooses_the_same_and_another_seed_others():
    examples = make_examples(100)
    first = choose(examples, 10, seed=1)
    assert choose(examples, 10, seed=1) == first
    assert choose(examples, 10, seed=2) != first


def test_the_images_of_the_smallest_draws_keep_their_labels():
    generator = random.Random(3)
    draws = {number: generator.random() for number in range(1000)}
    smallest = sorted(draws, key=draws.get)[:5]
    kept = numbers(choose(make_examples(1000), 5, seed=3)[0])
    assert sorted(kept) == sorted(smallest)


@pytest.mark.parametrize("seed", range(5))
def test_smaller_choices_are_part_of_larger_ones(seed):
    examples = make_examples(203)
    chosen = [set(choose(examples, count, seed)[0]) for count in (1, 13, 26, 51, 203)]
    for smaller, larger in zip(chosen, chosen[1:], strict=False):
        assert smaller < larger


def test_all_may_be_labelled():
    examples = make_examples(7)
    assert choose(examples, 7, seed=0) == (examples, ())


def test_a_list_is_read_back_as_it_was_written(tmp_path):
    names = ["a.png", "in/deep/b.png", "a street.png", "a\u2028\u3000b.png", "ü.png"]
    labelled = [Example(tmp_path / name, tmp_path / "m" / name) for name in names]
    unlabelled = [Example(tmp_path / name, None) for name in names]
    for examples, mask_every in ((labelled, 1), (unlabelled, 0)):
        text = list_text(examples, tmp_path)
        (tmp_path / "list.txt").write_bytes(text.encode())
        assert read_list(tmp_path / "list.txt", tmp_path, mask_every) == (*examples,)


def test_a_list_holds_images_tabs_and_masks(tmp_path):
    examples = [
        Example(tmp_path / "x" / "a.png", tmp_path / "m.png"),
        Example(tmp_path / "b.png", None),
    ]
    assert list_text(examples, tmp_path) == "x/a.png\tm.png\nb.png\n"


def test_a_list_is_relative_to_where_a_linked_folder_leads(tmp_path):
    (tmp_path / "real").mkdir()
    (tmp_path / "link").symlink_to("real")
    examples = [Example(tmp_path / "real" / "a.png", None)]
    assert list_text(examples, tmp_path / "link") == "a.png\n"


@pytest.mark.parametrize(
    "name",
    [
        "a\tb.png",
        "a\nb.png",
        "a\rb.png",
        " a.png",
        "a.png ",
        "\ufeffa.png",
        "\udcff.png",
    ],
)
@pytest.mark.parametrize("is_mask", [True, False])
def test_names_that_no_list_can_hold_are_refused(tmp_path, name, is_mask):
    paths = [tmp_path / "plain.png", tmp_path / name]
    example = Example(*paths) if is_mask else Example(paths[1], None)
    assert_refused(lambda: list_text([example], tmp_path), repr(name), "Rename")
