"""Builds the networks, the algorithm and the optimiser of a `Config`."""

import contextlib
import dataclasses
import functools

import keras
import tensorflow as tf

from selene_tf import losses, networks
from selene_tf.algorithms import replicas
from selene_tf.algorithms.cross_pseudo import CrossPseudo
from selene_tf.algorithms.mean_teacher import MeanTeacher
from selene_tf.algorithms.pretext import PretextLoss
from selene_tf.algorithms.supervised import Supervised
from selene_tf.architectures import routing
from selene_tf.experiment import architecture
from selene_tf.experiment.data import pretext_task
from selene_tf.experiment.initial_state import InitialState
from selene_tf.layers import pretext_head
from selene_tf.losses import ohem
from selene_tf.losses.budget import Budget
from selene_tf.training import schedules
from selene_tf.training.sgd import TorchSGD


def make_network(  # noqa: PLR0913 (which network, and in which form)
    config, name, conditional=False, initial=InitialState(), deployed=False
):
    """Builds an untrained network, normalised for the weights that it will get.

    Args:
        config: The `Config`.
        name: Name of the Keras model.
        conditional: Whether it leaves out what an image closed.
        initial: The run's `InitialState`.
        deployed: Whether parts that only learn are left out.

    Raises:
        UserError: if it is conditional and has no routes.
    """
    wanted = architecture.architecture_of(config, initial.path)
    if deployed:
        wanted = architecture.deployed(wanted)
    if conditional:
        routing.check_has_routes(wanted, "conditional", "true", "--noconditional")
        wanted = dataclasses.replace(wanted, conditional=True)
    with _precision(config):
        return networks.build(
            wanted, name=name, synchronized=_is_shared(), colours=initial.colours
        )


def make_algorithm(config, initial=InitialState(), class_weights=None):
    """Builds and compiles the algorithm with its networks.

    Args:
        config: The `Config`.
        initial: The run's `InitialState`.
        class_weights: What `class_weights.resolve` returned.
    """
    keras.utils.set_random_seed(config.seed)
    names = network_names(config)
    models = [make_network(config, name, initial=initial) for name in names]
    shared = {
        "max_gradient_norm": config.max_gradient_norm,
        "supervised_loss": make_supervised_loss(config),
        "class_weights": class_weights,
        "budget": make_budget(config, initial.path),
        "pretext": make_pretext(config, dict(zip(names, models, strict=True))),
        "num_steps": config.steps,
        "accumulate_steps": config.accumulate_steps,
        "auxiliary_weight": config.auxiliary_weight,
    }
    match config.algorithm:
        case "supervised":
            algorithm = Supervised(*models, **shared)
        case "mean_teacher":
            algorithm = MeanTeacher(
                *models,
                make_ramp(config, config.consistency_weight),
                ema_momentum=config.ema_momentum,
                ema_warm_up=config.ema_warm_up,
                consistency_loss=make_consistency_loss(config),
                confidence_threshold=config.confidence_threshold,
                teacher_statistics=config.teacher_statistics,
                mask_padding=config.mask_padding,
                deployed=deployed_name(config),
                **shared,
            )
        case "cross_pseudo":
            algorithm = CrossPseudo(
                *models,
                make_ramp(config, config.cross_pseudo_weight),
                mask_padding=config.mask_padding,
                **shared,
            )
    optimizer = make_optimizer(config, models[0])
    algorithm.compile(optimizer=optimizer, jit_compile=config.jit_compile)
    algorithm.optimizer.build(algorithm.trainable_variables)
    return algorithm


def make_ramp(config, weight):
    """Makes the ramp of the weight of the loss between networks."""
    return schedules.ramp_up(
        weight, config.consistency_ramp_steps, config.consistency_ramp
    )


def make_supervised_loss(config):
    """Makes the supervised loss: cross entropy, or that of hard pixels."""
    if config.supervised_loss == "cross_entropy":
        return losses.cross_entropy
    return functools.partial(
        ohem.ohem_cross_entropy,
        min_share=config.ohem_min_share,
        threshold=config.ohem_threshold,
        gather=replicas.gather,
    )


def make_consistency_loss(config):
    """Makes the mean teacher's consistency loss."""
    if config.consistency == "pseudo_labels":
        return functools.partial(
            losses.pseudo_label_cross_entropy, threshold=config.confidence_threshold
        )
    return functools.partial(
        losses.consistency,
        reduction=config.consistency_reduction,
        threshold=config.confidence_threshold,
    )


def make_pretext(config, models):
    """Makes the pretext loss, with a head for each trained network, or None."""
    task = pretext_task(config)
    if task is None:
        return None
    # After all networks, whose first weights are then those without a head.
    with _precision(config):
        heads = {
            name: pretext_head.build_for(
                network, task.num_classes, f"{name}_head", _is_shared()
            )
            for name, network in models.items()
            if name != "teacher"
        }
    return PretextLoss(config.pretext, config.pretext_weight, heads)


def make_budget(config, path=None):
    """Makes the budget loss on the expected cost, or None.

    Along a path the expected cost is that of the pruned network. What counts as 1
    stays the whole network's, so that a target means the same before and after.
    """
    if not config.budget_weight:
        return None
    wanted = architecture.architecture_of(config, path)
    routing.check_has_routes(wanted, "budget_weight", config.budget_weight, "0")
    arguments = (*config.crop_size, "dynamic_routing")
    total = routing.macs_table(wanted.supernet, *arguments).searched
    table = routing.macs_table(wanted, *arguments)
    weight = schedules.budget_warm_up(
        config.budget_weight, config.steps, config.budget_start, config.budget_warm_up
    )
    total = float(config.budget_total or total)
    return Budget(table, total, config.budget_target, weight)


def make_schedule(config):
    """Makes the schedule of the learning rate."""
    return schedules.PolyWithWarmUp(
        config.learning_rate,
        config.steps,
        config.poly_power,
        config.warm_up_steps,
        config.warm_up_factor,
    )


def make_optimizer(config, network):
    """Makes SGD with the schedule of the learning rate.

    Args:
        config: The `Config`.
        network: One of the networks, whose encoder's weights are all networks'.
    """
    encoder = architecture.encoder_of(config)
    return TorchSGD(
        make_schedule(config),
        config.momentum,
        config.weight_decay,
        config.gate_learning_rate_multiplier,
        config.encoder_learning_rate_multiplier,
        [v.path for v in network.get_layer(encoder).variables] if encoder else (),
    )


def network_names(config):
    """Names of the algorithm's networks, the student or first one first."""
    return {
        "supervised": ("student",),
        "mean_teacher": ("student", "teacher"),
        "cross_pseudo": ("first", "second"),
    }[config.algorithm]


def deployed_name(config):
    """Name of the network that is reported and exported."""
    if config.deploy != "auto":
        return config.deploy
    return "teacher" if config.algorithm == "mean_teacher" else network_names(config)[0]


def _is_shared():
    """Whether several replicas have to share their batch statistics."""
    return tf.distribute.get_strategy().num_replicas_in_sync > 1


@contextlib.contextmanager
def _precision(config):
    """Layers that are made inside compute in the run's precision."""
    before = keras.config.dtype_policy()
    if config.mixed_precision == "bfloat16":
        keras.config.set_dtype_policy("mixed_bfloat16")
    try:
        yield
    finally:
        keras.config.set_dtype_policy(before)
