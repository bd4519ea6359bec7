"""The class weights that a `Config` asks for."""

from selene_tf import losses
from selene_tf.cli import progress
from selene_tf.config.class_weights import parse
from selene_tf.data.pipeline import label_counts
from selene_tf.errors import UserError
from selene_tf.experiment.datasets import dataset_info


def resolve(config, labelled):
    """The weights of the classes in the supervised loss.

    Args:
        config: The `Config`.
        labelled: `Source` of the labelled images, whose masks are counted for
            "median_frequency".

    Returns:
        A tuple of floats, one a class; or None if all count 1.

    Raises:
        UserError: There are other numbers of weights and of classes.
    """
    weights = parse(config.class_weights)
    if weights == "none":
        return None
    num_classes = dataset_info(config).num_classes
    if weights == "median_frequency":
        with progress.bar("counting classes") as show:
            counts = label_counts.count_by_image(labelled, num_classes, show)
        return losses.median_frequency(counts)
    if len(weights) != num_classes:
        raise UserError(
            f"--class_weights: found {len(weights)} numbers, expected one for each of "
            f"the {num_classes} classes: {', '.join(dataset_info(config).class_names)}."
        )
    return weights


def by_name(config, weights):
    """Class name to weight; empty where all count 1."""
    if weights is None:
        return {}
    names = dataset_info(config).class_names
    return {name: round(w, 6) for name, w in zip(names, weights, strict=True)}


def notes(config, weights):
    """The weights as a line for the start of a run; none where all count 1."""
    if weights is None:
        return []
    texts = [
        f"{name} {weight:.3g}" for name, weight in by_name(config, weights).items()
    ]
    return [f"note: class weights {', '.join(texts)}"]
