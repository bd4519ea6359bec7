"""What a run starts from beside its settings: a path, and an earlier run's colours.

Both are copied into the run folder, which then needs neither the file nor the
earlier run.
"""

import pathlib

from selene_tf.architectures import routing_path
from selene_tf.cli import flagfile
from selene_tf.errors import UserError
from selene_tf.experiment.setup import OFFICIAL_COLOURS, InitialState, structure
from selene_tf.training import run_folder

GIVEN_PATH = "given_path.json"
COLOURS = "colours.json"


def settings_of(run_dir, flag):
    """The `Config` of a run.

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
    return flagfile.from_flagfile(file)


def look(config):
    """What a training starts from, or was started from if it is a resumed one.

    Returns:
        A `InitialState`.

    Raises:
        UserError: if a file is missing or damaged or does not fit the network, or if
            a resumed run was started along another path.
    """
    folder = pathlib.Path(config.run_dir)
    if (folder / "config.cfg").is_file():
        _check_resumed(config, folder)
        if (folder / "checkpoints").exists():
            return of_run(config, folder)
    colours = {}
    if config.init_run:
        earlier = settings_of(config.init_run, "init_run")
        colours = of_run(earlier, config.init_run).colours
    file = _path_file(config, folder)
    given = read_path(file, structure(config)) if file else None
    return InitialState(given, colours)


def of_run(config, run_dir):
    """What a run was started from, by the copies in its folder.

    Args:
        config: The run's `Config`.
        run_dir: Its folder, which may have moved.

    Raises:
        UserError: if a copy is missing or damaged.
    """
    folder, given, colours = pathlib.Path(run_dir), None, {}
    if config.path:
        given = read_path(folder / GIVEN_PATH, structure(config))
    if config.init_checkpoint:
        colours = OFFICIAL_COLOURS
    if config.init_run:
        colours = _read_colours(folder / COLOURS)
    return InitialState(given, colours)


def keep(start, config):
    """Writes the copies into the run folder, if they are not there."""
    folder = pathlib.Path(config.run_dir)
    with run_folder.user_errors(folder):
        if start.path is not None and not (folder / GIVEN_PATH).exists():
            run_folder.write_json(folder / GIVEN_PATH, routing_path.to_json(start.path))
        if config.init_run and not (folder / COLOURS).exists():
            run_folder.write_json(folder / COLOURS, start.colours)


def read_path(file, metadata):
    """A path that a network can be built along.

    Args:
        file: A path.json.
        metadata: The network's `Structure`.

    Raises:
        UserError: if it cannot be read, or is of another network.
    """
    found = routing_path.read(file)
    routing_path.check_fits(found, metadata, file)
    return found


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
    if outer is None or (inner is not None and _is_within(inner, outer)):
        return
    found = f"'{file}', which keeps" if file else "nothing, and so"
    raise UserError(
        f"--path: found {found} routes that the run in {run_dir} does not have; "
        "expected the path that it was trained along "
        f"({pathlib.Path(run_dir) / GIVEN_PATH}), or one that keeps less of it."
    )


def _is_within(inner, outer):
    flows = outer.kept.copy()
    flows[..., 0] |= outer.bypassed
    beyond = (inner.kept & ~outer.kept).any() or (inner.bypassed & ~flows[..., 0]).any()
    return not beyond


def _path_file(config, folder):
    """The path to train along: the file, or its copy if the file has gone."""
    copy = folder / GIVEN_PATH
    if config.path and copy.is_file() and not pathlib.Path(config.path).is_file():
        return copy
    return config.path


def _check_resumed(config, folder):
    """Refuses another path than the one that the run was started along."""
    started = settings_of(folder, "run_dir")
    copy = folder / GIVEN_PATH
    expected = f"the run in {folder} was started "
    if bool(config.path) != bool(started.path):
        found = f"'{config.path}'" if config.path else "nothing"
        expected += "along a path" if started.path else "without one"
        raise UserError(
            f"--path: found {found}, but {expected}; start it as before, or use "
            "another --run_dir."
        )
    if not copy.is_file() or not config.path:
        return
    # A run folder that was moved needs the file no more.
    if config.path == started.path and not pathlib.Path(config.path).is_file():
        return
    now, before = (routing_path.read(file) for file in (config.path, copy))
    if not _is_same(now, before):
        raise UserError(
            f"--path: found '{config.path}', which keeps other routes than {copy}, "
            "along which the run was started; give that one, or use another --run_dir."
        )


def _is_same(one, other):
    """Whether two paths make the same network."""
    return one.num_layers == other.num_layers and bool(
        (one.kept == other.kept).all() and (one.bypassed == other.bypassed).all()
    )


def _read_colours(file):
    """The colour normalisation, as arguments of `dynamic_routing.build`."""
    found = run_folder.read_json(file)
    if not isinstance(found, dict) or found.keys() - OFFICIAL_COLOURS.keys():
        raise UserError(
            f"{file}: found {str(found)[:80]!r}, expected the colour normalisation "
            "that train.py writes; restore it from a backup."
        )
    return found
