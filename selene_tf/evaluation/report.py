"""Writes the report of runs: from their folders to one page of HTML."""

import itertools
import pathlib

from selene_tf.errors import UserError
from selene_tf.evaluation import bootstrap, run_files, study_table
from selene_tf.reports import page
from selene_tf.training import run_folder

# What a study's and a search's folder hold from their start on.
_STUDY, _SEARCH = "study.json", "tuning.journal"


def write(folders, output, title=""):
    """Writes the report of one or more runs, or of a study.

    Args:
        folders: Folders of runs, or of studies or searches, whose runs are then shown.
        output: The .html file; replaced if it is there.
        title: Of the page; by default the folders' names.

    Raises:
        UserError: a folder is no run's, a file in it is damaged, or the runs have other
            classes.
    """
    folders = [pathlib.Path(folder) for folder in folders]
    studies = [folder for folder in folders if (folder / _STUDY).is_file()]
    run_dirs = list(dict.fromkeys(itertools.chain(*map(_runs_of, folders))))
    if not run_dirs:
        raise UserError(
            f"report: no run of {', '.join(map(str, folders))} has begun; expected one "
            "or more, see the folder's logs."
        )
    names = _short_names(run_dirs)
    runs = [
        run_files.load(folder, name)
        for folder, name in zip(run_dirs, names, strict=True)
    ]
    _check_same_classes(runs)
    text = page.render(
        runs,
        # A study's table compares each run with its control.
        [] if studies else _differences(run_dirs, names),
        [study_table.read(folder) for folder in studies],
        title or f"Report of {', '.join(folder.resolve().name for folder in folders)}",
    )
    output = pathlib.Path(output)
    with run_folder.user_errors(output.parent):
        run_folder.write_text(output, text)


def _runs_of(folder):
    """The runs of a study or a search that have begun; a run's folder itself."""
    if (folder / _STUDY).is_file():
        content = run_folder.read_json(folder / _STUDY, {"runs": list})
        listed = [folder / str(name) for name in content["runs"]]
    elif (folder / _SEARCH).is_file():
        listed = sorted(folder.glob("trial_*"))
    elif not (folder / "config.cfg").is_file():
        raise UserError(
            f"report: found no config.cfg in '{folder}'; expected the folder of a run, "
            "as train.py makes it, or of a study."
        )
    else:
        return [folder]
    return [run_dir for run_dir in listed if (run_dir / "config.cfg").is_file()]


def _short_names(folders):
    """Folders without what all have in common."""
    resolved = [folder.resolve().parts for folder in folders]
    if len(folders) == 1:
        return [resolved[0][-1]]
    levels = zip(*resolved)  # noqa: B905 (as far as the shortest goes)
    common = len(list(itertools.takewhile(lambda p: len(set(p)) == 1, levels)))
    return ["/".join(parts[common:]) or parts[-1] for parts in resolved]


def _check_same_classes(runs):
    first = runs[0]
    for run in runs[1:]:
        if run.class_names != first.class_names:
            raise UserError(
                f"report: {run.name} has the classes {', '.join(run.class_names)}, but "
                f"{first.name} has {', '.join(first.class_names)}; expected runs of "
                "the same classes."
            )


def _differences(folders, names):
    """Paired differences to the first run: (its name, another's, (mean, low, high)).

    Of runs on other images there is a reason in place of the numbers.
    """
    scores = [run_files.image_scores_of(folder) for folder in folders]
    differences = []
    for name, own in zip(names[1:], scores[1:], strict=True):
        if own is None or scores[0] is None:
            continue
        try:
            result = bootstrap.paired_interval(
                own.confusions, scores[0].confusions, own.block
            )
        except UserError:
            result = "not on the same images"
        differences.append((name, names[0], result))
    return differences
