"""The table of a run's exports and evaluations: agreement, size, latency, memory."""

from selene_tf.reports import html

_KINDS = {
    "saved_model": "SavedModel",
    "tflite": "TFLite",
    "onnx": "ONNX",
    "run": "Keras",
}


def table(run):
    """Everything that was measured of a `RunContent`; "" if that is nothing."""
    rows = [_export_row(export) for export in run.exports]
    rows += [
        _evaluation_row(name, content)
        for name, content in run.evaluations.items()
        if content["latency_ms"] is not None
    ]
    if not rows:
        return ""
    heads = ["file", "format", "MB", "labels agree", "mIoU", "95 % over images"]
    heads += ["boundary F", "ms an image", "ms, 95 %", "MB of memory", "timed on"]
    return (
        "<h3>Exports and evaluations</h3><p>An export is compared with its network "
        "on some of the images, an evaluation scores all of them. Memory is that of "
        "the whole process.</p>" + html.table(heads, rows, text_columns=(0, 10))
    )


def _export_row(export):
    kind = _KINDS.get(export["format"], export["format"])
    if export["quantization"] != "none":
        kind = f"{kind} {export['quantization']}"
    return [
        export["file"],
        kind,
        _scaled(export["bytes"], 1e6, ".2f"),
        f"{100 * export['agreement']:.2f} %",
        *_measured(export, ""),
    ]


def _evaluation_row(name, content):
    boundary = ""
    if content["boundary"] is not None:
        boundary = f"{content['boundary'][0]:.4f} ({content['boundary'][1]} px)"
    return [
        f"evaluation {name}",
        _KINDS.get(content["kind"], content["kind"]),
        _scaled(content["bytes"], 1e6, ".2f"),
        "",
        *_measured(content, boundary),
    ]


def _measured(content, boundary):
    """Cells from the mean IoU on."""
    return [
        _scaled(content["mean_iou"], 1, ".4f"),
        html.interval(content["interval"]),
        boundary,
        _scaled(content["latency_ms"], 1, ".1f"),
        _scaled(content["latency_ms_p95"], 1, ".1f"),
        _scaled(content["peak_memory_bytes"], 1e6, ",.0f"),
        content["timed_on"],
    ]


def _scaled(value, unit, form):
    return "" if value is None else format(value / unit, form)
