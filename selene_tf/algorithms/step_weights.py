"""What images and pixels count in the means of a step, over all replicas and parts."""

import tensorflow as tf

from selene_tf import losses
from selene_tf.algorithms import replicas


def add(batch, pixel_weights, prefixes):
    """Adds the weights of images and pixels to a batch.

    Args:
        batch: Dict of tensors by name.
        pixel_weights: Name to scalar, from `losses.pixel_weight`.
        prefixes: What the names of its images begin with.

    Returns:
        The batch with each pixel weight as (batch,), and with "pretext_weight",
        (batch,), of images that have pretext labels, from `losses.task_weights`.
    """
    size = batch["label"].shape[0] or tf.shape(batch["label"])[0]
    weights = {name: tf.fill([size], weight) for name, weight in pixel_weights.items()}
    for prefix in prefixes:
        labels = batch.get(f"{prefix}pretext_label")
        if labels is not None:
            weights[f"{prefix}pretext_weight"] = losses.task_weights(
                labels, replicas.gather
            )
    return {**batch, **weights}
