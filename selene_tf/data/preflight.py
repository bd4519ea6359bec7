"""Reads every picture and mask before a long run does."""

import concurrent.futures
import dataclasses
import os

import numpy as np

from selene_tf.data.catalog import IGNORE_LABEL
from selene_tf.data.records import read_example
from selene_tf.errors import UserError


@dataclasses.dataclass(frozen=True)
class Report:
    """What `check` found.

    Args:
        problems: One line for each example that cannot be used, in list order.
        pictures: Number of examples that can.
        labelled: Number of those that have a mask.
        class_pixels: Pixels of each class over all masks.
        ignored_pixels: Pixels without a class over all masks.
        sizes: {(height, width): number of pictures}, after resizing.
    """

    problems: tuple[str, ...]
    pictures: int
    labelled: int
    class_pixels: tuple[int, ...]
    ignored_pixels: int
    sizes: dict[tuple[int, int], int]


def check(
    examples,
    num_classes,
    ignore_label,
    image_size=None,
    progress=None,
    collect=False,
):
    """Reads all examples as training would.

    Args:
        examples: Sequence of `Example`.
        num_classes: See `records.read_mask`; so is `ignore_label`.
        image_size: (height, width) to resize to, or None.
        progress: Called as `progress(done, total)` after each example, in order.
        collect: Whether to list all problems in the report instead of stopping at
            the first.

    Returns:
        A `Report`.

    Raises:
        UserError: The first problem in list order, unless `collect`.
    """

    def examine(example):
        try:
            image, mask = read_example(example, num_classes, ignore_label, image_size)
        except UserError as error:
            return error, None, None
        counts = None if mask is None else np.bincount(mask.ravel(), minlength=256)
        return None, image.shape[:2], counts

    problems, sizes, labelled = [], {}, 0
    totals = np.zeros(256, np.int64)
    for problem, size, counts in _in_parallel(examine, examples, progress):
        if problem is not None:
            if not collect:
                raise problem
            problems.append(str(problem))
            continue
        sizes[size] = sizes.get(size, 0) + 1
        if counts is not None:
            labelled += 1
            totals += counts
    return Report(
        problems=tuple(problems),
        pictures=sum(sizes.values()),
        labelled=labelled,
        class_pixels=tuple(totals[:num_classes].tolist()),
        ignored_pixels=int(totals[IGNORE_LABEL]),
        sizes=sizes,
    )


def load(examples, num_classes, ignore_label, image_size=None, progress=None):
    """Reads all examples into two arrays, for training from memory.

    Args:
        examples: Non-empty sequence of `Example`.
        num_classes: See `records.read_mask`; so is `ignore_label`.
        image_size: (height, width) to resize to; None if all are of one size.
        progress: Called as `progress(done, total)` after each example, in order.

    Returns:
        Pictures, uint8 (number, height, width, 3), and labels, uint8 (number,
        height, width). The labels of examples without a mask are all 0 and mean
        nothing.

    Raises:
        UserError: No examples, a file cannot be used, or the sizes differ.
    """
    if not examples:
        raise UserError("There are no pictures to load; check the lists or folders.")
    first, _ = read_example(examples[0], num_classes, ignore_label, image_size)
    images = np.empty((len(examples), *first.shape), np.uint8)
    labels = np.zeros(images.shape[:3], np.uint8)

    # Each thread writes its own row, so no picture is held twice.
    def fill(row):
        image, mask = read_example(examples[row], num_classes, ignore_label, image_size)
        _check_same_size(examples, row, image, first)
        images[row] = image
        if mask is not None:
            labels[row] = mask

    for _ in _in_parallel(fill, range(len(examples)), progress):
        pass
    return images, labels


def _in_parallel(function, items, progress):
    """Yields function(item) in order; the first exception cancels the rest."""
    with concurrent.futures.ThreadPoolExecutor(os.cpu_count()) as pool:
        for done, result in enumerate(pool.map(function, items), start=1):
            if progress is not None:
                progress(done, len(items))
            yield result


def _check_same_size(examples, row, image, first):
    if image.shape != first.shape:
        raise UserError(
            f"{examples[row].image} is {image.shape[1]} x {image.shape[0]} pixels "
            f"(width x height) but {examples[0].image} is {first.shape[1]} x "
            f"{first.shape[0]}; to keep pictures in memory, set an image size."
        )
