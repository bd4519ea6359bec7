"""Checks all images of a data set: python -m selene_tf.check_data --flagfile=... .

Takes the flags of train.py, reads the images and masks that it would, each pixel, and
lists everything that a training could not use, or not well:

- images and masks that are missing, damaged, of another kind or size, and class ids
  that mean nothing;
- an image, by its name or its bytes, in two of the three parts: labelled, unlabelled,
  validation;
- parts without a labelled pixel; and, as warnings, classes that have no label, masks
  that have no class, and copies of an image within a part.

Without problems the exit status is 0, else 2. --report and --browse are written in both
cases.
"""

import contextlib
import dataclasses
import os
import pathlib
import sys

from absl import flags
from PIL import Image

from selene_tf.cli import command, flagfile, progress
from selene_tf.config import Config
from selene_tf.errors import UserError
from selene_tf.reports import mosaic
from selene_tf.training import run_folder

_SIZES_SHOWN = 3


def define_flags():
    """Makes the command's flags; returns their names."""
    flagfile.define_flags()
    flags.DEFINE_string("report", "", "JSON file to write what was found to.")
    flags.DEFINE_string(
        "browse", "", "PNG file to draw images to, with their masks laid over them."
    )
    flags.DEFINE_integer(
        "num_browse", 24, "How many images it shows.", lower_bound=1, upper_bound=1000
    )
    names = [field.name for field in dataclasses.fields(Config)]
    return [*names, "report", "browse", "num_browse"]


def main():
    values = flags.FLAGS
    config = flagfile.from_flags()
    _check_output("report", values.report)
    _check_output("browse", values.browse, ".png")
    with command.suppress_startup_logs():
        from selene_tf.experiment import data_check

    with progress.bar() as show:
        found = data_check.check(config, show)
    command.say(text(found))
    write(found, values.report, values.browse, values.num_browse)
    conclude(found)


def write(found, report, browse, num_browse):
    """Writes what a `DataCheck` found.

    Args:
        found: The `DataCheck`.
        report: JSON file for all of it; empty for none.
        browse: PNG file for images under their masks; empty for none.
        num_browse: How many images that shows at most.

    Raises:
        UserError: A file cannot be written.
    """
    if report:
        with _writing("report", report):
            run_folder.write_json(report, found.to_json())
    if browse:
        image = mosaic.draw(found.samples(num_browse), found.class_names, found.colours)
        with _writing("browse", browse):
            Image.fromarray(image).save(browse)


def conclude(found):
    """Says that all is well, or ends the command.

    Raises:
        UserError: There are problems; it says how many.
    """
    if not found.problems:
        command.say(f"no problems in {found.images:,} images")
        return
    # The one line of the error comes last even if both go to one file.
    sys.stdout.flush()
    others = len(found.other_problems)
    plural = "s" if others > 1 else ""
    if not found.unusable:
        raise UserError(
            f"{others} problem{plural} in {found.images:,} images; mend what is "
            "listed above"
        )
    besides = f", and {others} other problem{plural}" if others else ""
    raise UserError(
        f"{found.unusable:,} of {found.images:,} images cannot be used{besides}; "
        "mend or remove them (listed above)"
    )


def text(found):
    """What a `DataCheck` found, as text for the terminal.

    Returns:
        Tables of the parts and of the classes, then notes, warnings and problems,
        one line each.
    """
    reports = {part.name: part.report for part in found.parts}
    lines = [
        *(f"note: {note}" for note in found.notes),
        *(f"warning: {warning}" for warning in found.warnings),
        *found.problems,
    ]
    return "\n".join(
        [
            *_part_table(reports),
            "",
            *_class_table(found.class_names, reports),
            "",
            # The reason for a problem may hold a file name with a line break.
            *(" ".join(line.split()) for line in lines),
        ]
    )


def _part_table(reports):
    head = f"{'part':12}{'images':>10}{'labelled':>10}{'ignored':>9}  "
    yield head + "height x width (images)"
    for name, report in reports.items():
        ignored = _share(
            report.ignored_pixels, report.ignored_pixels + sum(report.class_pixels)
        )
        counts = f"{report.images:>10,}{report.labelled:>10,}{ignored:>9}"
        yield f"{name:12}{counts}  {_sizes(report.sizes)}".rstrip()


def _sizes(sizes):
    """The most frequent sizes, and how many others there are."""
    ordered = sorted(sizes.items(), key=lambda item: (-item[1], item[0]))
    shown = [f"{h} x {w} ({count:,})" for (h, w), count in ordered[:_SIZES_SHOWN]]
    others = len(ordered) - _SIZES_SHOWN
    return ", ".join(shown) + (f" and {others:,} other sizes" if others > 0 else "")


def _class_table(class_names, reports):
    """Shares of the pixels that have a class, and images, for each class."""
    width = max(len("class"), *map(len, class_names))
    used = [reports["labelled"], reports["validation"]]
    yield f"{'class':{width}}{'labelled':>12}{'images':>10}{'validation':>12}" + (
        f"{'images':>10}"
    )
    for number, name in enumerate(class_names):
        shares = [
            f"{_share(report.class_pixels[number], sum(report.class_pixels)):>12}"
            f"{report.class_images[number]:>10,}"
            for report in used
        ]
        yield f"{name:{width}}{''.join(shares)}"


def _share(part, total):
    if not total:
        return "-"
    share = f"{part / total:.2%}"
    return "<0.01%" if part and share == "0.00%" else share


def _check_output(flag, path, suffix=""):
    """Refuses, before minutes of reading, a file that cannot be written after them."""
    if not path:
        return
    folder = pathlib.Path(path).parent
    if not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UserError(
            f"--{flag}: '{folder}' is no folder that may be written to; expected a "
            "file in one that is."
        )
    is_file = os.path.isfile(path) or not os.path.lexists(path)
    if not is_file or not path.lower().endswith(suffix):
        ending = f" that ends in {suffix}" if suffix else ""
        raise UserError(
            f"--{flag}: found '{path}', expected the name of a file{ending}."
        )


@contextlib.contextmanager
def _writing(flag, path):
    try:
        yield
    except OSError as error:
        raise UserError(
            f"--{flag}: cannot write '{path}' ({run_folder.reason(error)}); expected a "
            "place with free space that may be written to."
        ) from None


if __name__ == "__main__":
    command.run(main, define_flags())
