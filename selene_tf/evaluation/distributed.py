"""Evaluation on all replicas of all workers together."""

import numpy as np
import tensorflow as tf

from selene_tf.config.protocol import WHOLE
from selene_tf.evaluation import evaluate as single
from selene_tf.evaluation import protocols
from selene_tf.evaluation.evaluate import Evaluation


def predictor(network, strategy, protocol=WHOLE):
    """Compiles the prediction on all replicas of this process, a batch for each.

    Args:
        network: A network of `networks.build`, made in the strategy's scope.
        strategy: A `tf.distribute.Strategy` of several replicas.
        protocol: The `Protocol` by which images are shown to it.

    Returns:
        A function from a list of batches of images, as many as there are replicas
        or fewer, to a list of dicts as `evaluate.predictor` gives them.
    """

    @tf.function(reduce_retracing=True, autograph=False)
    def run(batches):
        return strategy.run(
            lambda images: protocols.predict(network, images, protocol),
            args=(batches,),
        )

    local = len(strategy.extended.worker_devices)

    def predict_all(batches):
        # Replicas that are left over compute the first one again, and nobody looks.
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


def evaluate(  # noqa: PLR0913 (the sizes of what several processes share)
    predict_all, dataset, num_classes, num_images, strategy, protocol=WHOLE
):
    """Evaluates a network on all replicas of all workers, every image once.

    Args:
        predict_all: As `predictor` returns it.
        dataset: This worker's batches, as `batching.evaluation` makes them; one or
            more.
        num_classes: Number of classes.
        num_images: Images of all workers.
        strategy: The strategy of `predict_all`; all workers have to call this.
        protocol: That of `predict_all`.

    Returns:
        An `Evaluation` of all images, the same on each worker.

    Raises:
        UserError: if there is no labelled pixel in the whole set.
    """
    numbers = []
    own = single.count(_in_rounds(predict_all, dataset, strategy, numbers), num_classes)

    def of_all_images(values):
        # Each worker knows its own images; the sum has each in its place.
        everywhere = np.zeros((num_images, *values.shape[1:]), values.dtype)
        everywhere[np.concatenate(numbers)] = values
        return _sum_over_workers(everywhere, strategy)

    result = Evaluation(
        of_all_images(own.confusions),
        None if own.gates is None else of_all_images(own.gates),
        of_all_images(own.sizes),
        protocol,
    )
    single.check_labelled(result)
    return result


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
