"""Scores of a training's networks, on the devices that train them."""

import math

from selene_tf.data.pipeline import batching
from selene_tf.errors import UserError
from selene_tf.evaluation import distributed, evaluate
from selene_tf.experiment.data import make_statistics_batches
from selene_tf.experiment.datasets import dataset_info
from selene_tf.training import precise_batch_norm


def make_scorer(config, devices, algorithm, data):
    """A function without arguments that evaluates every network of an algorithm.

    It returns {name: `Evaluation`}, each image counted once on any number of
    devices. Of several workers all have to call it, and all get the same.
    """
    _check_enough(config, devices, data.validation.size)
    num_classes = dataset_info(config).num_classes
    validation = batching.evaluation(
        data.validation, config.evaluation_batch_size, devices.share
    )
    if devices.replicas == 1:
        predictors = {
            name: evaluate.predictor(network)
            for name, network in algorithm.networks.items()
        }
        return lambda: {
            name: evaluate.evaluate(predict, validation, num_classes)
            for name, predict in predictors.items()
        }
    together = {
        name: distributed.predictor(network, devices.strategy)
        for name, network in algorithm.networks.items()
    }
    return lambda: {
        name: distributed.evaluate(
            predict_all,
            validation,
            num_classes,
            data.validation.size,
            devices.strategy,
        )
        for name, predict_all in together.items()
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
