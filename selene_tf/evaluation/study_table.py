"""A study's table for a report, from the files that the study wrote."""

from selene_tf.training import run_folder


def read(folder):
    """Reads a study's table.

    Args:
        folder: The study's folder.

    Returns:
        {"heads", "lines"}: the whole table; {"pivot_heads", "pivot"}: the mean IoU with
        variants in rows and subsets in columns, as papers print it; {"control"}: the
        name of its control, "" or None without one.

    Raises:
        UserError: a file is missing or damaged.
    """
    content = run_folder.read_json(folder / "study.json", {"rows": list, "table": dict})
    pivot_heads, pivot = _pivot(content["rows"])
    own = {
        "pivot_heads": pivot_heads,
        "pivot": pivot,
        "control": content.get("control"),
    }
    return content["table"] | own


def _pivot(rows):
    subsets = list(dict.fromkeys(row["subset"] for row in rows))
    variants = list(dict.fromkeys(row["variant"] for row in rows))
    scores = {(row["variant"], row["subset"]): row["mean_iou"]["val"] for row in rows}
    table = [
        [variant, *(_score(scores.get((variant, subset))) for subset in subsets)]
        for variant in variants
    ]
    return ["mean IoU, %", *subsets], table


def _score(spread):
    if spread is None:
        return ""
    mean = f"{100 * spread['mean']:.2f}"
    if spread["deviation"] is None:
        return mean
    return f"{mean} ± {100 * spread['deviation']:.2f}"
