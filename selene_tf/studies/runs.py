"""The runs of a study: their folders, flags and commands."""

import dataclasses
import pathlib
import sys

from absl import flags

import selene_tf
from selene_tf.cli import flagfile
from selene_tf.errors import UserError
from selene_tf.studies.description import folder_name, text_of
from selene_tf.training import run_folder, run_identity

_SEED = "{seed}"  # noqa: RUF027 (what stands in the file)
_CHECKOUT = pathlib.Path(selene_tf.__file__).parents[1]


@dataclasses.dataclass(frozen=True)
class Run:
    """One training of a study.

    Attributes:
        variant: Name of its variant.
        subset: Name of its subset.
        seed: Its seed.
        steps: Steps of its training.
        folder: Its run folder.
        arguments: The flags of train.py, a tuple of texts.
    """

    variant: str
    subset: str
    seed: int
    steps: int
    folder: pathlib.Path
    arguments: tuple[str, ...]

    @property
    def name(self):
        return f"{self.variant}, {self.subset}, seed {self.seed}"

    @property
    def is_finished(self):
        return (self.folder / "summary.json").is_file()

    def command(self, script="train.py", *more):
        """The command line that trains it, or that scores it, as a list."""
        arguments = self.arguments if script == "train.py" else ()
        return [
            sys.executable,
            str(_CHECKOUT / script),
            *arguments,
            *more,
            f"--run_dir={self.folder}",
        ]


def of_study(study, output):
    """All runs of a study, those of a seed together.

    Args:
        study: A `Study`.
        output: The study's folder.

    Returns:
        A list of `Run`.

    Raises:
        UserError: train.py would refuse the flags of one of them; or it is not there.
    """
    for script in ("train.py", "evaluate.py"):
        if not (_CHECKOUT / script).is_file():
            raise UserError(
                f"--study: found no {script} in '{_CHECKOUT}', which each run starts; "
                "expected a checkout of selene_tf."
            )
    return [
        make(study, variant, subset, seed, pathlib.Path(output))
        for seed in study.seeds
        for subset in study.subsets
        for variant in study.variants
    ]


def make(study, variant, subset, seed, output):
    """Makes the `Run` of a variant, a subset and a seed in a study's folder.

    Raises:
        UserError: train.py would refuse its flags.
    """
    values = study.flags | study.variants[variant] | study.subsets[subset]
    file = [f"--flagfile={study.flagfile}"] if study.flagfile else []
    texts = {
        name: text_of(value).replace(_SEED, str(seed)) for name, value in values.items()
    }
    own = [f"--{name}={text}" for name, text in texts.items()]
    folder = output / folder_name(variant) / folder_name(subset) / f"seed_{seed}"
    arguments = (*file, *own, f"--seed={seed}")
    try:
        steps = _check(arguments, folder)
    except UserError as error:
        raise UserError(
            f"study {study.name}, {variant}, {subset}, seed {seed}: {error}"
        ) from None
    return Run(variant, subset, seed, steps, folder, arguments)


def _check(arguments, folder):
    """Refuses flags that train.py would refuse, in a new folder or the run's own.

    Returns:
        The steps that they ask for.
    """
    values = flags.FlagValues()
    flags.DEFINE_string("flagfile", "", "", flag_values=values)
    flagfile.define_flags(values)
    wanted = flagfile.parse(values, ["", *arguments, f"--run_dir={folder}"])
    if not folder.exists():
        _check_inputs(wanted)
    else:
        # A run of other flags is not this one, however it ended.
        text, defaults = map(flagfile.to_flagfile, (wanted, type(wanted)()))
        run_identity.check(str(folder), text, defaults, flagfile.RENAMED)
    return values.steps


def _check_inputs(config):
    """What is not there is said before hours of other runs, not after them."""
    for name in ("data_dir", "architecture"):
        value = getattr(config, name)
        if value and not pathlib.Path(value).exists():
            raise UserError(f"--{name}: found no '{value}', expected one that exists.")


def step_of(run):
    """The step that an unfinished run has logged; 0 if it has none."""
    log = run.folder / "log.jsonl"
    try:
        steps = [line["step"] for line in run_folder.read_json_lines(log)]
        return max(steps, default=0)
    except (OSError, ValueError, KeyError, TypeError):
        return 0
