"""Our scores beside those of Cityscapes' own evaluation, on the same label maps."""

import numpy as np
import pytest

from selene_tf.data.datasets.dataset_info import CITYSCAPES, CITYSCAPES_RAW_IDS
from selene_tf.evaluation import metrics


@pytest.fixture(scope="module")
def scripts():
    return pytest.importorskip(
        "cityscapesscripts.evaluation.evalPixelLevelSemanticLabeling",
        reason="make install has cityscapesscripts, to compare with",
    )


def raw_ids(seed, size=(3, 64, 128)):
    """Maps of all ids of Cityscapes, with regions in place of noise."""
    rng = np.random.default_rng(seed)
    coarse = rng.choice(sorted(CITYSCAPES_RAW_IDS), (size[0], 8, 16))
    return coarse.repeat(8, 1).repeat(8, 2).astype("uint8")


@pytest.mark.parametrize("absent", [(), (31, 26)], ids=["all", "two absent"])
def test_each_class_has_the_score_of_the_official_scripts(scripts, absent):
    truth = raw_ids(0)
    # Neither in the masks nor predicted: the train and the car.
    truth[(truth == 255) | np.isin(truth, absent)] = 0
    predicted = np.where(np.random.default_rng(2).random(truth.shape) < 0.7, truth, 0)
    # What a network predicts are classes; ids that are none do not come up.
    values = np.array(CITYSCAPES.mask_values())
    predicted = np.where(np.isin(predicted, values), predicted, values[3])
    predicted = predicted.astype("uint8")

    confusion = scripts.generateMatrix(scripts.args)
    for one_truth, one_prediction in zip(truth, predicted, strict=True):
        # Their fast path is C; this is what it falls back to.
        for (label, guess), count in zip(
            *np.unique(
                np.stack([one_truth.ravel(), one_prediction.ravel()], 1),
                axis=0,
                return_counts=True,
            ),
            strict=True,
        ):
            confusion[label][guess] += count

    table = np.full(256, 255)
    for value, class_id in CITYSCAPES_RAW_IDS.items():
        table[value] = class_id
    ours = metrics.iou(
        metrics.confusion_matrix(table[truth], table[predicted], CITYSCAPES.num_classes)
    )
    theirs = [
        scripts.getIouScoreForLabel(int(value), confusion, scripts.args)
        for value in values
    ]
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-12)
    assert np.isnan(ours).sum() == len(absent)
    mean = scripts.getScoreAverage(
        dict(zip(CITYSCAPES.class_names, theirs, strict=True)), scripts.args
    )
    counted = metrics.mean_iou(
        metrics.confusion_matrix(table[truth], table[predicted], CITYSCAPES.num_classes)
    )
    assert counted == pytest.approx(mean, abs=1e-12)
