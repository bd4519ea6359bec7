"""The part of a report's page that is about one run."""

import numpy as np

from selene_tf.reports import charts, html, path_drawing, themed_svg

# What is no loss among the numbers of log.jsonl.
_NO_LOSS = ("learning_rate", "images_per_second", "skipped_steps", "confident_share")
_KINDS = {
    "saved_model": "SavedModel",
    "tflite": "TFLite",
    "onnx": "ONNX",
    "run": "Keras",
}


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
        _exports(run),
        html.details("All settings", _settings(run)),
    ]
    return f"<section>{''.join(parts)}</section>"


def _beside(*parts):
    inside = "".join(f"<div>{part}</div>" for part in parts if part)
    return f'<div class="two">{inside}</div>' if inside else ""


def _headline(run):
    steps = run.flags.get("steps", "?")
    if run.summary is None:
        return f"Without an end: shown as far as step {run.step} of {steps}."
    summary = run.summary
    deployed = summary.get("deployed", "network")
    return (
        f"{steps} steps, {summary['seconds']:,.0f} s; the {deployed} after the last "
        f"step, {summary['protocol']}."
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
    share = {"confident share": _points(run.log, "confident_share")}
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


def _scores(run):
    if run.summary is None:
        return ""
    summary = run.summary
    low, high = summary.get("mean_iou_interval", (None, None))
    interval = "" if low is None else f" [{low:.4f}, {high:.4f}]"
    rows = [
        [name, "absent" if score is None else f"{score:.4f}", html.bar(score or 0)]
        for name, score in summary["iou"].items()
    ]
    rows.append(["mean", f"{summary['mean_iou']:.4f}", html.bar(summary["mean_iou"])])
    others = ", ".join(
        f"{label} {summary[key]:.4f}"
        for key, label in (
            ("pixel_accuracy", "pixel accuracy"),
            ("mean_accuracy", "mean accuracy"),
            ("frequency_weighted_iou", "frequency-weighted IoU"),
        )
        if key in summary
    )
    networks = ", ".join(
        f"{name} {scores['mean_iou']:.4f}"
        for name, scores in summary.get("networks", {}).items()
    )
    return (
        "<h3>Scores</h3>"
        + html.table(["class", "IoU", ""], rows, (2,), caption="IoU of each class")
        + f"<p>Mean IoU {summary['mean_iou']:.4f}{interval}, in brackets what 95 % of "
        f"the draws of other images would give. {html.escape(others)}. Networks: "
        f"{html.escape(networks)}.</p>"
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
    return (
        "<h3>Confusion matrix</h3><p>Rows are the true classes; percent of their "
        'pixels.</p><div class="scroll"><table class="matrix" '
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
    parts = []
    if "open_macs" in summary:
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
    return f"<h3>Routing</h3>{''.join(figures)}{html.grid(parts)}"


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
    paths = [
        _path(example.path, f"{name}-image-{place}", f"the image {example.name}")
        for place, example in enumerate(run.examples)
        if example.path is not None and place % 2 == 0
    ]
    routes = html.details("Routes of single images", "".join(paths)) if paths else ""
    return (
        "<h3>Best, median and worst images</h3><p>Image, truth, prediction, and in red "
        f'where it is wrong.</p><div class="legend">{legend}</div>'
        f"{html.grid(figures)}{routes}"
    )


def _exports(run):
    rows = [_export_row(export) for export in run.exports]
    rows += [
        _evaluation_row(name, content)
        for name, content in run.evaluations.items()
        if "latency_ms" in content
    ]
    if not rows:
        return ""
    heads = ["file", "format", "MB", "labels agree", "mIoU", "ms an image", "ms, 95 %"]
    return "<h3>Exports and what they take</h3>" + html.table(
        [*heads, "MB of memory", "timed on"], rows, text_columns=(0, 8)
    )


def _export_row(export):
    quantization = export.get("quantization", "none")
    kind = _KINDS.get(export["format"], export["format"])
    check = export["check"]
    return [
        export["file"],
        kind if quantization == "none" else f"{kind} {quantization}",
        f"{export['bytes'] / 1e6:.2f}",
        f"{100 * check['label_agreement']:.2f} %",
        _or_nothing(check["mean_iou"], ".4f"),
        _or_nothing(export.get("latency_ms"), ".1f"),
        _or_nothing(export.get("latency_ms_p95"), ".1f"),
        "",
        export.get("timed_on", ""),
    ]


def _evaluation_row(name, content):
    kind = _KINDS.get(content.get("kind", "run"), "")
    size, peak = content.get("bytes"), content.get("peak_memory_bytes")
    return [
        f"evaluation {name}",
        kind,
        "" if size is None else f"{size / 1e6:.2f}",
        "",
        f"{content['mean_iou']:.4f}",
        f"{content['latency_ms']:.1f}",
        _or_nothing(content.get("latency_ms_p95"), ".1f"),
        "" if peak is None else f"{peak / 1e6:,.0f}",
        content.get("timed_on", ""),
    ]


def _or_nothing(value, form):
    return "" if value is None else format(value, form)


def _settings(run):
    return html.table(["flag", "value"], list(run.flags.items()), text_columns=(1,))
