"""What the finished runs of a study say, variant by variant and subset by subset."""

import dataclasses
import itertools

from selene_tf.errors import UserError
from selene_tf.evaluation import image_scores
from selene_tf.studies.statistics import (
    Spread,
    mean_over_images,
    paired_over_images,
    spread,
)
from selene_tf.training import run_folder

_SUMMARY = {"mean_iou": float, "macs": dict, "parameters": int, "seconds": float}


@dataclasses.dataclass(frozen=True)
class Difference:
    """How a variant differs from the control, run by run of the same seed.

    Attributes:
        over_seeds: A `Spread` of the differences.
        over_images: (low, high) of the mean difference, 95 % over draws of images; None
            if scores of images are missing, too few, or not of the same images.
    """

    over_seeds: Spread
    over_images: tuple[float, float] | None


@dataclasses.dataclass(frozen=True)
class Row:
    """A variant on a subset.

    Attributes:
        variant: Its name.
        subset: Its name.
        seeds: Seeds of the finished runs.
        mean_iou: {split: `Spread`}, "val" first.
        over_images: (low, high) of the mean over the seeds on the validation images,
            95 % over draws of images; None if that is not known.
        macs: Mean MACs an image, the mean over the seeds.
        parameters: Parameters of one network.
        seconds: Of a training, the mean over the seeds.
        difference: The `Difference` to the control on the validation images, None of
            the control itself, or where no seed has both.
    """

    variant: str
    subset: str
    seeds: tuple[int, ...]
    mean_iou: dict
    over_images: tuple[float, float] | None
    macs: float
    parameters: int
    seconds: float
    difference: Difference | None


def rows(study, runs):
    """Summarizes the finished runs of a study.

    Args:
        study: A `Study`.
        runs: Its runs, as `runs.of_study` lists them.

    Returns:
        A list of `Row`, subset by subset; those without a finished run are missing.

    Raises:
        UserError: a finished run's folder is damaged.
    """
    finished = [run for run in runs if run.is_finished]
    summaries = {run: _summary(run) for run in finished}
    table = []
    for subset, variant in itertools.product(study.subsets, study.variants):
        own = [r for r in finished if (r.variant, r.subset) == (variant, subset)]
        if own:
            control = {
                r.seed: r
                for r in finished
                if (r.variant, r.subset) == (study.control, subset)
            }
            table.append(_row(study, own, summaries, control))
    return table


def is_readable(run):
    """Whether a run is finished.

    Raises:
        UserError: it is, but what it left of its scores is damaged.
    """
    if run.is_finished:
        _summary(run)
    return run.is_finished


def _summary(run):
    return run_folder.read_json(run.folder / "summary.json", _SUMMARY)


def _row(study, runs, summaries, control):
    own = [summaries[run] for run in runs]
    scores = {"val": spread([summary["mean_iou"] for summary in own])}
    for split in study.splits:
        values = [value for run in runs if (value := score_on(run, split)) is not None]
        if values:
            scores[split] = spread(values)
    first = runs[0]
    pairs = [(run, control[run.seed]) for run in runs if run.seed in control]
    is_control = first.variant == study.control
    return Row(
        first.variant,
        first.subset,
        tuple(run.seed for run in runs),
        scores,
        _interval(runs),
        sum(summary["macs"]["mean"] for summary in own) / len(own),
        own[0]["parameters"],
        sum(summary["seconds"] for summary in own) / len(own),
        None if is_control or not pairs else _difference(pairs, summaries),
    )


def score_on(run, split):
    """The mean IoU on another split; None if it was not scored there."""
    file = run.folder / f"evaluation-{split}.json"
    if not file.is_file():
        return None
    return run_folder.read_json(file, {"mean_iou": float})["mean_iou"]


def _difference(pairs, summaries):
    over_seeds = spread(
        [summaries[a]["mean_iou"] - summaries[b]["mean_iou"] for a, b in pairs]
    )
    scores = [tuple(map(_image_scores, pair)) for pair in pairs]
    if any(own is None for pair in scores for own in pair):
        return Difference(over_seeds, None)
    return Difference(over_seeds, paired_over_images(scores))


def _interval(runs):
    """Of the mean over the seeds, over draws of images."""
    scores = [_image_scores(run) for run in runs]
    return None if any(own is None for own in scores) else mean_over_images(scores)


def _image_scores(run):
    """`ImageScores`; None of a run of an earlier version, which has none."""
    try:
        return image_scores.read(run.folder / "image_scores.npz")
    except UserError:
        return None
