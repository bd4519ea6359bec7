"""The networks, the algorithm and the optimiser that a `Config` asks for."""

import dataclasses

import keras

from selene_tf import pretrained, schedules
from selene_tf.algorithms.mean_teacher import MeanTeacher
from selene_tf.algorithms.supervised import Supervised
from selene_tf.experiment.pictures import dataset_info
from selene_tf.networks import dynamic_routing
from selene_tf.optimizer import TorchSGD
from selene_tf.search import cost
from selene_tf.search.budget import Budget
from selene_tf.topology import Structure


def structure(config):
    """What the network's size and costs follow from."""
    return Structure(
        num_classes=dataset_info(config).num_classes,
        channels=config.channels,
        num_layers=config.num_layers,
        small_gate=config.small_gate,
        gated=config.gated,
        pooling=config.pooling,
    )


def make_network(config, name, conditional=False):
    """An untrained supernet, with the normalisation of the weights to come."""
    colours = {}
    if config.init_checkpoint:
        colours = {
            "mean_colour": pretrained.OFFICIAL_MEAN,
            "colour_deviation": pretrained.OFFICIAL_DEVIATION,
            "colour_order": pretrained.OFFICIAL_ORDER,
        }
    return dynamic_routing.build(
        **dataclasses.asdict(structure(config)),
        drop_path=config.drop_path,
        conditional=conditional,
        name=name,
        **colours,
    )


def make_algorithm(config):
    """The algorithm with its networks, compiled and built."""
    keras.utils.set_random_seed(config.seed)
    student = make_network(config, "student")
    shared = {
        "max_gradient_norm": config.max_gradient_norm,
        "budget": make_budget(config),
        "num_steps": config.steps,
    }
    match config.algorithm:
        case "supervised":
            algorithm = Supervised(student, **shared)
        case "mean_teacher":
            algorithm = MeanTeacher(
                student,
                make_network(config, "teacher"),
                schedules.ramp_up(
                    config.consistency_weight, config.consistency_ramp_steps
                ),
                ema_momentum=config.ema_momentum,
                deployed=deployed_name(config),
                **shared,
            )
    algorithm.compile(optimizer=make_optimizer(config), jit_compile=config.jit_compile)
    algorithm.optimizer.build(algorithm.trainable_variables)
    return algorithm


def load_initial_weights(config, algorithm):
    """Fills the networks from --init_checkpoint.

    Returns:
        One line that says what was loaded; nothing without the flag.
    """
    if not config.init_checkpoint:
        return ""
    report = pretrained.load_dynamic_routing(
        algorithm.networks["student"],
        config.init_checkpoint,
        config.init_encoder_only,
        config.init_other_classes,
    )
    algorithm.begin()
    return report.line()


def make_budget(config):
    """The loss on the expected cost, or None."""
    if not config.budget_weight:
        return None
    height, width = config.crop_size
    table = cost.macs(
        **dataclasses.asdict(structure(config)),
        height=height,
        width=width,
        convention="dynamic_routing",
    )
    weight = schedules.budget_warm_up(
        config.budget_weight, config.steps, config.budget_start, config.budget_warm_up
    )
    total = config.budget_total or table.searched
    return Budget(table, float(total), config.budget_target, weight)


def make_schedule(config):
    """The learning rate by step."""
    return schedules.PolyWithWarmUp(
        config.learning_rate,
        config.steps,
        config.poly_power,
        config.warm_up_steps,
        config.warm_up_factor,
    )


def make_optimizer(config):
    """SGD on the schedule."""
    return TorchSGD(
        make_schedule(config),
        config.momentum,
        config.weight_decay,
        config.gate_learning_rate_multiplier,
    )


def deployed_name(config):
    """The network that is reported and exported."""
    if config.deploy != "auto":
        return config.deploy
    return "teacher" if config.algorithm == "mean_teacher" else "student"
