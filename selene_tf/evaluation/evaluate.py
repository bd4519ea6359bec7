"""Runs a network over images: confusion matrix, gates and sizes."""

import dataclasses

import numpy as np
import tensorflow as tf

from selene_tf.errors import UserError
from selene_tf.evaluation import metrics


@dataclasses.dataclass(frozen=True)
class Evaluation:
    """What a network did on a set of images.

    Attributes:
        confusion: int64 (classes, classes), labels in rows.
        gates: float32 (images, num_layers + 1, 4, 3), each image's gates; None for
            a model that has none, or does not tell them.
        sizes: int (images, 2), each image's height and width in pixels.
    """

    confusion: np.ndarray
    gates: np.ndarray | None
    sizes: np.ndarray

    @property
    def mean_iou(self):
        return metrics.mean_iou(self.confusion)


def predictor(network):
    """A compiled function from images to labels and gates.

    Args:
        network: A network of `networks.build`.

    Returns:
        A function from RGB images (batch, height, width, 3) in 0..255 to a
        dict: "labels", int32 (batch, height, width), and "gates", if it has any.
    """

    signature = [tf.TensorSpec((None, None, None, 3), tf.float32)]
    return tf.function(lambda images: _predict(network, images), signature)


def _predict(network, images):
    outputs = network(images, training=False)
    labels = tf.argmax(outputs["logits"], axis=-1, output_type=tf.int32)
    return {"labels": labels} | {k: v for k, v in outputs.items() if k == "gates"}


def parallel_predictor(network, strategy):
    """The same on all replicas of this process at once, a batch for each.

    Args:
        network: A network of `networks.build`, made in the strategy's scope.
        strategy: A `tf.distribute.Strategy` of several replicas.

    Returns:
        A function from a list of batches of images, as many as there are replicas
        or fewer, to a list of dicts as `predictor` gives them.
    """

    @tf.function(reduce_retracing=True)
    def run(batches):
        return strategy.run(lambda images: _predict(network, images), args=(batches,))

    local = len(strategy.extended.worker_devices)

    def predict_all(batches):
        # Those that are left over compute the first one again, and nobody looks.
        filled = iter([*batches, *[batches[0]] * (local - len(batches))])
        outputs = run(
            strategy.experimental_distribute_values_from_function(
                lambda _: next(filled)
            )
        )
        values = {k: strategy.experimental_local_results(v) for k, v in outputs.items()}
        return [
            {k: v[place] for k, v in values.items()} for place in range(len(batches))
        ]

    return predict_all


def evaluate(predict, dataset, num_classes):
    """Counts what a network gets right, every image once.

    Args:
        predict: As `predictor` returns it; "gates" may be missing.
        dataset: Batches of "image" and "label", as `batching.evaluation` makes
            them.
        num_classes: Number of classes.

    Returns:
        An `Evaluation`.

    Raises:
        UserError: if there is no labelled pixel in the whole set.
    """
    results = ((batch, predict(batch["image"])) for batch in dataset)
    confusion, gates, sizes = _count(results, num_classes)
    _check_labelled(confusion)
    return Evaluation(confusion, _joined(gates), np.concatenate(sizes))


def evaluate_together(predict_all, dataset, num_classes, num_images, strategy):
    """The same, on all replicas of all workers.

    Args:
        predict_all: As `parallel_predictor` returns it.
        dataset: This worker's batches, as `batching.evaluation` makes them; one or
            more.
        num_classes: Number of classes.
        num_images: Images of all workers.
        strategy: The strategy of `predict_all`; all workers have to call this.

    Returns:
        An `Evaluation` of all images, the same on each worker.

    Raises:
        UserError: if there is no labelled pixel in the whole set.
    """
    numbers = []
    results = _in_rounds(predict_all, dataset, strategy, numbers)
    confusion, gates, sizes = _count(results, num_classes)

    def of_all_images(values):
        # Each worker knows its own images; the sum has each in its place.
        everywhere = np.zeros((num_images, *values.shape[1:]), values.dtype)
        everywhere[np.concatenate(numbers)] = values
        return _sum_over_workers(everywhere, strategy)

    confusion = _sum_over_workers(confusion, strategy)
    gates = of_all_images(_joined(gates)) if gates else None
    sizes = of_all_images(np.concatenate(sizes))
    _check_labelled(confusion)
    return Evaluation(confusion, gates, sizes)


def _count(results, num_classes):
    """Confusion matrix, and by batch the gates, if any, and sizes of the images."""
    confusion = np.zeros((num_classes, num_classes), np.int64)
    gates, sizes = [], []
    for batch, outputs in results:
        labels = batch["label"].numpy()
        confusion += metrics.confusion_matrix(
            labels, outputs["labels"].numpy(), num_classes
        )
        if "gates" in outputs:
            gates.append(outputs["gates"].numpy())
        sizes.append(np.tile(labels.shape[1:], (len(labels), 1)))
    return confusion, gates, sizes


def _joined(batches):
    return np.concatenate(batches) if batches else None


def _check_labelled(confusion):
    if not confusion.sum():
        raise UserError(
            "found no labelled pixel in the images to evaluate; expected masks in "
            "which not every pixel has the ignore label."
        )


def _in_rounds(predict_all, dataset, strategy, numbers):
    """Each batch with its outputs, as many at a time as there are replicas here.

    The numbers of their images are added to `numbers`.
    """
    local, batches = len(strategy.extended.worker_devices), []
    for batch in dataset:
        batches.append(batch)
        numbers.append(batch["number"].numpy())
        if len(batches) == local:
            yield from _round(predict_all, batches)
            batches = []
    if batches:
        yield from _round(predict_all, batches)


def _round(predict_all, batches):
    outputs = predict_all([batch["image"] for batch in batches])
    return zip(batches, outputs, strict=True)


def _sum_over_workers(values, strategy):
    own = iter([values])
    # One of a worker's replicas brings its values, the others bring nothing.
    parts = strategy.experimental_distribute_values_from_function(
        lambda _: tf.convert_to_tensor(next(own, np.zeros_like(values)))
    )
    return strategy.reduce("SUM", parts, axis=None).numpy()
