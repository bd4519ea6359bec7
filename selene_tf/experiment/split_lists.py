"""Writes lists of the labelled and the unlabelled images of a data set."""

import dataclasses
import os
import pathlib

from selene_tf.data.datasets import splits, subsets
from selene_tf.errors import UserError
from selene_tf.experiment.datasets import open_folder
from selene_tf.training import run_folder

_LISTS = {"labelled": "labelled.txt", "unlabelled": "unlabelled.txt"}


@dataclasses.dataclass(frozen=True)
class Written:
    """What was written.

    Args:
        num_labelled: Images in the first list.
        num_unlabelled: Images in the second list; without any there is none.
        folder: Folder of the lists.
        flags: The flags that take them: {name: path}.
        notes: What was decided on looking at the data set, a line each.
    """

    num_labelled: int
    num_unlabelled: int
    folder: pathlib.Path
    flags: dict[str, str]
    notes: tuple[str, ...]


def write_lists(config, label_fraction, output=""):
    """Chooses labelled images of the training part and writes both lists.

    Images that never had a label join the unlabelled ones, as they do in training
    without lists.

    Args:
        config: The `Config` that names the data set.
        label_fraction: The `subsets.LabelFraction`.
        output: Folder of the lists, made if missing; by default one in the working
            folder that is named after it.

    Returns:
        What was `Written`.

    Raises:
        UserError: The data set has no files, or is faulty; an image is to train and
            to validate; or a list is there already.
    """
    _check_flags(config)
    folder = pathlib.Path(output or f"partition-{label_fraction.name}")
    data = open_folder(config)
    _check_output(folder, data.data_dir)
    labelled, unlabelled = _parts(config, label_fraction, data)
    _check_files(labelled)
    parts = {"labelled": labelled, "unlabelled": unlabelled}
    texts = {
        name: subsets.list_text(part, data.data_dir)
        for name, part in parts.items()
        if part
    }
    with run_folder.user_errors(folder):
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            run_folder.write_text(folder / _LISTS[name], text)
    lists = {f"{name}_list": str(folder / _LISTS[name]) for name in texts}
    return Written(len(labelled), len(unlabelled), folder, lists, data.notes)


def _parts(config, label_fraction, data):
    """The labelled and the unlabelled examples; none of them is for validation."""
    split = splits.make_split(
        data, label_fraction.ratio, validation_list=config.validation_list
    )
    if label_fraction.seed is None:
        return split.labelled, split.unlabelled
    count = label_fraction.count_of(len(split.labelled))
    labelled, rest = subsets.choose(split.labelled, count, label_fraction.seed)
    return labelled, rest + split.unlabelled


def _check_flags(config):
    if config.dataset.partition(":")[0] in ("scenes", "tfds"):
        raise UserError(
            f"--dataset: found {config.dataset}, whose images are no files that a "
            "list could name; expected another data set. Its labelled images are "
            "chosen by --labelled_ratio."
        )
    for name in ("labelled_list", "unlabelled_list"):
        if getattr(config, name):
            raise UserError(
                f"--{name}: found '{getattr(config, name)}', expected nothing, since "
                "it is what this command writes."
            )


def _check_output(folder, data_dir):
    # Some data sets would take them for lists of their own.
    if os.path.realpath(folder) == os.path.realpath(data_dir):
        raise UserError(
            f"--output: found '{folder}', which is the folder of the data set; "
            "expected another one."
        )
    for name in _LISTS.values():
        if os.path.lexists(folder / name):
            raise UserError(
                f"--output: found '{folder / name}', which is not overwritten; "
                "expected a folder without it. Name another folder, or remove it."
            )


def _check_files(labelled):
    for example in labelled:
        for path in (example.image, example.mask):
            if not path.is_file():
                raise UserError(
                    f"{path} is missing, but was chosen to be labelled; add it, or "
                    "remove it from the data set's list."
                )
