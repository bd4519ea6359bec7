"""Charts of a report's page, as SVG elements."""

import itertools

from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from selene_tf.reports import themed_svg
from selene_tf.reports.themed_svg import LINES

_SIZE = (4.4, 2.7)
# Lines differ without their colours too.
_DASHES = ("-", "--", "-.", ":", (0, (5, 1, 1, 1)), (0, (1, 2)))


def lines(series, name, title, log=False, limits=None):
    """Plots lines over training steps.

    Args:
        series: {label: list of (step, value)}; those without a value are left out.
        name: Distinguishes the chart from others on its page.
        title: What it shows.
        log: Whether values are on a logarithmic axis.
        limits: Lowest and highest value of the axis; None for those of the values.

    Returns:
        The chart as text; "" if there is nothing to plot.
    """
    series = {label: points for label, points in series.items() if points}
    if not series:
        return ""
    with themed_svg.style():
        figure, axes = _axes(title)
        for number, (label, points) in enumerate(series.items()):
            _plot(axes, points, number, label)
        axes.set_xlabel("step")
        axes.xaxis.set_major_locator(MaxNLocator(5, integer=True))
        if log and all(v > 0 for points in series.values() for _, v in points):
            axes.set_yscale("log")
        if limits:
            axes.set_ylim(*limits)
        if len(series) > 1 or next(iter(series)) != title:
            axes.legend(fontsize=8, frameon=False)
        return themed_svg.render(figure, name, title)


def _plot(axes, points, number, label):
    """One of several lines; no two have the same colour and dashes."""
    axes.plot(
        *zip(*points, strict=True),
        color=LINES[number % len(LINES)],
        linestyle=_DASHES[(number + number // len(LINES)) % len(_DASHES)],
        marker="o" if len(points) < 40 else "",
        markersize=3,
        linewidth=1.6,
        label=themed_svg.plain(label),
    )


def cost_and_score(points, name):
    """Plots mean IoU against MACs, with the Pareto front if the MACs differ.

    Args:
        points: List of (label, MACs of an image, mean IoU).
        name: Distinguishes the chart from others on its page.
    """
    front = pareto_front([(macs, score) for _, macs, score in points])
    with themed_svg.style():
        figure, axes = _axes("mean IoU against MACs")
        if _costs_differ(points):
            _front(axes, front)
        for label, macs, score in points:
            is_best = _costs_differ(points) and (macs, score) in front
            _mark(axes, label, macs / 1e6, score, is_best)
        axes.set_xlabel("MMACs an image")
        axes.set_ylabel("mean IoU")
        axes.margins(x=0.2, y=0.15)
        return themed_svg.render(figure, name, "mean IoU against MACs")


def _costs_differ(points):
    """Whether MACs differ by more than a network's gates do by chance, 2 %."""
    macs = [macs for _, macs, _ in points]
    return max(macs) > 1.02 * min(macs)


def _front(axes, front):
    axes.plot(
        *zip(*((macs / 1e6, score) for macs, score in front), strict=True),
        color=LINES[1],
        linewidth=1.4,
        drawstyle="steps-post",
        label="Pareto front",
    )
    axes.legend(fontsize=8, frameon=False, loc="lower right")


def _mark(axes, label, macs, score, is_best):
    kind, colour = ("o", LINES[1]) if is_best else ("s", LINES[0])
    axes.plot(macs, score, kind, color=colour, markersize=5)
    axes.annotate(
        themed_svg.plain(label),
        (macs, score),
        (4, 4),
        textcoords="offset points",
        size=7,
    )


def pareto_front(points):
    """The (cost, score) pairs that no other beats in both, cheapest first.

    Example:
        >>> pareto_front([(3, 0.5), (1, 0.4), (2, 0.3), (4, 0.5)])
        [(1, 0.4), (3, 0.5)]
    """
    front = []
    for macs, score in sorted(set(points), key=lambda point: (point[0], -point[1])):
        if not front or score > front[-1][1]:
            front.append((macs, score))
    return front


def histogram(content, name):
    """Plots how many images open which share of the MACs.

    Args:
        content: {"edges": n + 1 shares, "images": n numbers}.
        name: Distinguishes the chart from others on its page.
    """
    edges = [100 * edge for edge in content["edges"]]
    widths = [b - a for a, b in itertools.pairwise(edges)]
    with themed_svg.style():
        figure, axes = _axes("open MACs")
        axes.bar(edges[:-1], content["images"], widths, align="edge", color=LINES[0])
        axes.set_xlabel("share of the MACs with all gates open, %")
        axes.set_ylabel("images")
        axes.yaxis.set_major_locator(MaxNLocator(4, integer=True))
        return themed_svg.render(figure, name, "histogram of open MACs")


def _axes(title):
    figure = Figure(figsize=_SIZE, layout="constrained")
    axes = figure.subplots()
    axes.set_title(title, fontsize=10)
    axes.grid(alpha=0.6, linewidth=0.6)
    axes.set_axisbelow(True)
    for side in ("top", "right"):
        axes.spines[side].set_visible(False)
    return figure, axes
