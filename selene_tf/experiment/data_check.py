"""Looks at all images of a `Config` before a training does."""

import dataclasses
import pathlib

import numpy as np

from selene_tf.data.datasets import class_pixels, duplicates, splits
from selene_tf.data.datasets.validation import (
    ValidationReport,
    check_reader,
    empty_report,
    no_class,
)
from selene_tf.data.files.image_reader import Reader
from selene_tf.data.files.label_map import IGNORE_LABEL
from selene_tf.errors import UserError
from selene_tf.experiment import data_findings
from selene_tf.experiment.data import (
    make_split,
    notes,
    palette_warnings,
    pretext_task,
)
from selene_tf.experiment.datasets import dataset_info, open_folder

_PARTS = ("labelled", "unlabelled", "validation")


@dataclasses.dataclass(frozen=True)
class Part:
    """One part of the data, and what was found in it.

    Args:
        name: "labelled", "unlabelled" or "validation".
        files: Paths of the images that can be used; empty where they are no files
            of their own.
        reader: Their `Reader`, or None if there are none.
        report: The `validation.ValidationReport`.
    """

    name: str
    files: tuple[pathlib.Path, ...]
    reader: Reader | None
    report: ValidationReport

    def usable(self):
        """Numbers of the images that can be used."""
        size = 0 if self.reader is None else self.reader.size
        unusable = set(self.report.unusable)
        return [number for number in range(size) if number not in unusable]


@dataclasses.dataclass(frozen=True)
class DataCheck:
    """What `check` found.

    Args:
        dataset: Name of the data set.
        data_dir: Its folder.
        class_names: Names of the classes, in the order of their ids.
        colours: (red, green, blue) of each class.
        notes: What was decided on looking at the folder, a line each.
        parts: The three `Part`s: labelled, unlabelled, validation.
        other_problems: What is wrong beside images that cannot be used, likewise.
        warnings: What a training does not stop at, but its user may want to know.
    """

    dataset: str
    data_dir: str
    class_names: tuple[str, ...]
    colours: tuple[tuple[int, int, int], ...]
    notes: tuple[str, ...]
    parts: tuple[Part, ...]
    other_problems: tuple[str, ...]
    warnings: tuple[str, ...]

    @property
    def unusable(self) -> int:
        """Number of images that cannot be used."""
        return sum(len(part.report.unusable) for part in self.parts)

    @property
    def images(self) -> int:
        """Number of images that were looked at."""
        return self.unusable + sum(part.report.images for part in self.parts)

    @property
    def problems(self) -> list[str]:
        """One line for each: the unusable images in list order, then the others."""
        of_images = [
            f"{part.name}: {problem}"
            for part in self.parts
            for problem in part.report.problems
        ]
        return [*of_images, *self.other_problems]

    def to_json(self):
        """All of it as a dict for JSON; counts of classes are by name."""
        return {
            "dataset": self.dataset,
            "data_dir": self.data_dir,
            "class_names": list(self.class_names),
            "parts": {
                part.name: _to_json(part.report, self.class_names)
                for part in self.parts
            },
            "warnings": list(self.warnings),
            "problems": self.problems,
        }

    def samples(self, count):
        """Yields labelled images, spread evenly, then those of validation.

        Args:
            count: How many at most. Those of validation join if the labelled ones
                are fewer.

        Yields:
            (name, image uint8 (height, width, 3), mask uint8 (height, width)).
        """
        for part in (self.parts[0], self.parts[2]):
            chosen = _spread(part.usable(), count)
            count -= len(chosen)
            for number in chosen:
                name = pathlib.Path(part.reader.name(number)).name
                suffix = " (validation)" if part.name == "validation" else ""
                yield name + suffix, *part.reader.read_checked(number)


def check(config, progress=None):
    """Reads all images and masks that a training would, each pixel.

    Unlabelled images are looked for even if the algorithm does not use them, and the
    masks that some have are read too.

    Args:
        config: A `Config`; it needs no `run_dir`.
        progress: Called as `progress(done, total)` after each image.

    Returns:
        A `DataCheck`. All problems are in it; the first does not end the check.

    Raises:
        UserError: There is nothing to check, or no telling which images belong to
            which part.
    """
    if config.dataset == "scenes":
        raise UserError(
            "--dataset: found 'scenes', which are drawn and need no check; expected a "
            "data set of files."
        )
    info, folder = dataset_info(config), open_folder(config)
    split, warnings = _split(config, folder)
    parts = _read(config, folder, split, info.num_classes, progress)
    copies = duplicates.find({part.name: part.files for part in parts})
    return DataCheck(
        dataset=config.dataset,
        data_dir=folder.data_dir,
        class_names=info.class_names,
        colours=info.colours,
        notes=notes(config, folder),
        parts=parts,
        other_problems=(
            *splits.overlaps(split),
            *_part_problems(config, parts, info.class_names),
            *duplicates.leaks(copies),
        ),
        warnings=(
            *warnings,
            *data_findings.class_warnings(parts, info.class_names),
            *data_findings.mask_warnings(parts),
            *palette_warnings(config, split),
            *data_findings.shared_masks(split),
            *data_findings.copy_warnings(copies),
        ),
    )


def _split(config, folder):
    """The `Split` with all masks that there are, and what is odd about it."""
    is_used = _needs_unlabelled(config) or pretext_task(config) is not None
    warnings = []
    # Where lists name all that the run needs, the folder has no layout of its own.
    only_lists = config.labelled_list and config.validation_list
    looks = bool(is_used or config.unlabelled_list or not only_lists)
    try:
        split = make_split(config, folder, uses_unlabelled=looks, allow_overlap=True)
    except UserError as error:
        if is_used:
            raise
        split = make_split(config, folder, uses_unlabelled=False, allow_overlap=True)
        warnings.append(f"unlabelled: left out, since this run needs none: {error}")
    if not split.unlabelled:
        return split, warnings
    try:
        # No training reads them, but another run may: with other lists, or a smaller
        # --labelled_ratio.
        masked = splits.with_spare_masks(
            folder, split.unlabelled, config.unlabelled_list
        )
        split = dataclasses.replace(split, unlabelled=masked)
    except UserError as error:
        warnings.append(f"unlabelled: masks beside the images are not read: {error}")
    return split, warnings


def _read(config, folder, split, num_classes, progress):
    examples = [getattr(split, name) for name in _PARTS]
    total, done, parts = sum(map(len, examples)), 0, []
    for name, chosen in zip(_PARTS, examples, strict=True):
        shown = None if progress is None else _shifted(progress, done, total)
        reader = None
        if chosen:
            reader = folder.make_reader(chosen, config.image_size or None)
        parts.append(_read_part(name, chosen, reader, num_classes, shown))
        done += len(chosen)
    return tuple(parts)


def _shifted(progress, before, total):
    """Progress in one part as that in all."""
    return lambda done, _: progress(before + done, total)


def _read_part(name, examples, reader, num_classes, progress):
    if reader is None:
        return Part(name, (), None, empty_report(num_classes))
    report = check_reader(reader, num_classes, progress, collect=True)
    part = Part(name, (), reader, report)
    usable = [examples[number].image for number in part.usable()]
    # Some images are records of larger files, and have names alone.
    files = tuple(image for image in usable if isinstance(image, pathlib.Path))
    return dataclasses.replace(part, files=files)


def _needs_unlabelled(config):
    return config.algorithm != "supervised"


def _part_problems(config, parts, class_names):
    """What makes a training refuse a part as a whole."""
    labelled, unlabelled, validation = parts
    for part in (labelled, validation):
        if part.report.labelled and not any(part.report.class_pixels):
            yield f"{part.name}: {no_class(part.reader)}"
    yield from _one_of_two(labelled, class_names)
    if unlabelled.reader is None and _needs_unlabelled(config):
        yield (
            f"unlabelled: there are no images, but --algorithm={config.algorithm} "
            "needs some; give a --labelled_ratio of 2 or more, an unlabelled list or "
            "folder, or --algorithm=supervised."
        )
    sizes = len(validation.report.sizes)
    if sizes > 1 and config.evaluation_batch_size > 1:
        yield (
            f"validation: the images have {sizes} sizes, so they cannot be "
            f"evaluated {config.evaluation_batch_size} at a time; set "
            "--evaluation_batch_size=1, or give an --image_size."
        )


def _one_of_two(labelled, class_names):
    """Masks of one class and "no class", where two classes are expected."""
    report = labelled.report
    counts = np.zeros(256, np.int64)
    counts[: len(report.class_pixels)] = report.class_pixels
    counts[IGNORE_LABEL] = report.ignored_pixels
    if report.labelled and any(report.class_pixels):
        name = labelled.reader.name(0)
        error = class_pixels.one_of_two(name, report.labelled - 1, counts, class_names)
        if error is not None:
            yield f"labelled: {error}"


def _to_json(report, class_names):
    sizes = sorted(report.sizes.items(), key=lambda item: (-item[1], item[0]))
    return {
        "images": report.images,
        "labelled": report.labelled,
        "sizes": [[*size, count] for size, count in sizes],
        "class_pixels": dict(zip(class_names, report.class_pixels, strict=True)),
        "class_images": dict(zip(class_names, report.class_images, strict=True)),
        "ignored_pixels": report.ignored_pixels,
        "problems": list(report.problems),
    }


def _spread(numbers, count):
    """Up to `count` of the numbers, spread evenly over them."""
    places = np.linspace(0, len(numbers) - 1, min(count, len(numbers)))
    return [numbers[place] for place in places.astype(int).tolist()]
