"""Turns images into batches: the only file that shuffles, batches and prefetches.

The order is read -> augment -> batch -> prefetch, and everything random depends on
the seed and the number of the draw alone. A stream started at step s therefore
gives what an uninterrupted one would have given, without any state to save.
"""

import dataclasses
import os

import tensorflow as tf

from selene_tf.data.pipeline import views
from selene_tf.data.pipeline.sources import check_size
from selene_tf.errors import UserError

# Images read at the same time; the results come in order all the same.
_PARALLEL_READS = min(8, max(2, os.cpu_count() or 2))
_PREFETCHED_BATCHES = 2
# None of what is mapped has Python control flow on tensors; looking for some takes
# longer than tracing.
_without_autograph = tf.autograph.experimental.do_not_convert


@dataclasses.dataclass(frozen=True)
class WorkerShard:
    """Says which rows of each batch a process reads, of several that train together.

    Args:
        worker: Number of the process.
        num_workers: How many there are; each reads as many rows as the others.
        replicas: Devices of this process; each gets batches of its own, in order.
    """

    worker: int = 0
    num_workers: int = 1
    replicas: int = 1


def stream(source, batch_size, seed, start_step, augmentation):
    """Makes an endless data set of augmented batches from one source.

    Draw number k is the (k % size)-th of epoch k // size, and each epoch takes every
    image once, in an order of its own. Batches may reach over the end of an epoch.

    Args:
        source: A `sources.Source`.
        batch_size: Images a batch.
        seed: Two integers; sources that run side by side need different ones.
        start_step: Number of batches to leave out; costs nothing.
        augmentation: A `views.Augmentation`.

    Returns:
        A `tf.data.Dataset` of dicts of "image", float32 (batch, *crop_size, 3);
        "label", int32 (batch, *crop_size); "valid", bool (batch, *crop_size); and
        "pretext_label", int32 (batch,), if the augmentation has a task.

    Raises:
        UserError: The source is empty or the batch size is below 1.
    """
    _check_batch_size(batch_size)
    numbers = _numbers(batch_size, start_step, WorkerShard())
    return _finish(
        _batches(source, numbers, batch_size, seed, augmentation, views.labelled)
    )


def training(  # noqa: PLR0913 (two sources, and what `stream` needs of each)
    labelled,
    unlabelled,
    batch_size,
    seed,
    start_step,
    augmentation,
    shard=WorkerShard(),
):
    """Makes an endless data set of training batches.

    Args:
        labelled: `sources.Source` of images with labels.
        unlabelled: `sources.Source` of images whose labels are not used, or None.
        batch_size: Labelled images a batch; as many unlabelled ones are added.
        seed: An integer.
        start_step: Number of batches to leave out; costs nothing.
        augmentation: A `views.Augmentation`.
        shard: The rows that are wanted. A batch then holds those of one replica.

    Returns:
        A `tf.data.Dataset` of dicts as from `stream`; if there are unlabelled
        images with what `views.unlabelled` gives of them, names beginning with
        "unlabelled_", strong views mixed.

    Raises:
        UserError: A source is empty or the batch size is below 1.

    Example:
        >>> from selene_tf.data.pipeline.drawn_sources import from_scenes
        >>> run = from_scenes(4, 1, 2, (32, 48), use_unlabelled=True)
        >>> augmentation = views.Augmentation(crop_size=(32, 32))
        >>> dataset = training(run.labelled, run.unlabelled, 2, 0, 0, augmentation)
        >>> next(iter(dataset))["unlabelled_image"].shape
        TensorShape([2, 32, 32, 3])
    """
    _check_batch_size(batch_size)
    numbers = _numbers(batch_size, start_step, shard)
    rows = batch_size // shard.num_workers // shard.replicas
    batches = _batches(labelled, numbers, rows, (seed, 0), augmentation, views.labelled)
    if unlabelled is None:
        return _finish(batches)
    others = _batches(
        unlabelled, numbers, rows, (seed, 1), augmentation, views.unlabelled
    )
    if augmentation.strong_view:
        others = others.map(views.mix_strong_views)

    @_without_autograph
    def join(batch, other):
        named = {f"unlabelled_{name}": values for name, values in other.items()}
        return {**batch, **named}

    return _finish(tf.data.Dataset.zip(batches, others).map(join))


def evaluation(source, batch_size, shard=WorkerShard()):
    """Makes a data set of every image once, in order and not augmented.

    Args:
        source: A `sources.Source`.
        batch_size: Images a batch; the last may hold fewer.
        shard: Of several workers each gets whole batches, in turn.

    Returns:
        A `tf.data.Dataset` of dicts of "image", float32 (batch, height, width, 3),
        "label", int32 (batch, height, width), and "number", int64 (batch,), each
        image's place in the source.

    Raises:
        UserError: The source is empty or the batch size is below 1.
    """
    check_size(source.size)
    _check_batch_size(batch_size)

    @_without_autograph
    def draw(index):
        example = source.read(index)
        return {
            "image": tf.cast(example["image"], tf.float32),
            "label": tf.cast(example["label"], tf.int32),
            "number": index,
        }

    numbers = tf.data.Dataset.range(source.size).batch(batch_size)
    numbers = numbers.shard(shard.num_workers, shard.worker).unbatch()
    return _finish(
        numbers.map(draw, num_parallel_calls=_PARALLEL_READS).batch(batch_size)
    )


def _numbers(batch_size, start_step, shard):
    """Numbers of the draws that a process makes, from a step on."""
    numbers = tf.data.Dataset.counter(start_step * batch_size)
    if shard.num_workers == 1:
        return numbers
    rows = batch_size // shard.num_workers
    own = slice(shard.worker * rows, (shard.worker + 1) * rows)
    take_own = _without_autograph(lambda batch: batch[own])
    return numbers.batch(batch_size).map(take_own).unbatch()


def _batches(source, numbers, rows, seed, augmentation, view):
    check_size(source.size)

    @_without_autograph
    def draw(number):
        index, augmentation_seed = _choose(number, source.size, seed)
        example = source.read(index)
        return view(example, augmentation_seed, augmentation)

    examples = numbers.map(draw, num_parallel_calls=_PARALLEL_READS)
    return examples.batch(rows, drop_remainder=True)


def _choose(number, size, seed):
    """Returns the image of a draw and the seed of its augmentation."""
    order_seed, augmentation_seed = tf.unstack(
        tf.random.split(tf.constant(seed, tf.int64), 2)
    )
    epoch_seed = tf.random.fold_in(order_seed, number // size)
    # index_shuffle gives related orders for seeds that differ by a small number
    # (measured), and fold_in leaves the epoch as it is; split scrambles it.
    epoch_seed = tf.random.split(epoch_seed, 1)[0]
    index = tf.random.experimental.index_shuffle(number % size, epoch_seed, size - 1)
    return index, tf.random.fold_in(augmentation_seed, number)


def _finish(batches):
    options = tf.data.Options()
    options.deterministic = True
    return batches.prefetch(_PREFETCHED_BATCHES).with_options(options)


def _check_batch_size(batch_size):
    if batch_size < 1:
        raise UserError(f"The batch size is {batch_size}; give at least 1.")
