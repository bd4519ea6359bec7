"""The part of a report's page that is about one run."""

import numpy as np

from selene_tf.reports import (
    architecture_drawing,
    charts,
    export_table,
    html,
    path_drawing,
    themed_svg,
)

# What is no loss among the numbers of log.jsonl.
_NO_LOSS = ("learning_rate", "images_per_second", "skipped_steps", "confident_share")
_MANY_CLASSES = 12
_SCORES = {"frequency_weighted_iou": "frequency-weighted IoU"}


def section(run, number):
    """Everything about a run.

    Args:
        run: A `RunContent`.
        number: Its place on the page.

    Returns:
        HTML.
    """
    parts = [
        f'<h2 id="run-{number}">{html.escape(run.name)}</h2>',
        f"<p>{html.escape(_headline(run))}</p>",
        html.grid(_curves(run, f"run-{number}")),
        _beside(_scores(run), _confusion(run)),
        _routing(run, f"run-{number}"),
        _examples(run, f"run-{number}"),
        export_table.table(run),
        html.details("All settings", _settings(run)),
    ]
    return f"<section>{''.join(parts)}</section>"


def _beside(*parts):
    inside = "".join(f"<div>{part}</div>" for part in parts if part)
    return f'<div class="two">{inside}</div>' if inside else ""


def _headline(run):
    steps = run.flags.get("steps", "?")
    asked = ", ".join(
        filter(
            None, [run.flags.get("dataset"), run.network, run.flags.get("algorithm")]
        )
    )
    if run.summary is None:
        return f"{asked}. Without an end: shown as far as step {run.step} of {steps}."
    summary = run.summary
    return (
        f"{asked}; {steps} steps, {summary['seconds']:,.0f} s. Scores are of the "
        f"{summary['deployed']} after the last step, {summary['protocol']}."
    )


def _curves(run, name):
    scores = {
        key.removeprefix("mean_iou_"): _points(run.log, key)
        for key in _keys(run.log)
        if key.startswith("mean_iou_")
    }
    losses = {
        key: _points(run.log, key)
        for key in _keys(run.log)
        if not key.startswith(("mean_iou", "gradient_norm")) and key not in _NO_LOSS
    }
    share = {"confident share": _varying(_points(run.log, "confident_share"))}
    rate = {"learning rate": _points(run.log, "learning_rate")}
    drawn = [
        charts.lines(scores, f"{name}-scores", "mean IoU, validation images"),
        charts.lines(losses, f"{name}-losses", "losses, as they enter the sum", True),
        charts.lines(rate, f"{name}-rate", "learning rate"),
        charts.lines(share, f"{name}-share", "confident share", limits=(0, 1.03)),
    ]
    return [html.figure(chart) for chart in drawn if chart]


def _keys(log):
    """Names of the numbers of a log, in the order in which they come."""
    keys = {}
    for line in log:
        keys |= dict.fromkeys(
            k for k, v in line.items() if k != "step" and not isinstance(v, dict)
        )
    return list(keys)


def _points(log, key):
    return [(line["step"], line[key]) for line in log if line.get(key) is not None]


def _varying(points):
    """The points, or none if all have one value, as without a threshold."""
    return points if len({value for _, value in points}) > 1 else []


def _scores(run):
    if run.summary is None:
        return ""
    summary = run.summary
    accuracies = _class_accuracies(run)
    rows = [
        [
            name,
            "absent" if score is None else f"{score:.4f}",
            html.bar(score or 0),
            accuracies.get(name, ""),
        ]
        for name, score in summary["iou"].items()
    ]
    rows.append(
        ["mean", f"{summary['mean_iou']:.4f}", html.bar(summary["mean_iou"]), ""]
    )
    heads = ["class", "IoU", "", "accuracy"]
    return (
        "<h3>Scores</h3>"
        + html.table(heads, rows, (2,), caption="IoU of each class")
        + f"<p>{html.escape(_other_scores(summary))}</p>"
    )


def _class_accuracies(run):
    """Share of each class's pixels that are right, as text by name."""
    if run.confusion is None:
        return {}
    totals, right = run.confusion.sum(1), np.diag(run.confusion)
    rows = zip(run.class_names, right, totals, strict=True)
    return {name: f"{own / all_:.4f}" if all_ else "" for name, own, all_ in rows}


def _other_scores(summary):
    networks = ", ".join(
        f"{name} {own['mean_iou']:.4f} {html.interval(own['interval'])}".strip()
        for name, own in summary["networks"].items()
    )
    others = ", ".join(
        f"{_SCORES.get(name, name.replace('_', ' '))} {value:.4f}"
        for name, value in summary["others"].items()
    )
    own = f"{summary['mean_iou']:.4f} {html.interval(summary['interval'])}".strip()
    return (
        f"Mean IoU {own}; in brackets what 95 % of the draws of other images would "
        f"give. {others}. Networks: {networks}."
    )


def _confusion(run):
    if run.confusion is None:
        return ""
    counts = np.asarray(run.confusion, np.float64)
    totals = counts.sum(1, keepdims=True)
    shares = np.divide(counts, totals, out=np.zeros_like(counts), where=totals > 0)
    heads = "".join(f"<th>{html.escape(name)}</th>" for name in run.class_names)
    rows = "".join(
        f"<tr><td>{html.escape(name)}</td>"
        + "".join(
            f'<td style="--share:{share:.3f}">{_percent(share)}</td>' for share in row
        )
        + "</tr>"
        for name, row in zip(run.class_names, shares, strict=True)
    )
    # Many classes in small type, so that they fit on paper.
    size = "matrix" if len(run.class_names) <= _MANY_CLASSES else "matrix small"
    return (
        "<h3>Confusion matrix</h3><p>Rows are the true classes; percent of their "
        f'pixels.</p><div class="scroll"><table class="{size}" '
        f'aria-label="confusion matrix"><thead><tr><th>true \\ predicted</th>{heads}'
        f"</tr></thead><tbody>{rows}</tbody></table></div>"
    )


def _percent(share):
    return "" if share < 0.0005 else f"{100 * share:.1f}"


def _routing(run, name):
    summary = run.summary or {}
    figures = []
    if run.path is not None:
        rule = run.path.metadata["rule"]
        drawn = _path(run.path, f"{name}-path", f"the discovered path ({rule})")
        figures.append(drawn)
    if run.architecture is not None:
        with themed_svg.style():
            drawn = architecture_drawing.figure(run.architecture)
            svg = themed_svg.render(drawn, f"{name}-architecture", "the architecture")
        caption = "The searched decoder: what each block computes and reads."
        figures.append(html.figure(svg, caption, wide=True))
    parts = []
    # Of gates that all images open alike there is nothing to see.
    if "open_macs" in summary and summary["macs"]["min"] < summary["macs"]["max"]:
        chart = charts.histogram(summary["open_macs"], f"{name}-macs")
        parts.append(html.figure(chart, "How much of the MACs each image opens."))
    if "levels" in summary:
        rows = [
            [
                level.replace("_", " "),
                f"{100 * use['images']:.0f} %",
                f"{use['cells']:.1f}",
            ]
            for level, use in summary["levels"].items()
        ]
        parts.append(
            html.table(["level", "images that use it", "cells an image computes"], rows)
        )
    if not figures and not parts:
        return ""
    title = "Routing" if run.architecture is None else "Decoder"
    return f"<h3>{title}</h3>{''.join(figures)}{html.grid(parts)}"


def _path(path, name, caption):
    with themed_svg.style():
        drawn = path_drawing.figure(path, scale=0.8)
        return html.figure(
            themed_svg.render(drawn, name, caption),
            f"Routes of {caption}: full lines are open, the thicker the stronger "
            "their mean gate; dotted ones are closed, dashed ones pass on.",
            wide=True,
        )


def _examples(run, name):
    if not run.examples:
        return ""
    legend = "".join(
        f'<span><i style="background:rgb({r},{g},{b})"></i>{html.escape(label)}</span>'
        for label, (r, g, b) in run.legend
    )
    figures = [
        html.figure(
            html.png(example.png, f"{example.kind} image {example.name}"),
            f"{example.kind}: {example.name}, mean IoU {example.mean_iou:.3f}",
        )
        for example in run.examples
    ]
    return (
        "<h3>Best, median and worst images</h3><p>Image, truth, prediction, and in red "
        f'where it is wrong.</p><div class="legend">{legend}</div>'
        f"{html.grid(figures)}{_single_routes(run, name)}"
    )


def _single_routes(run, name):
    """The routes of the first image of each kind."""
    first = {example.kind: example for example in reversed(run.examples)}
    paths = [
        _path(example.path, f"{name}-{kind}", f"the {kind} image {example.name}")
        for kind, example in first.items()
        if example.path is not None
    ]
    return html.details("Routes of single images", "".join(paths)) if paths else ""


def _settings(run):
    return html.table(["flag", "value"], list(run.flags.items()), text_columns=(1,))
