"""The networks, the algorithm and the optimiser that a `Config` asks for."""

import keras

from selene_tf import schedules
from selene_tf.algorithms.mean_teacher import MeanTeacher
from selene_tf.algorithms.supervised import Supervised
from selene_tf.experiment.pictures import dataset_info
from selene_tf.networks import dynamic_routing
from selene_tf.optimizer import TorchSGD


def make_network(config, name):
    """An untrained supernet."""
    return dynamic_routing.build(
        num_classes=dataset_info(config).num_classes,
        channels=config.channels,
        num_layers=config.num_layers,
        name=name,
    )


def make_algorithm(config):
    """The algorithm with its networks, compiled and built."""
    keras.utils.set_random_seed(config.seed)
    student = make_network(config, "student")
    match config.algorithm:
        case "supervised":
            algorithm = Supervised(student, config.max_gradient_norm)
        case "mean_teacher":
            algorithm = MeanTeacher(
                student,
                make_network(config, "teacher"),
                schedules.ramp_up(
                    config.consistency_weight, config.consistency_ramp_steps
                ),
                config.max_gradient_norm,
                config.ema_momentum,
                deployed_name(config),
            )
    algorithm.compile(optimizer=make_optimizer(config), jit_compile=config.jit_compile)
    algorithm.optimizer.build(algorithm.trainable_variables)
    return algorithm


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
    return TorchSGD(make_schedule(config), config.momentum, config.weight_decay)


def deployed_name(config):
    """The network that is reported and exported."""
    if config.deploy != "auto":
        return config.deploy
    return "teacher" if config.algorithm == "mean_teacher" else "student"
