"""Initial weights of a training: of the official code, or of an earlier run."""

import dataclasses
import pathlib

import keras

from selene_tf import networks as networks_room
from selene_tf import pretrained
from selene_tf.architectures import routing
from selene_tf.config.text import to_text
from selene_tf.errors import UserError
from selene_tf.experiment import architecture, initial_state
from selene_tf.experiment.datasets import dataset_info
from selene_tf.experiment.setup import deployed_name
from selene_tf.pretrained import applications
from selene_tf.training import run_folder
from selene_tf.training.checkpoints import Checkpoints

# Fields of an architecture that may differ from the earlier run's, or that are
# compared otherwise: the classes by name, the path by what it keeps.
_OWN_FIELDS = ("num_classes", "path", "drop_path", "conditional")


def check_earlier_run(config, path):
    """Checks that the run of --init_run has all weights that a training needs.

    Args:
        config: The training's `Config`.
        path: The `RoutingPath` that its network is built along, or None.

    Raises:
        UserError: if there is no such run, or its network is another one.
    """
    earlier = initial_state.settings_of(config.init_run, "init_run")
    names = _classes_of(config.init_run, earlier)
    wanted = list(dataset_info(config).class_names)
    # Which class is which is in the weights; what masks mean is not.
    if names != wanted and not config.init_other_classes:
        raise UserError(
            f"--init_run: found {config.init_run} with the classes {', '.join(names)}, "
            f"expected those of this run, {', '.join(wanted)}; for others pass "
            "--init_other_classes."
        )
    _check_architecture(config, earlier)
    if config.algorithm == "cross_pseudo" != earlier.algorithm:
        raise UserError(
            f"--init_run: found {config.init_run}, which trained one network with "
            f"--algorithm={earlier.algorithm}; expected a run of cross_pseudo, whose "
            "two networks are not one and the same."
        )
    outer = initial_state.load(earlier, config.init_run).path
    initial_state.check_within(path, outer, config.path, config.init_run)


def load_initial_weights(config, algorithm):
    """Loads the trained networks' weights, or those of their encoders.

    Returns:
        One line that says what was loaded; nothing without --init_checkpoint,
        --init_run or --encoder_weights.

    Raises:
        UserError: if what a flag names does not hold these networks' weights.
    """
    trained = {name: n for name, n in algorithm.networks.items() if n.trainable}
    if config.init_checkpoint:
        routing.check_has_routes(
            architecture.architecture_of(config),
            "init_checkpoint",
            f"'{config.init_checkpoint}'",
            "nothing, since the file's weights are a routing network's",
        )
        line = _from_file(config, trained.values())
    elif config.init_run:
        line = _from_run(config, trained)
    elif config.encoder_weights:
        line = _encoder(config, trained.values())
    else:
        return ""
    algorithm.on_weights_loaded()
    return line


def _from_file(config, networks):
    reports = [
        pretrained.load_dynamic_routing(
            network,
            config.init_checkpoint,
            config.init_encoder_only,
            config.init_other_classes,
        )
        for network in networks
    ]
    return reports[0].line()


def _encoder(config, networks):
    encoder, source = architecture.encoder_of(config), config.encoder_weights
    built = architecture.architecture_of(config)
    if getattr(built, "first_block", "keras") != "keras":
        raise UserError(
            "--encoder_weights: found with the official code's first block, which "
            "keras.applications' has no weights for; expected "
            "--encoder_first_block=keras with it."
        )
    counts = [
        applications.load_encoder(network, encoder, source) for network in networks
    ]
    return f"loaded {counts[0]} arrays of the encoder {encoder} from {source}"


def _from_run(config, networks):
    earlier = initial_state.settings_of(config.init_run, "init_run")
    names = _classes_of(config.init_run, earlier)
    wanted = list(dataset_info(config).class_names)
    if names == wanted:
        return _restore(config, earlier, networks)
    built = architecture.architecture_of(config, initial_state.resolve(config).path)
    built = dataclasses.replace(built, num_classes=len(names))
    # All the earlier run's weights, of which what fits is copied.
    others = {name: networks_room.build(built, name=name) for name in networks}
    line = _restore(config, earlier, others)
    common = [name for name in wanted if name in names]
    for name, network in networks.items():
        _copy(others[name], network, names, wanted)
    kept = f"but for {', '.join(common)}" if common else "all of it"
    return f"{line}; left out: the classifier of its {len(names)} classes, {kept}"


def _restore(config, earlier, networks):
    """Fills networks with an earlier run's weights; returns a line that says so."""
    of_two = config.algorithm == "cross_pseudo"
    variables = {
        f"{name if of_two else deployed_name(earlier)}/{variable.path}": variable
        for name, network in networks.items()
        for variable in network.weights
        # How far a training is, it tells drop path itself.
        if not variable.path.startswith("drop_path/")
    }
    checkpoints = Checkpoints(pathlib.Path(config.init_run) / "checkpoints", variables)
    restored = checkpoints.restore(partly=True)
    if restored is None:
        raise UserError(
            f"--init_run: found no checkpoint in '{config.init_run}'; let train.py "
            "reach its first one."
        )
    names = " and ".join(dict.fromkeys(name.partition("/")[0] for name in variables))
    return (
        f"loaded {len(variables)} arrays of the {names} after step {restored[0]} from "
        f"{config.init_run}"
    )


def _copy(source, target, names, wanted):
    """Copies weights; of a classifier the places of classes that both have.

    Args:
        source: Keras model.
        target: The same but for its classes.
        names: Classes of the source.
        wanted: Classes of the target.
    """
    by_path = {variable.path: variable for variable in source.weights}
    classifier = _classifier_weights(target)
    pairs = [
        (names.index(name), place) for place, name in enumerate(wanted) if name in names
    ]
    for variable in target.weights:
        value = by_path[variable.path].numpy()
        # Classes are the last axis, of kernels and biases alike.
        if id(variable) in classifier:
            own = variable.numpy()
            for theirs, ours in pairs:
                own[..., ours] = value[..., theirs]
            value = own
        variable.assign(value)


def _classifier_weights(network):
    """ids of the variables of the layers that give logits.

    Between them and an output are layers without weights alone.
    """
    found = set()
    for output in (network.output["logits"], *network.output.get("auxiliary", [])):
        layer = output._keras_history.operation
        while not layer.weights:
            first, *_ = keras.tree.flatten(layer.input)
            layer = first._keras_history.operation
        found |= {id(variable) for variable in layer.weights}
    return found


def _check_architecture(config, earlier):
    """All the shapes follow from it; its fields are named as the flags."""
    wanted = architecture.architecture_of(config)
    before = architecture.architecture_of(earlier)
    if type(wanted) is not type(before):
        raise UserError(
            f"{_network_flag(config)}, but the run of --init_run={config.init_run} has "
            f"{_network_flag(earlier)}; expected the same."
        )
    for name in (field.name for field in dataclasses.fields(wanted)):
        value, expected = getattr(wanted, name), getattr(before, name)
        if name not in _OWN_FIELDS and value != expected:
            raise UserError(
                f"--{name}: found {to_text(value)}, but the run of --init_run="
                f"{config.init_run} has {to_text(expected)}; expected the same, since "
                "weights are taken by name."
            )


def _network_flag(config):
    name = "architecture" if config.architecture else "network"
    return f"--{name}={getattr(config, name)}"


def _classes_of(run_dir, earlier):
    """Names of an earlier run's classes, a list."""
    file = pathlib.Path(run_dir) / "classes.json"
    if file.is_file():
        return run_folder.read_json(file, {"class_names": list})["class_names"]
    return list(dataset_info(earlier).class_names)
