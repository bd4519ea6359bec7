import json

import numpy as np
import pytest

from selene_tf.errors import UserError
from selene_tf.export import agreement
from selene_tf.export.metadata import complete_metadata
from selene_tf.inference.model import ExportedModel
from tests.export import exported

# Two pixels of class 0, one of class 1, one of class 2.
LOGITS = np.array([[[4, 0, 0], [4, 0, 0]], [[0, 4, 0], [0, 0, 4]]], np.float32)[None]
IMAGE = np.zeros((2, 2, 3), np.uint8)
LABEL = np.array([[0, 0], [1, 255]])


def network(image, training):
    assert image.dtype == np.float32
    assert not training
    return {"logits": LOGITS}


class Fixed(ExportedModel):
    """An exported network that says the same of every image."""

    def __init__(self, logits, scores):
        outputs = ("labels", scores)
        metadata = complete_metadata(exported.metadata(), "tflite", (2, 2), outputs)
        super().__init__("x", metadata)
        self.fixed = logits

    def compute_labels(self, _images):
        return self.fixed.argmax(-1)

    def compute_logits(self, _images):
        return self.fixed


def compare(logits, examples=((IMAGE, LABEL),), scores="logits"):
    return agreement.compare(network, Fixed(logits, scores), list(examples), 3)


def test_what_is_equal_agrees():
    assert compare(LOGITS) == {
        "images": 1,
        "label_agreement": 1.0,
        "mean_iou": 1.0,
        "mean_iou_interval": None,
        "mean_iou_of_network": 1.0,
        "max_logit_difference": 0.0,
    }


def test_figures_of_one_pixel_that_differs():
    other = LOGITS.copy()
    other[0, 0, 1] = (0, 5, 0)  # Labelled 0, now predicted as 1.
    result = compare(other)
    assert result["label_agreement"] == 0.75
    # Class 0: 1 of 2. Class 1: 1 of 2. Class 2 occurs at the ignored pixel only.
    assert result["mean_iou"] == 0.5
    assert result["mean_iou_of_network"] == 1.0
    assert result["max_logit_difference"] == 5 / 4
    json.dumps(result, allow_nan=False)


def test_probabilities_are_compared_as_such():
    shifted = LOGITS - np.float32(7.5)
    result = compare(shifted, scores="probabilities")
    assert result["max_logit_difference"] < 1e-6
    assert compare(shifted)["max_logit_difference"] == 7.5 / 4


def test_images_without_labels_have_no_mean_iou():
    result = compare(LOGITS, [(IMAGE, np.full((2, 2), 255))])
    assert result["mean_iou"] is None
    assert "mIoU unknown" in agreement.line(result)


def test_nan_is_refused():
    with pytest.raises(UserError, match="'x' gives scores that are not finite"):
        compare(LOGITS * np.nan)


def test_scores_of_another_shape_are_refused():
    with pytest.raises(UserError, match=r"gives scores of \(1, 1, 2, 3\)"):
        compare(LOGITS[:, :1])


@pytest.mark.parametrize(
    ("examples", "match"),
    [
        ([], "no images"),
        ([(IMAGE[:1], LABEL)], r"uint8 \(1, 2, 3\), expected uint8 \(2, 2, 3\)"),
        ([(IMAGE.astype("float32"), LABEL)], "found an image of float32"),
        ([(IMAGE, LABEL[:1])], "found a label"),
    ],
)
def test_images_that_nothing_can_be_compared_on(examples, match):
    with pytest.raises(ValueError, match=match):
        compare(LOGITS, examples)


def result(label_agreement, mean_iou, difference=0.0):
    return {
        "images": 8,
        "label_agreement": label_agreement,
        "mean_iou": mean_iou,
        "mean_iou_of_network": 0.5,
        "max_logit_difference": difference,
    }


@pytest.mark.parametrize(
    ("quantization", "enough"),
    [
        ("none", result(0.9999, 0.1)),
        ("float16", result(0.995, 0.1, 0.1)),
        ("dynamic", result(0.98, 0.1, 0.1)),
        ("dynamic", result(0.9, 0.4901, 0.1)),
        ("int8", result(0.98, None, 0.1)),
        ("int8", result(0.9, 0.6, 0.1)),
    ],
)
def test_what_is_good_enough(quantization, enough):
    agreement.require(enough, quantization)


@pytest.mark.parametrize(
    ("quantization", "too_little", "figure", "bar", "advice"),
    [
        ("none", result(0.9998, 0.5), "99.9800%", "99.99%", "report"),
        ("none", result(1.0, 0.5, 0.002), "2.0e-03", "0.001", "report"),
        ("float16", result(0.994, 0.5), "99.4000%", "99.50%", "without quantization"),
        ("dynamic", result(0.979, 0.489), "97.9000%", "98.00%", "float16"),
        ("int8", result(0.979, 0.489), "0.4890", "0.01", "calibration images"),
        ("int8", result(0.979, None), "unknown", "98.00%", "calibration images"),
    ],
)
def test_what_is_not(quantization, too_little, figure, bar, advice):
    with pytest.raises(UserError) as caught:
        agreement.require(too_little, quantization)
    message = str(caught.value)
    assert all(part in message for part in (figure, bar, advice, "nothing was written"))
    assert "\n" not in message
