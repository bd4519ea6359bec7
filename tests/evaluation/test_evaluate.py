import numpy as np
import pytest
import tensorflow as tf

from selene_tf.architectures import RoutingArchitecture, cost_table
from selene_tf.errors import UserError
from selene_tf.evaluation import evaluate
from selene_tf.evaluation import summary as report
from selene_tf.networks import dynamic_routing


def fake_predict(images):
    """Says class 1 where an image is bright; gates all open."""
    labels = tf.cast(images[..., 0] > 127, tf.int32)
    return {"labels": labels, "gates": tf.ones((len(images), 4, 4, 3))}


def batches(images, labels, size):
    dataset = tf.data.Dataset.from_tensor_slices({"image": images, "label": labels})
    return dataset.batch(size)


def test_a_confusion_matrix_over_all_images_the_last_batch_included():
    images = np.zeros((3, 2, 2, 3), "float32")
    images[1] = 255
    labels = np.zeros((3, 2, 2), "int32")
    labels[1, 0] = 1
    labels[2, 0, 0] = 255
    result = evaluate.evaluate(fake_predict, batches(images, labels, 2), 2)
    # 4 + 3 pixels of class 0 are right; in the bright image 2 of 4 are.
    assert result.confusion.tolist() == [[7, 2], [0, 2]]
    assert result.mean_iou == pytest.approx((7 / 9 + 2 / 4) / 2)
    assert result.gates.shape == (3, 4, 4, 3)
    assert result.sizes.tolist() == [[2, 2]] * 3


def test_of_a_network_without_gates_there_are_none():
    images, labels = np.zeros((3, 2, 2, 3), "float32"), np.zeros((3, 2, 2), "int32")

    def predict(images):
        return {"labels": fake_predict(images)["labels"]}

    result = evaluate.evaluate(predict, batches(images, labels, 2), 2)
    assert result.gates is None
    assert result.confusion.tolist() == [[12, 0], [0, 0]]
    assert result.sizes.tolist() == [[2, 2]] * 3


@pytest.mark.parametrize("count", [0, 2])
def test_nothing_to_evaluate_is_refused(count):
    images = np.zeros((count, 2, 2, 3), "float32")
    unlabelled = batches(images, np.full((count, 2, 2), 255), 1)
    with pytest.raises(UserError, match="no labelled pixel"):
        evaluate.evaluate(fake_predict, unlabelled, 2)


# In float32 two classes may be as likely but for rounding.
@pytest.mark.usefixtures("float64")
def test_the_compiled_function_gives_the_networks_labels_at_any_size():
    network = dynamic_routing.build(3, channels=4, num_layers=3)
    predict = evaluate.predictor(network)
    rng = np.random.default_rng(0)
    for size in ((32, 64), (40, 50)):
        images = rng.uniform(0, 255, (2, *size, 3)).astype("float32")
        wanted = np.asarray(network(images)["logits"]).argmax(-1)
        np.testing.assert_array_equal(predict(images)["labels"], wanted)


def test_a_summary_counts_each_image_at_its_own_size():
    gates = np.ones((2, 4, 4, 3), "float32")
    sizes = np.array([[32, 32], [64, 64]])
    nothing = [[0, 0], [0, 0]]
    result = evaluate.Evaluation(np.array([[[3, 1], [0, 0]], nothing]), gates, sizes)
    worse = evaluate.Evaluation(np.array([[[1, 3], [0, 0]], nothing]), gates, sizes)
    summary = report.summary(
        {"student": worse, "teacher": result},
        "teacher",
        ("ground", "thing"),
        RoutingArchitecture(2, channels=4, num_layers=result.gates.shape[1] - 1),
    )
    small, large = (
        cost_table.macs(2, 4, 3, *size.tolist()).supernet for size in result.sizes
    )
    assert summary["macs"]["supernet"] == (small + large) / 2
    assert summary["iou"] == {"ground": 0.75, "thing": 0.0}
    assert summary["pixel_accuracy"] == 0.75
    assert summary["images"] == 2
    assert "own sizes" in summary["protocol"]
    # Every network's scores, and which of them is the run's.
    assert summary["deployed"] == "teacher"
    assert summary["networks"]["student"]["iou"] == {"ground": 0.25, "thing": 0.0}
    assert summary["networks"]["teacher"]["mean_iou"] == summary["mean_iou"]
