"""What the check of a data set found, as text for the terminal."""

from selene_tf.errors import UserError

_SIZES_SHOWN = 3


def text(check):
    """Formats a `DataCheck`.

    Returns:
        Tables of the parts and of the classes, then notes, warnings and problems,
        one line each.
    """
    reports = {part.name: part.report for part in check.parts}
    lines = [
        *(f"note: {note}" for note in check.notes),
        *(f"warning: {warning}" for warning in check.warnings),
        *check.problems,
    ]
    return "\n".join(
        [
            *_part_table(reports),
            "",
            *_class_table(check.class_names, reports),
            "",
            # The reason for a problem may hold a file name with a line break.
            *(" ".join(line.split()) for line in lines),
        ]
    )


def conclusion(check):
    """One line that says that there are no problems.

    Raises:
        UserError: There are problems; it says how many.
    """
    if not check.problems:
        return f"no problems in {check.images:,} images"
    others = len(check.other_problems)
    plural = "s" if others > 1 else ""
    if not check.unusable:
        raise UserError(
            f"{others} problem{plural} in {check.images:,} images; mend what is "
            "listed above"
        )
    besides = f", and {others} other problem{plural}" if others else ""
    raise UserError(
        f"{check.unusable:,} of {check.images:,} images cannot be used{besides}; "
        "mend or remove them (listed above)"
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
    columns = [reports["labelled"], reports["validation"]]
    yield f"{'class':{width}}{'labelled':>12}{'images':>10}{'validation':>12}" + (
        f"{'images':>10}"
    )
    for number, name in enumerate(class_names):
        shares = [
            f"{_share(report.class_pixels[number], sum(report.class_pixels)):>12}"
            f"{report.class_images[number]:>10,}"
            for report in columns
        ]
        yield f"{name:{width}}{''.join(shares)}"


def _share(part, total):
    if not total:
        return "-"
    share = f"{part / total:.2%}"
    return "<0.01%" if part and share == "0.00%" else share
