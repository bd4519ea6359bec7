"""A study's table as text, Markdown, JSON and CSV."""

import csv
import dataclasses
import io

_HEADS = (
    *(
        "subset",
        "variant",
        "seeds",
        "mIoU",
        "its 95 % over images",
        "difference, points",
    ),
    *("95 % over seeds", "95 % over images", "MMACs", "parameters", "seconds"),
)


def cells(rows, splits=()):
    """The table as texts: a list of its heads, and a list of lists.

    Args:
        rows: `Row`s of a study.
        splits: Further splits that runs were scored on.
    """
    heads = list(_HEADS)
    heads[5:5] = [f"mIoU ({split})" for split in splits]
    return heads, [_cells(row, splits) for row in rows]


def _cells(row, splits):
    difference = row.difference
    over_seeds = difference and difference.over_seeds
    return [
        row.subset,
        row.variant,
        str(len(row.seeds)),
        score(row.mean_iou["val"]),
        _interval(row.over_images, ".3f", 1),
        *(score(row.mean_iou.get(split)) for split in splits),
        "" if not difference else f"{100 * over_seeds.mean:+z.1f}",
        _interval(over_seeds and over_seeds.interval),
        _interval(difference and difference.over_images),
        f"{row.macs / 1e6:,.1f}",
        f"{row.parameters:,}",
        f"{row.seconds:,.0f}",
    ]


def score(spread):
    """A mean with its standard deviation, or nothing.

    Args:
        spread: A `Spread`, or None.
    """
    if spread is None:
        return ""
    if spread.deviation is None:
        return f"{spread.mean:.3f}"
    return f"{spread.mean:.3f} ± {spread.deviation:.3f}"


def _interval(interval, form="+z.1f", scale=100):
    """In points by default."""
    if interval is None:
        return ""
    return "[" + ", ".join(format(scale * end, form) for end in interval) + "]"


def to_text(rows, splits=()):
    """Formats the table for a terminal."""
    heads, lines = cells(rows, splits)
    widths = [max(map(len, column)) for column in zip(heads, *lines, strict=True)]
    return "\n".join(
        "  ".join(
            cell.ljust(width) for cell, width in zip(line, widths, strict=True)
        ).rstrip()
        for line in (heads, *lines)
    )


def to_markdown(rows, splits=()):
    """Formats the table for a page of docs/."""
    heads, lines = cells(rows, splits)
    rules = ["---"] * len(heads)
    return "\n".join(f"| {' | '.join(line)} |" for line in (heads, rules, *lines))


def to_json(rows):
    """The rows with all digits, for JSON; shares, not points."""
    return [dataclasses.asdict(row) for row in rows]


def to_csv(rows, splits=()):
    """The rows as CSV with all digits, a line each."""
    output = io.StringIO()
    writer = csv.writer(output, lineterminator="\n")
    names = ("subset", "variant", "seeds", "macs", "parameters", "seconds")
    scored = ("val", *splits)
    writer.writerow(
        [
            *names,
            *(f"mean_iou_{split}{part}" for split in scored for part in ("", "_sd")),
            *("mean_iou_images_low", "mean_iou_images_high"),
            *("difference", "seeds_low", "seeds_high", "images_low", "images_high"),
        ]
    )
    for row in rows:
        own = [getattr(row, name) for name in names]
        own[2] = len(row.seeds)
        writer.writerow([*own, *_numbers(row, scored)])
    return output.getvalue()


def _numbers(row, scored):
    numbers = []
    for split in scored:
        spread = row.mean_iou.get(split)
        numbers += [spread and spread.mean, spread and spread.deviation]
    missing = (None, None)
    numbers += row.over_images or missing
    if row.difference is None:
        return [*numbers, *[None] * 5]
    over_seeds = row.difference.over_seeds
    return [
        *numbers,
        over_seeds.mean,
        *(over_seeds.interval or missing),
        *(row.difference.over_images or missing),
    ]
