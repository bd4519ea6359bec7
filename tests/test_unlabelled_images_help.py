"""That unlabelled images still help: strong augmentation against the control."""

import dataclasses

import pytest

from selene_tf import experiment
from selene_tf.cli import flagfile
from tests.commands import ROOT

# Mean IoU by which they have to: three points.
LEAST_GAIN = 0.03


@pytest.mark.soak
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_unlabelled_images_help_where_labels_are_scarce(seed, tmp_path, monkeypatch):
    """4 of 512 drawn scenes have labels; both arms start equal and take 1000 steps."""
    monkeypatch.chdir(ROOT)
    settings = flagfile.from_flagfile("configs/scenes_few_labels.cfg")
    scores = {}
    for algorithm in ("supervised", "mean_teacher"):
        config = dataclasses.replace(
            settings, algorithm=algorithm, seed=seed, run_dir=str(tmp_path / algorithm)
        )
        scores[algorithm] = experiment.train(config)["mean_iou"]
    assert scores["mean_teacher"] >= scores["supervised"] + LEAST_GAIN, scores
