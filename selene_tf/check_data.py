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

import dataclasses

from absl import flags

from selene_tf.cli import command, flagfile, output_file, progress
from selene_tf.config import Config
from selene_tf.reports import data_tables


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
    # Before minutes of reading.
    output_file.check_replaceable("report", values.report)
    output_file.check_replaceable("browse", values.browse, ".png")
    with command.suppress_startup_logs():
        from selene_tf.experiment import data_check, data_check_files

    with progress.bar() as show:
        check = data_check.check(config, show)
    command.say(data_tables.text(check))
    data_check_files.write(check, values.report, values.browse, values.num_browse)
    command.say(data_tables.conclusion(check))


if __name__ == "__main__":
    command.run(main, define_flags())
