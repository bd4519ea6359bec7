"""The files that a check of a data set writes: a JSON report and a mosaic."""

from PIL import Image

from selene_tf.cli import output_file
from selene_tf.reports import mosaic
from selene_tf.training import run_folder


def write(check, report="", browse="", num_browse=24):
    """Writes what a `DataCheck` found.

    Args:
        check: The `DataCheck`.
        report: JSON file for all of it; empty for none.
        browse: PNG file for images under their masks; empty for none.
        num_browse: How many images that shows at most.

    Raises:
        UserError: A file cannot be written.
    """
    if report:
        with output_file.user_errors("report", report):
            run_folder.write_json(report, check.to_json())
    if browse:
        samples = check.samples(num_browse)
        image = mosaic.draw(samples, check.class_names, check.colours)
        with output_file.user_errors("browse", browse):
            Image.fromarray(image).save(browse)
