"""Scores of a training's networks, on the devices that train them."""

import math

from selene_tf.config.protocol import parse_protocol
from selene_tf.data.pipeline import batching
from selene_tf.errors import UserError
from selene_tf.evaluation import distributed, evaluate
from selene_tf.experiment.data import make_statistics_batches
from selene_tf.experiment.datasets import dataset_info
from selene_tf.training import precise_batch_norm


class Scorer:
    """Evaluates every network of an algorithm on the validation images.

    Args:
        config: The run's `Config`.
        devices: Its devices; each image is counted once on any number of them. Of
            several workers all have to call the scorer, and all get the same.
        algorithm: Its algorithm.
        data: Its sources.

    Raises:
        UserError: there are fewer batches than workers.
    """

    def __init__(self, config, devices, algorithm, data):
        self._size = data.validation.size
        _check_enough(config, devices, self._size)
        self._num_classes = dataset_info(config).num_classes
        self._protocol = parse_protocol(config.protocol)
        self._validation = batching.evaluation(
            data.validation, config.evaluation_batch_size, devices.share
        )
        self._strategy = devices.strategy if devices.replicas > 1 else None
        networks = algorithm.networks.items()
        # Traced with their first images. What reports on the run predicts with them
        # too, since tracing another one takes seconds.
        self.predictors = {
            name: evaluate.predictor(own, self._protocol) for name, own in networks
        }
        self._together = {
            name: distributed.predictor(own, self._strategy, self._protocol)
            for name, own in networks
            if self._strategy
        }

    def __call__(self):
        """Name of each network to its `Evaluation`."""
        if self._strategy is None:
            return {
                name: evaluate.evaluate(
                    predict, self._validation, self._num_classes, self._protocol
                )
                for name, predict in self.predictors.items()
            }
        return {
            name: distributed.evaluate(
                predict_all,
                self._validation,
                self._num_classes,
                self._size,
                self._strategy,
                self._protocol,
            )
            for name, predict_all in self._together.items()
        }


def renew_statistics(config, devices, algorithm, data):
    """Replaces every network's moving statistics, if --precise_bn_batches says so."""
    if not config.precise_bn_batches:
        return
    for network in algorithm.networks.values():
        batches = make_statistics_batches(config, data, devices)
        precise_batch_norm.recompute(network, batches)


def _check_enough(config, devices, num_images):
    batches = math.ceil(num_images / config.evaluation_batch_size)
    if batches < devices.num_workers:
        raise UserError(
            f"--evaluation_batch_size: found {config.evaluation_batch_size} for "
            f"{num_images} validation images and {devices.num_workers} workers; "
            "expected one batch or more for each of them."
        )
