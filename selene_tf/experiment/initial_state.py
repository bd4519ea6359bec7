"""The initial state of a run: its path, and the colours of the weights to start from.

Both are copied into the run folder, which then needs neither the file nor the
earlier run.
"""

import dataclasses
import pathlib

from selene_tf import pretrained
from selene_tf.architectures import (
    RoutingPath,
    architecture_file,
    classic_paths,
    routing,
    routing_path,
)
from selene_tf.cli import flagfile
from selene_tf.errors import UserError
from selene_tf.experiment import architecture
from selene_tf.layers.normalize import IMAGENET_COLOURS, ColourNormalization
from selene_tf.pretrained import applications
from selene_tf.reports import architecture_drawing, path_drawing
from selene_tf.search import classic_path
from selene_tf.training import run_folder

GIVEN_PATH = "given_path.json"
ARCHITECTURE = "architecture.json"
COLOURS = "colours.json"
# Names in colours.json, in the order of `ColourNormalization`.
_COLOUR_KEYS = ("mean_colour", "colour_deviation", "colour_order")


@dataclasses.dataclass(frozen=True)
class InitialState:
    """Initial state of a run: what its networks are built from beside its settings.

    Attributes:
        path: The `RoutingPath` that they are built along; None for the whole network.
        colours: The `ColourNormalization` of the weights that they start from.
    """

    path: RoutingPath | None = None
    colours: ColourNormalization = IMAGENET_COLOURS


def resolve(config):
    """Resolves the initial state of a training, new or resumed.

    Returns:
        An `InitialState`.

    Raises:
        UserError: if a file is missing or damaged or does not fit the network, or if
            a resumed run was started along another path.
    """
    folder, file = pathlib.Path(config.run_dir), config.path
    if (folder / "config.cfg").is_file():
        _check_same_path(config, folder)
        if (folder / "checkpoints").exists():
            return load(config, folder)
    if file and (folder / GIVEN_PATH).is_file() and not pathlib.Path(file).is_file():
        # The file has gone; the run has its copy.
        file = folder / GIVEN_PATH
    colours = _colours_of(config)
    if config.init_run:
        earlier = settings_of(config.init_run, "init_run")
        colours = load(earlier, config.init_run).colours
    return InitialState(_read_path(file, config) if file else None, colours)


def _colours_of(config):
    """The colours of the weights that flags other than --init_run name."""
    if config.init_checkpoint:
        return pretrained.OFFICIAL_COLOURS
    if config.encoder_weights:
        return applications.COLOURS[architecture.encoder_of(config)]
    return IMAGENET_COLOURS


def load(config, run_dir, path_file=""):
    """Loads the initial state of a run from the copies in its folder.

    Args:
        config: The run's `Config`.
        run_dir: Its folder, which may have moved.
        path_file: A path.json to be put in place of the run's path; it must be a part
            of that.

    Returns:
        An `InitialState`.

    Raises:
        UserError: if a copy is missing or damaged, or the path is no part of the run's.
    """
    folder, path, colours = pathlib.Path(run_dir), None, _colours_of(config)
    if config.path:
        path = _read_path(folder / GIVEN_PATH, config)
    if config.init_run:
        colours = _read_colours(folder / COLOURS)
    if path_file:
        part = _read_path(path_file, config)
        check_within(part, path, path_file, run_dir)
        path = part
    return InitialState(path, colours)


def with_own_architecture(config, run_dir):
    """The same settings with the run's copy of its architecture, if it has begun.

    Raises:
        UserError: The file that is given holds another architecture now.
    """
    copy = run_dir / ARCHITECTURE
    if not config.architecture or not copy.is_file():
        return config
    own = dataclasses.replace(config, architecture=str(copy))
    is_there = pathlib.Path(config.architecture).is_file()
    if is_there and architecture.architecture_of(config) != (
        architecture.architecture_of(own)
    ):
        raise UserError(
            f"--architecture: found '{config.architecture}', which differs from "
            f"{copy}, with which the run was started; give that one, or use another "
            "--run_dir."
        )
    return own


def save(initial, config):
    """Saves copies of the initial state in the run folder, if they are not there."""
    folder = pathlib.Path(config.run_dir)
    contents = {}
    if config.architecture:
        built = architecture.architecture_of(config)
        contents[ARCHITECTURE] = architecture_file.to_json(built)
    if initial.path is not None:
        contents[GIVEN_PATH] = routing_path.to_json(initial.path)
    if config.init_run:
        values = dataclasses.astuple(initial.colours)
        contents[COLOURS] = dict(zip(_COLOUR_KEYS, values, strict=True))
    with run_folder.user_errors(folder):
        for name, content in contents.items():
            if not (folder / name).exists():
                run_folder.write_json(folder / name, content)
                if name == GIVEN_PATH:
                    path_drawing.draw(initial.path, folder / "given_path.png")
                if name == ARCHITECTURE:
                    architecture_drawing.draw(built, folder / "architecture.png")


def settings_of(run_dir, flag):
    """Reads the `Config` of a run.

    Args:
        run_dir: The run's folder.
        flag: The flag that named it, for the message.

    Raises:
        UserError: if it is no run's folder.
    """
    file = pathlib.Path(run_dir) / "config.cfg"
    if not run_dir or not file.is_file():
        raise UserError(
            f"--{flag}: found no config.cfg in '{run_dir}', expected the folder of a "
            "run, as train.py makes it."
        )
    try:
        config = flagfile.from_flagfile(file)
        copy = file.with_name(ARCHITECTURE)
        if config.architecture and copy.is_file():
            # The run needs the file that it was started from no more.
            config = dataclasses.replace(config, architecture=str(copy))
        return config
    except UserError as error:
        # Such as a flag of another version; which file has it is not in the message.
        raise UserError(f"{file}: {error}") from None


def check_within(inner, outer, file, run_dir):
    """Checks that a path keeps nothing that a run's network does not have.

    Args:
        inner: The `RoutingPath`, or None for the whole network.
        outer: The run's, likewise.
        file: What the inner one was read from.
        run_dir: The run's folder.

    Raises:
        UserError: if it does.
    """
    if outer is None or (inner is not None and inner.is_within(outer)):
        return
    kept = f"'{file}', which keeps" if file else "nothing, and so"
    raise UserError(
        f"--path: found {kept} routes that the run in {run_dir} does not have; "
        "expected the path that it was trained along "
        f"({pathlib.Path(run_dir) / GIVEN_PATH}), or one that keeps less of it."
    )


def _read_path(file, config):
    """A path that the run's network can be built along."""
    wanted = architecture.architecture_of(config)
    routing.check_has_routes(wanted, "path", f"'{file}'", "no path (--path=none)")
    if file in classic_paths.NAMES:
        size = config.image_size or config.crop_size
        return classic_path.make(file, wanted, size)
    path = routing_path.read(file)
    routing_path.check_fits(path, wanted, file)
    return path


def _check_same_path(config, folder):
    """Refuses another path than the one that the run was started along."""
    started = settings_of(folder, "run_dir")
    copy = folder / GIVEN_PATH
    if bool(config.path) != bool(started.path):
        value = f"'{config.path}'" if config.path else "nothing"
        expected = "along a path" if started.path else "without one"
        raise UserError(
            f"--path: found {value}, but the run in {folder} was started {expected}; "
            "start it as before, or use another --run_dir."
        )
    if not copy.is_file() or not config.path:
        return
    # A run folder that was moved needs the file no more.
    if config.path == started.path and not pathlib.Path(config.path).is_file():
        return
    now, before = (_read_path(file, config) for file in (config.path, copy))
    if not now.has_same_routes(before):
        raise UserError(
            f"--path: found '{config.path}', which keeps other routes than {copy}, "
            "along which the run was started; give that one, or use another --run_dir."
        )


def _are_colours(content):
    """Whether a value from a file is a colour normalisation: numbers and an order."""
    if not isinstance(content, dict) or content.keys() != set(_COLOUR_KEYS):
        return False
    *numbers, order = (content[key] for key in _COLOUR_KEYS)
    return order in ("rgb", "bgr") and all(
        isinstance(values, list)
        and len(values) == 3
        and all(isinstance(value, int | float) for value in values)
        for values in numbers
    )


def _read_colours(file):
    """The colour normalisation of the weights that a run started from."""
    content = run_folder.read_json(file)
    # Earlier releases wrote nothing where it was ImageNet's.
    if content == {}:
        return IMAGENET_COLOURS
    if not _are_colours(content):
        raise UserError(
            f"{file}: found {str(content)[:80]!r}, expected the colour normalisation "
            "that train.py writes; restore it from a backup."
        )
    mean, deviation, order = (content[key] for key in _COLOUR_KEYS)
    return ColourNormalization(tuple(mean), tuple(deviation), order)
