"""Reads every image and mask before a long run does."""

import collections
import concurrent.futures
import dataclasses
import os

import numpy as np

from selene_tf.data.files.label_map import IGNORE_LABEL
from selene_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class ValidationReport:
    """Reports what `check_reader` counted and which images cannot be used.

    Args:
        problems: One line for each image that cannot be used, in list order.
        unusable: The numbers of these images.
        images: Number of images that can.
        labelled: Number of those that have a mask.
        class_pixels: Pixels of each class over all masks.
        class_images: Number of masks that hold each class.
        ignored_pixels: Pixels without a class over all masks.
        without_class: Numbers of the images whose masks hold no class at all.
        sizes: {(height, width): number of images}, after resizing.
    """

    problems: tuple[str, ...]
    unusable: tuple[int, ...]
    images: int
    labelled: int
    class_pixels: tuple[int, ...]
    class_images: tuple[int, ...]
    ignored_pixels: int
    without_class: tuple[int, ...]
    sizes: dict[tuple[int, int], int]


def scan(examples, reader, bad_samples, progress=None):
    """Scans the beginning of every file; a second or two for ten thousand.

    Args:
        examples: Sequence of examples.
        reader: Their `Reader`.
        bad_samples: `BadSamples`; images that it lets pass are left out.
        progress: Called as `progress(done, total)` after each image.

    Returns:
        Those that can be used as far as that shows, and {(height, width): number
        of images}.

    Raises:
        UserError: An image or mask cannot be used, in list order.
    """
    kept, sizes = [], collections.Counter()
    results = _in_parallel(_caught(reader.read_size), range(reader.size), progress)
    for number, (problem, size) in enumerate(results):
        if problem is not None:
            bad_samples.add(reader.name(number), problem)
            continue
        kept.append(examples[number])
        sizes[size] += 1
    return tuple(kept), dict(sizes)


def check_sample(reader, bad_samples, sample=64, progress=None):
    """Checks a sample of images, and refuses a set in which no mask has a class.

    Args:
        reader: A `Reader`.
        bad_samples: `BadSamples`; what it lets pass is passed over.
        sample: How many are read in any case, spread evenly; None for all. If all
            their masks have only the ignore label, others are read until one has not.
        progress: Called as `progress(done, total)` after each of the sample.

    Returns:
        (pixels, images): pixels of each class id in the masks that were read, int64
        (256,), and how many masks these are.

    Raises:
        UserError: An image cannot be used, or no mask has a class.
    """
    count = reader.size if sample is None else min(sample, reader.size)
    spread = np.linspace(0, reader.size - 1, count).astype(int).tolist()
    examples = _in_parallel(_caught(reader.read_checked), spread, progress)
    pixels, masks = np.zeros(256, np.int64), 0
    for number, (problem, example) in zip(spread, examples, strict=True):
        if problem is not None:
            bad_samples.add(reader.name(number), problem)
        elif example[1] is not None:
            pixels += np.bincount(example[1].ravel(), minlength=256)
            masks += 1
    if masks and not pixels[:IGNORE_LABEL].any():
        if not _any_class(reader, set(spread)):
            raise no_class(reader)
    return pixels, masks


def _any_class(reader, known):
    """Whether a mask of those not known yet has a class."""
    others = [number for number in range(reader.size) if number not in known]
    examples = _in_parallel(_caught(reader.read_checked), others)
    return any(_has_class(pair[1]) for problem, pair in examples if problem is None)


def no_class(reader):
    """The `UserError` for labelled images without a single labelled pixel."""
    return UserError(
        f"{reader.name(0)} and the other {reader.size - 1} labelled images have "
        "masks of the ignore label alone; expected pixels with a class in some."
    )


def check_reader(reader, num_classes, progress=None, collect=False):
    """Checks all images and masks, each pixel, and counts their classes.

    Args:
        reader: A `Reader`.
        num_classes: Number of classes.
        progress: Called as `progress(done, total)` after each image, in order.
        collect: Whether to list all problems in the report instead of stopping at
            the first.

    Returns:
        A `ValidationReport`.

    Raises:
        UserError: The first problem in list order, unless `collect`.
    """
    problems, tally = {}, _Tally()
    results = _in_parallel(_caught(_counter(reader)), range(reader.size), progress)
    for number, (problem, counts) in enumerate(results):
        if problem is None:
            tally.add(number, *counts)
        elif collect:
            problems[number] = str(problem)
        else:
            raise problem
    return tally.report(problems, num_classes)


def empty_report(num_classes):
    """Makes the `ValidationReport` of no images."""
    return _Tally().report({}, num_classes)


class _Tally:
    """What has been counted so far."""

    def __init__(self):
        self.sizes, self.without_class, self.labelled = collections.Counter(), [], 0
        self.pixels, self.images = np.zeros((2, 256), np.int64)

    def add(self, number, size, counts):
        self.sizes[size] += 1
        if counts is None:
            return
        self.labelled += 1
        self.pixels += counts
        self.images += counts > 0
        if counts[IGNORE_LABEL] == counts.sum():
            self.without_class.append(number)

    def report(self, problems, num_classes):
        return ValidationReport(
            problems=tuple(problems.values()),
            unusable=tuple(problems),
            images=self.sizes.total(),
            labelled=self.labelled,
            class_pixels=tuple(self.pixels[:num_classes].tolist()),
            class_images=tuple(self.images[:num_classes].tolist()),
            ignored_pixels=int(self.pixels[IGNORE_LABEL]),
            without_class=tuple(self.without_class),
            sizes=dict(self.sizes),
        )


def _counter(reader):
    """A function of a number: an image's size, and how often its mask has each id."""

    def count(number):
        image, mask = reader.read_checked(number)
        counts = None if mask is None else np.bincount(mask.ravel(), minlength=256)
        return image.shape[:2], counts

    return count


def _caught(function):
    """Returns (None, result) or (`UserError`, None) in place of raising it."""

    def call(number):
        try:
            return None, function(number)
        except UserError as error:
            return error, None

    return call


def _has_class(mask):
    return bool((mask != IGNORE_LABEL).any())


def _in_parallel(function, items, progress=None):
    """Yields function(item) in order; an exception cancels the rest."""
    pool = concurrent.futures.ThreadPoolExecutor(os.cpu_count())
    try:
        for done, result in enumerate(_bounded(pool, function, items), start=1):
            if progress is not None:
                progress(done, len(items))
            yield result
    finally:
        # Without waiting: what an error leaves of this is at times cleared away by
        # one of the threads, which cannot wait for itself.
        pool.shutdown(wait=False, cancel_futures=True)


def _bounded(pool, function, items):
    """Like `pool.map`, which would keep the results of all items in memory."""
    waiting = collections.deque()
    for item in items:
        waiting.append(pool.submit(function, item))
        if len(waiting) > 4 * (os.cpu_count() or 1):
            yield waiting.popleft().result()
    while waiting:
        yield waiting.popleft().result()
