"""Chooses the training images that keep their labels, and lists them."""

import contextlib
import dataclasses
import fractions
import math
import os
import random
import re

from selene_tf.errors import UserError

_FRACTION = re.compile(r"[0-9]{1,9}/[0-9]{1,9}|[0-9]?\.?[0-9]{1,9}")
# A list is read without a byte order mark and without white space around names. The
# last range is what Python makes of names that are not UTF-8.
_UNLISTABLE = re.compile(r"\A[\s\ufeff]|[\t\r\n\ud800-\udfff]|\s\Z")


@dataclasses.dataclass(frozen=True)
class LabelFraction:
    """States how many images keep their labels, and how they are chosen.

    Args:
        fraction: Of all images, as a `fractions.Fraction`; None if `count` is given.
        count: Number of images; None if `fraction` is given.
        seed: Of a random choice; None for the published rule.
    """

    fraction: fractions.Fraction | None
    count: int | None
    seed: int | None

    @property
    def ratio(self):
        """The ratio of `take_every`, by which those to choose from are labelled.

        A random choice is from all images.
        """
        return self.fraction.denominator if self.seed is None else 1

    @property
    def name(self):
        """What a folder of this choice is called, as in 1_8-rule and 46-seed0."""
        amount = str(self.count or self.fraction).replace("/", "_")
        return f"{amount}-{'rule' if self.seed is None else f'seed{self.seed}'}"

    def count_of(self, total):
        """How many of `total` images; a fraction is rounded up, as by the rule.

        Raises:
            UserError: `count` is more than there are.
        """
        if self.count is None:
            return math.ceil(total * self.fraction)
        if self.count > total:
            raise UserError(
                f"--num_labelled: found {self.count}, expected at most {total}, which "
                "is how many training images there are."
            )
        return self.count


def parse_label_fraction(fraction, num_labelled, seed):
    """Parses the amount of labelled images that a person asks for.

    Args:
        fraction: Text such as "1/8" or "0.125", or nothing.
        num_labelled: Number of images, or None.
        seed: See `LabelFraction`.

    Returns:
        A `LabelFraction`.

    Raises:
        UserError: Not exactly one of the two is given, or it makes no sense, or it
            needs a seed.

    Example:
        >>> eighth = parse_label_fraction("1/8", None, seed=None)
        >>> eighth.name, eighth.ratio, eighth.count_of(100)
        ('1_8-rule', 8, 13)
    """
    if bool(fraction) == (num_labelled is not None):
        raise UserError(
            f"--fraction: found {'it with' if fraction else 'neither it nor'} "
            "--num_labelled, expected one of the two, such as --fraction=1/8."
        )
    if fraction:
        choice = LabelFraction(_parse_fraction(fraction), None, seed)
        follows_rule = choice.fraction.numerator == 1
    else:
        choice = LabelFraction(None, _check_count(num_labelled), seed)
        follows_rule = False
    if seed is None and not follows_rule:
        raise UserError(
            f"--seed: found nothing for {fraction or num_labelled} of the images, "
            "but the published rule labels every n-th; expected --fraction=1/n, or a "
            "seed to choose at random."
        )
    return choice


def _parse_fraction(text):
    fraction = None
    if _FRACTION.fullmatch(text):
        with contextlib.suppress(ZeroDivisionError):
            # Not by way of a float, which would round.
            fraction = fractions.Fraction(text)
    if fraction is None or not 0 < fraction <= 1:
        raise UserError(
            f"--fraction: found '{text}', expected a share of the images above 0 and "
            "at most 1, such as 1/8 or 0.125."
        )
    return fraction


def _check_count(count):
    if count < 1:
        raise UserError(f"--num_labelled: found {count}, expected 1 or more.")
    return count


def choose(examples, count, seed):
    """Chooses at random which examples keep their labels.

    Each gets a random number, and the smallest keep theirs. So the outcome depends on
    the arguments alone, on every machine, and is part of that of every larger count
    with the same seed and examples.

    Args:
        examples: Sequence of `Example`; its order decides the outcome.
        count: How many keep theirs.
        seed: Whole number of at least 0.

    Returns:
        Tuples (labelled, unlabelled), both in the given order; the unlabelled
        examples have lost their masks.

    Example:
        >>> from pathlib import Path
        >>> from selene_tf.data.datasets.examples import Example
        >>> examples = [Example(Path(f"{name}.png"), None) for name in "abcd"]
        >>> labelled, unlabelled = choose(examples, count=2, seed=0)
        >>> len(labelled), len(unlabelled)
        (2, 2)
    """
    # Python promises the same numbers for ever; NumPy's generators do not.
    draw = random.Random(seed).random
    drawn = [draw() for _ in examples]
    chosen = set(sorted(range(len(examples)), key=drawn.__getitem__)[:count])
    labelled = [item for number, item in enumerate(examples) if number in chosen]
    rest = [
        item.with_mask(None)
        for number, item in enumerate(examples)
        if number not in chosen
    ]
    return tuple(labelled), tuple(rest)


def list_text(examples, data_dir):
    """Writes the list file of examples, which `examples.read_list` reads back.

    Args:
        examples: Sequence of `Example` in `data_dir`.
        data_dir: Folder that the paths in the list are relative to.

    Returns:
        A line for each image, followed by a tab and its mask, if it has one.

    Raises:
        UserError: A name cannot stand in a list.
    """
    root = os.path.realpath(data_dir)
    return "".join(_line(example, root) for example in examples)


def _line(example, root):
    paths = [path for path in (example.image, example.mask) if path is not None]
    names = [path.relative_to(root).as_posix() for path in paths]
    for name in names:
        if _UNLISTABLE.search(name):
            raise UserError(
                f"{root}: the name {name!r} cannot stand in a list, which is UTF-8 "
                "text whose names hold no tabs and line ends and neither begin nor end "
                "with a space. Rename the file."
            )
    # The tab also tells that a name with spaces is one.
    ends_with_tab = len(names) == 1 and names[0].split() != names
    return "\t".join(names) + "\t" * ends_with_tab + "\n"
