"""Plotting a training: scores and losses over the steps."""

from matplotlib.figure import Figure

_NO_LOSS = {
    *("step", "learning_rate", "images_per_second", "gradient_norm", "loss"),
    *("confident_share", "confident_classes"),
}


def draw(lines, file):
    """Plots scores and losses of a training over its steps.

    Args:
        lines: The lines of log.jsonl, a dict each, in order.
        file: The PNG to write.
    """
    figure = Figure(figsize=(10, 3.6), layout="constrained")
    left, right = figure.subplots(1, 2)
    scores = [line for line in lines if "mean_iou" in line]
    losses = [line for line in lines if "loss" in line]
    for name in _names(scores, "mean_iou_"):
        _plot(left, scores, name, name.removeprefix("mean_iou_"), marker="o")
    for name in [n for n in _names(losses, "") if n not in _NO_LOSS]:
        _plot(right, losses, name, name)
    left.set_title("mean IoU on the validation images")
    right.set_title("losses, as they enter the sum")
    right.set_yscale("log")
    for axes in (left, right):
        axes.set_xlabel("step")
        axes.grid(alpha=0.3)
        if axes.lines:
            axes.legend()
    figure.savefig(file, dpi=110)


def _names(lines, prefix):
    return sorted({name for line in lines for name in line if name.startswith(prefix)})


def _plot(axes, lines, name, label, marker=None):
    points = [
        (line["step"], line[name]) for line in lines if line.get(name) is not None
    ]
    if points:
        axes.plot(*zip(*points, strict=True), label=label, marker=marker, markersize=4)
