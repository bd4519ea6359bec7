"""Shows runs on one page: python -m selene_tf.report RUN [RUN ...] --output=FILE.html .

RUN is a run's folder, or a study's, whose runs are then all shown. The page needs
nothing from elsewhere: it can be sent, printed, and opened without a network. A run
without an end is shown as far as it went.
"""

import pathlib

from absl import flags

from selene_tf.cli import command, output_file
from selene_tf.errors import UserError


def define_flags():
    """Makes the command's flags; returns their names."""
    flags.DEFINE_string("output", "report.html", "The page, an .html file; replaced.")
    flags.DEFINE_string("title", "", "Of the page; empty: the folders' names.")
    return ["output", "title"]


def main(folders):
    values = flags.FLAGS
    if not folders:
        raise UserError(
            "RUN: found nothing, expected folders of runs, such as: python -m "
            "selene_tf.report runs/demo --output=report.html"
        )
    # An empty name has no suffix, and neither has ".html" alone.
    if pathlib.Path(values.output).suffix.lower() != ".html":
        raise UserError(
            f"--output: found '{values.output}', expected the name of a file that "
            "ends in .html, such as report.html."
        )
    output_file.check_replaceable("output", values.output)
    with command.suppress_startup_logs():
        from selene_tf.evaluation import report

    report.write(folders, values.output, values.title)
    command.say(f"wrote {values.output}")


if __name__ == "__main__":
    command.run(main, define_flags(), positional="RUN")
