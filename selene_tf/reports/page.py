"""A report as one page of HTML that needs nothing from elsewhere."""

from selene_tf.reports import charts, html, run_section
from selene_tf.reports.page_style import STYLE

# What differs between any two runs and says nothing.
_TRIVIAL = ("run_dir",)


def render(runs, differences=(), studies=(), title="Report"):
    """Renders the page of one or more runs.

    Args:
        runs: `RunContent`s, one or more.
        differences: (name of a run, name of another, what they differ by): difference,
            low and high of the mean IoU, or a reason why there is none.
        studies: Of each study {"heads", "lines", "pivot_heads", "pivot", "control"}:
            its table, one with subsets in columns, and the name of its control.
        title: Of the page.

    Returns:
        HTML, a text.
    """
    parts = [f"<h1>{html.escape(title)}</h1>"]
    parts += [_study(study) for study in studies]
    parts += [_overview(runs), _differences(differences)]
    if len(runs) > 1:
        parts.append(_cost_chart(runs))
        parts.append(_changed_settings(runs))
        parts.append(_navigation(runs))
    parts += [run_section.section(run, number) for number, run in enumerate(runs)]
    body = "".join(parts)
    # On paper a run alone shows all its settings, of many they would fill a book.
    is_alone = len(runs) == 1
    return html.page(
        title, STYLE, f'<main class="alone">{body}</main>' if is_alone else body
    )


def _study(study):
    table = html.table(study["heads"], study["lines"], caption="study")
    control = study.get("control")
    control = f"the control, {html.escape(control)}," if control else "a control"
    pivot = html.table(study["pivot_heads"], study["pivot"], caption="mean IoU")
    return (
        "<h2>Study</h2><p>Mean IoU, mean ± standard deviation over the seeds.</p>"
        f"{pivot}<h3>Differences and costs</h3><p>Differences to {control} are in "
        "points, run by run of the same seed. 95 % intervals: of the mean IoU over "
        "draws of images, of the difference over the seeds (Student's t) and over "
        f"draws of images.</p>{table}"
    )


def _overview(runs):
    heads = ["run", "network", "algorithm", "mIoU", "95 % over images", "MMACs"]
    return f"<h2>{'Runs' if len(runs) > 1 else 'Run'}</h2>" + html.table(
        [*heads, "min", "max", "parameters", "seconds"],
        [_overview_row(run) for run in runs],
        (0,),
        caption="runs",
    )


def _overview_row(run):
    first = [
        run.name,
        run.network,
        run.flags.get("algorithm", ""),
        "" if run.mean_iou is None else f"{run.mean_iou:.4f}",
    ]
    summary = run.summary
    if summary is None:
        return [*first, "", "", "", "", "", f"step {run.step}, no end"]
    macs = [f"{summary['macs'][k] / 1e6:,.1f}" for k in ("mean", "min", "max")]
    costs = [*macs, f"{summary['parameters']:,}", f"{summary['seconds']:,.0f}"]
    return [*first, html.interval(summary["interval"]), *costs]


def _differences(differences):
    if not differences:
        return ""
    rows = [
        [f"{name} - {other}", *_difference(result)]
        for name, other, result in differences
    ]
    return (
        "<h3>Differences on the same images</h3><p>Mean IoU in points; in brackets "
        "what 95 % of the draws of images would give. One training each: another seed "
        "may differ by more.</p>"
        + html.table(["runs", "points", "95 % over images"], rows, (0,))
    )


def _difference(result):
    if isinstance(result, str):
        return ["", result]
    mean, low, high = result
    if low is None:
        return [f"{100 * mean:+.2f}", "too few images"]
    return [f"{100 * mean:+.2f}", f"[{100 * low:+.2f}, {100 * high:+.2f}]"]


def _cost_chart(runs):
    points = [
        (run.name, run.summary["macs"]["mean"], run.summary["mean_iou"])
        for run in runs
        if run.summary is not None
    ]
    if not points:
        return ""
    chart = charts.cost_and_score(points, "cost")
    caption = "Circles are on the Pareto front; without one MACs hardly differ."
    return html.grid([html.figure(chart, caption)])


def _changed_settings(runs):
    names = [
        name
        for name in dict.fromkeys(name for run in runs for name in run.flags)
        if name not in _TRIVIAL and len({run.flags.get(name) for run in runs}) > 1
    ]
    if not names:
        return "<h3>Settings</h3><p>The runs have the same settings.</p>"
    rows = [[run.name, *(run.flags.get(name, "") for name in names)] for run in runs]
    return "<h3>Settings that differ</h3>" + html.table(["run", *names], rows)


def _navigation(runs):
    links = "".join(
        f'<a href="#run-{number}">{html.escape(run.name)}</a>'
        for number, run in enumerate(runs)
    )
    return f"<nav>{links}</nav>"
