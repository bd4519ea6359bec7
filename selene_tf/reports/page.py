"""A report as one page of HTML that needs nothing from elsewhere."""

from selene_tf.reports import charts, html, run_section
from selene_tf.reports.page_style import STYLE

# What differs between any two runs and says nothing.
_TRIVIAL = ("run_dir",)


def render(runs, differences=(), study=None, title="Report"):
    """Renders the page of one or more runs.

    Args:
        runs: `RunContent`s, one or more.
        differences: (name of a run, name of another, difference, low, high) of runs
            that were scored on the same images.
        study: Of a study, {"heads", "lines", "pivot_heads", "pivot"}: its table, and
            one with subsets in columns; or None.
        title: Of the page.

    Returns:
        HTML, a text.
    """
    parts = [f"<h1>{html.escape(title)}</h1>"]
    if study is not None:
        parts.append(_study(study))
    parts += [_overview(runs), _differences(differences)]
    if len(runs) > 1:
        parts.append(_cost_chart(runs))
        parts.append(_changed_settings(runs))
        parts.append(_navigation(runs))
    parts += [run_section.section(run, number) for number, run in enumerate(runs)]
    return html.page(title, STYLE, "".join(parts))


def _study(study):
    table = html.table(study["heads"], study["lines"], caption="study")
    pivot = html.table(study["pivot_heads"], study["pivot"], caption="mean IoU")
    return (
        "<h2>Study</h2><p>Mean IoU, mean ± standard deviation over the seeds. "
        "Differences to the control are in points, run by run of the same seed; the "
        "first interval is over the seeds (Student's t), the second over draws of "
        f"images.</p>{pivot}{html.details('Differences and costs', table)}"
    )


def _overview(runs):
    rows = []
    for run in runs:
        summary = run.summary or {}
        low, high = summary.get("mean_iou_interval", (None, None))
        macs = summary.get("macs", {})
        rows.append(
            [
                run.name,
                run.flags.get("network", "routing"),
                run.flags.get("algorithm", ""),
                "" if run.mean_iou is None else f"{run.mean_iou:.4f}",
                "" if low is None else f"[{low:.4f}, {high:.4f}]",
                f"{macs['mean'] / 1e6:,.1f}" if macs else "",
                f"{summary['parameters']:,}" if summary else "",
                f"{summary['seconds']:,.0f}" if summary else f"step {run.step}, no end",
            ]
        )
    heads = ["run", "network", "algorithm", "mIoU", "95 % over images", "MMACs"]
    return f"<h2>{'Runs' if len(runs) > 1 else 'Run'}</h2>" + html.table(
        [*heads, "parameters", "seconds"], rows, (0,), caption="runs"
    )


def _differences(differences):
    if not differences:
        return ""
    rows = [
        [f"{name} - {other}", f"{100 * mean:+.2f}", _interval(low, high)]
        for name, other, mean, low, high in differences
    ]
    return (
        "<h3>Differences on the same images</h3><p>Mean IoU in points; in brackets "
        "what 95 % of the draws of images would give. One training each: another seed "
        "may differ by more.</p>"
        + html.table(["runs", "points", "95 % over images"], rows, (0,))
    )


def _interval(low, high):
    return f"[{100 * low:+.2f}, {100 * high:+.2f}]"


def _cost_chart(runs):
    points = [
        (run.name, run.summary["macs"]["mean"], run.summary["mean_iou"])
        for run in runs
        if run.summary is not None
    ]
    if not points:
        return ""
    chart = charts.cost_and_score(points, "cost")
    return html.grid([html.figure(chart, "Circles are on the front.")])


def _changed_settings(runs):
    names = dict.fromkeys(name for run in runs for name in run.flags)
    rows = [
        [name, *(run.flags.get(name, "") for run in runs)]
        for name in names
        if name not in _TRIVIAL and len({run.flags.get(name) for run in runs}) > 1
    ]
    if not rows:
        return "<h3>Settings</h3><p>The runs have the same settings.</p>"
    heads = ["flag", *(run.name for run in runs)]
    return "<h3>Settings that differ</h3>" + html.table(heads, rows)


def _navigation(runs):
    links = "".join(
        f'<a href="#run-{number}">{html.escape(run.name)}</a>'
        for number, run in enumerate(runs)
    )
    return f"<nav>{links}</nav>"
