"""Plotting a sweep: mIoU against MACs, with the Pareto front."""

from matplotlib.figure import Figure

_FRONT = "#c2410c"
_OTHER = "#64748b"


def draw(content, file):
    """Plots mean IoU against MACs of the networks of a sweep.

    Args:
        content: dict, the content of sweep.json.
        file: The PNG to write.
    """
    figure = Figure(figsize=(7, 4.6), layout="constrained")
    axes = figure.subplots()
    points = sorted(content["points"], key=lambda point: point["macs"])
    front = [point for point in points if point["on_front"]]
    axes.plot(*_places(front), color=_FRONT, linewidth=1.5, zorder=2, label="front")
    for chosen, colour in (
        (front, _FRONT),
        ([p for p in points if p not in front], _OTHER),
    ):
        axes.plot(*_places(chosen), "o", color=colour, zorder=3)
    for place in sorted(set(zip(*_places(points), strict=True))):
        # Targets may have the same path.
        names = [p["name"] for p in points if (p["macs"] / 1e6, p["mean_iou"]) == place]
        axes.annotate(
            "\n".join(names), place, (5, 6), textcoords="offset points", fontsize=8
        )
    height, width = content["image_size"]
    axes.set_xlabel(f"MMACs of an image, {height}x{width}")
    axes.set_ylabel(f"mean IoU, {content['images']} images ({content['split']})")
    axes.margins(x=0.15, y=0.12)
    axes.grid(alpha=0.3)
    axes.legend(loc="lower right")
    figure.savefig(file, dpi=120)


def _places(points):
    macs = [point["macs"] / 1e6 for point in points]
    return macs, [point["mean_iou"] for point in points]
