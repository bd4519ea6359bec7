import numpy as np
from PIL import Image

from selene_tf.reports import training_curve

LOG = [
    {"step": 20, "loss": 2.0, "supervised": 2.0, "images_per_second": None},
    {"step": 40, "loss": 1.0, "supervised": 0.9, "consistency": 0.1},
    {"step": 40, "mean_iou": 0.3, "mean_iou_student": 0.3, "mean_iou_teacher": 0.3},
]


def test_scores_and_losses_are_drawn(tmp_path):
    training_curve.draw(LOG, tmp_path / "full.png")
    training_curve.draw([], tmp_path / "empty.png")
    full, empty = (
        np.asarray(Image.open(tmp_path / f"{name}.png").convert("L"))
        for name in ("full", "empty")
    )
    assert (full < 128).sum() > (empty < 128).sum()
