"""An evaluation as text for the terminal."""


def table(content):
    """Formats an evaluation: a line for each class, then the scores and the costs.

    Args:
        content: What `scoring.evaluate_run` or `evaluate_model` returned.
    """
    width = max(len(name) for name in content["iou"])
    rows = [
        f"{name:{width}}  {'absent' if score is None else format(score, '.4f')}"
        for name, score in content["iou"].items()
    ]
    return "\n".join(
        [
            *rows,
            f"{'mIoU':{width}}  {content['mean_iou']:.4f}  {_interval(content)}",
            f"{content['images']} images, {content['protocol']}",
            _other_scores(content),
            f"{_costs(content)}{_times(content)}",
        ]
    )


def _interval(content):
    counted = len(content["iou"]) - len(content["absent"])
    classes = f"over {counted} of {len(content['iou'])} classes"
    draws = content["draws"]
    blocks = "images" if draws == content["images"] else "blocks of images"
    if content["mean_iou_interval"] is None:
        return f"(no interval of {draws} {blocks}), {classes}"
    low, high = content["mean_iou_interval"]
    return f"[{low:.4f}, {high:.4f}] in 95 % of draws of {draws} {blocks}, {classes}"


def _other_scores(content):
    text = (
        f"pixel accuracy {content['pixel_accuracy']:.4f}, mean accuracy "
        f"{content['mean_accuracy']:.4f}, frequency-weighted IoU "
        f"{content['frequency_weighted_iou']:.4f}"
    )
    boundary = content.get("boundary_f_score")
    if boundary is None or boundary["mean"] is None:
        return text
    return (
        f"{text}, boundary F-score {boundary['mean']:.4f} (within "
        f"{boundary['tolerance']} pixels)"
    )


def _times(content):
    peak = content["peak_memory_bytes"]
    memory = f", {peak / 1e6:,.0f} MB of memory at most" if peak else ""
    closed = " without what it closed" if content["conditional"] else ""
    return (
        f"{content['latency_ms']:.1f} ms an image (95 % within "
        f"{content['latency_ms_p95']:.1f}){closed}{memory} ({content['timed_on']})"
    )


def _costs(content):
    macs, parameters = content["macs"], content["parameters"]
    text = "" if parameters is None else f"{parameters:,} parameters, "
    if macs is None:
        return text
    return (
        f"{macs['mean'] / 1e6:,.1f} MMACs an image (min {macs['min'] / 1e6:,.1f}, "
        f"max {macs['max'] / 1e6:,.1f}, all gates open {macs['supernet'] / 1e6:,.1f}), "
        + text
    )
