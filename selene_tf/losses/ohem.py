"""Cross entropy of the hardest pixels alone: online hard example mining.

A file of its own and not one of `losses`, since its images depend on each other:
which pixels are hard is decided over the batch of all replicas.
"""

from keras import ops

from selene_tf.losses.class_weights import label_weights
from selene_tf.losses.segmentation import at_least_float32


def ohem_cross_entropy(  # noqa: PLR0913 (the published choices, and the replicas)
    labels,
    logits,
    min_share,
    threshold=0.7,
    ignore_label=255,
    gather=lambda values: values,
    weight=None,
    class_weights=None,
):
    """Cross entropy, averaged over the pixels that the network gets wrong.

    Online hard example mining, Shrivastava et al. 2016,
    https://arxiv.org/abs/1604.03540. SELENE, section 3, takes it or the plain loss
    "depending on the dataset"; in its lineage, TorchSemiSeg, whose rule this is,
    it belongs to Cityscapes.

    A pixel is kept if the probability of its label is at most the larger of
    `threshold` and of the probability at rank `min_share` of all pixels, lowest
    first, those without a label counted as certain. So at least that share is kept.
    Where fewer pixels have a label at all, each of these is kept; where none has
    one, the loss is 0.

    The batch is that of all replicas, and the loss one mean over what is kept of
    it, as `losses.cross_entropy` is one over all labelled pixels.

    Args:
        labels: Integers (batch, height, width), its shape static;
            `ignore_label` is left out.
        logits: (batch, height, width, classes).
        min_share: Share of the pixels to keep at least, in [0, 1]. Published for
            Cityscapes: 50 000 pixels of a crop of 800 x 800, which is 0.078125.
        threshold: Probability of the label up to which a pixel is always hard.
        ignore_label: The id of pixels without a label.
        gather: Function from a replica's tensor to those of all replicas, one after
            the other along axis 0, with a static shape. Every replica has to have
            a batch of the same shape. Without it there is one replica.
        weight: What a labelled pixel counts in `cross_entropy`, for which this stands;
            not used, since the mean is over the pixels that are kept.
        class_weights: What a kept pixel of each class counts in that mean; None for 1.
            Which pixels are hard does not depend on it.

    Returns:
        (batch,) in float32 or better: the sum over each image's kept pixels, times the
        number of images and over the number of kept pixels of all replicas (or the sum
        of their weights). Its plain mean over all images is the mean over all kept
        pixels.

    Raises:
        ValueError: `min_share` is not in [0, 1], or a shape is not static.
    """
    del weight
    _check_share(min_share)
    _check_static("labels", labels)
    labelled = labels != ignore_label
    # As in `losses.cross_entropy`: a label out of range is NaN under XLA.
    safe = ops.where(labelled, labels, 0)
    pixels = ops.sparse_categorical_crossentropy(
        safe, at_least_float32(logits), from_logits=True
    )
    kept = _hard(ops.stop_gradient(pixels), labelled, min_share, threshold, gather)
    kept = ops.cast(kept, pixels.dtype)
    kept *= label_weights(labels, class_weights, ignore_label, pixels.dtype)
    numbers = gather(ops.sum(kept, axis=(1, 2)))
    total = ops.sum(numbers)
    scale = numbers.shape[0] / ops.where(total > 0, total, 1.0)
    return ops.sum(pixels * kept, axis=(1, 2)) * scale


def _hard(pixels, labelled, min_share, threshold, gather):
    """Where to learn: bool (batch, height, width), from the cross entropies."""
    numbers = gather(ops.sum(ops.cast(labelled, "float32"), axis=(1, 2)))
    _check_static("the gathered tensor", numbers)
    _, height, width = labelled.shape
    min_kept = round(min_share * numbers.shape[0] * height * width)
    probabilities = ops.where(labelled, ops.exp(-pixels), 1.0)
    limit = ops.maximum(threshold, _at_rank(probabilities, min_kept, gather))
    hard = ops.logical_or(probabilities <= limit, ops.sum(numbers) < min_kept)
    return ops.logical_and(hard, labelled)


def _at_rank(values, rank, gather):
    """The value at a rank among those of all replicas, lowest first, from rank 1.

    It is one of some replica's own lowest `rank` values, so only these have to
    travel, and nothing is sorted in full. Rank 0 asks for no pixel: 0.
    """
    if not rank:
        return 0.0
    values = -ops.reshape(values, (-1,))
    own = ops.top_k(values, min(rank, values.shape[0]), sorted=False)[0]
    return -ops.min(ops.top_k(gather(own), rank, sorted=False)[0])


def _check_share(min_share):
    if not 0 <= min_share <= 1:
        raise ValueError(f"min_share must be in [0, 1], but is {min_share}.")


def _check_static(name, tensor):
    shape = tuple(tensor.shape)
    if None in shape:
        raise ValueError(
            f"How many pixels to keep is fixed when a step is traced, so {name} must "
            f"have a static shape, but it is {shape}. Batch with drop_remainder=True; "
            "a gather of replicas has to set the shape of what it returns."
        )
