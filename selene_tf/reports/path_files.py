"""Several paths beside each other: a table of what they cost, and their files."""

import json

from selene_tf.architectures import routing_path
from selene_tf.reports import path_drawing


def table(paths):
    """A line for each path: its MACs and parameters, and its share of the supernet's.

    Args:
        paths: Name to `RoutingPath`, one or more of the same network.
    """
    width = max(map(len, (*paths, "supernet")))
    first = next(iter(paths.values())).metadata
    height, wide = first["image_size"]
    rows = [
        _row(
            "supernet", first["supernet_macs"], first["supernet_parameters"], 1.0, width
        )
    ]
    for name, path in paths.items():
        macs, parameters = path.metadata["macs"], path.metadata["parameters"]
        share = macs / first["supernet_macs"]
        rows.append(_row(name, macs, parameters, share, width))
    return "\n".join([f"one image of {height}x{wide}", *rows])


def write(paths, folder):
    """Writes each path as NAME.json and NAME.png into a folder, made if missing."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, path in paths.items():
        path_drawing.draw(path, folder / f"{name}.png")
        text = json.dumps(routing_path.to_json(path), indent=2)
        temporary = folder / f".{name}.json.part"
        temporary.write_text(text + "\n", encoding="utf-8")
        temporary.replace(folder / f"{name}.json")


def _row(name, macs, parameters, share, width):
    return (
        f"{name:{width}}  {macs / 1e6:12,.1f} MMACs  {share:6.1%}  "
        f"{parameters:12,} parameters"
    )
