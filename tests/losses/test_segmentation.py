import functools
import math

import numpy as np
import pytest
import tensorflow as tf

from selene_tf import losses

# Softmax gives 3/4 and 1/4, 1/2 and 1/2, 1/4 and 3/4.
LOG_3 = math.log(3)
LOGITS = np.array(
    [
        [[[LOG_3, 0], [0, 0], [0, LOG_3]]],
        [[[LOG_3, 0], [0, 0], [0, LOG_3]]],
        [[[LOG_3, 0], [0, 0], [0, LOG_3]]],
    ],
    "float32",
)
LABELS = np.array([[[0, 1, 0]], [[1, 255, 255]], [[255, 255, 255]]], "int32")
# -ln 3/4 - ln 1/2 - ln 1/4 on three pixels, -ln 1/4 on one, nothing; three images have
# four labelled pixels, so each counts 3/4 and the mean is that of the four.
CROSS_ENTROPY = [3 / 4 * math.log(32 / 3), 3 / 4 * math.log(4), 0.0]


@pytest.mark.parametrize("jit_compile", [None, False, True])
def test_cross_entropy_is_a_mean_over_all_labelled_pixels(jit_compile):
    function = losses.cross_entropy
    if jit_compile is not None:
        function = tf.function(function, jit_compile=jit_compile)
    values = function(tf.constant(LABELS), tf.constant(LOGITS))
    np.testing.assert_allclose(values, CROSS_ENTROPY, rtol=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_ignored_pixels_have_a_gradient_of_0(jit_compile):
    @tf.function(jit_compile=jit_compile)
    def gradient(logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            total = tf.reduce_sum(losses.cross_entropy(tf.constant(LABELS), logits))
        return tape.gradient(total, logits)

    # Softmax less the label, times what a pixel counts.
    expected = np.zeros_like(LOGITS)
    expected[0, 0] = [[-1 / 4, 1 / 4], [1 / 2, -1 / 2], [-3 / 4, 3 / 4]]
    expected[1, 0, 0] = [3 / 4, -3 / 4]
    np.testing.assert_allclose(
        gradient(tf.constant(LOGITS)), 3 / 4 * expected, atol=1e-6
    )


def test_another_label_may_be_the_one_to_ignore():
    values = losses.cross_entropy(LABELS[:1], LOGITS[:1], ignore_label=1)
    np.testing.assert_allclose(values, [math.log(16 / 3) / 2], rtol=1e-5)


@pytest.mark.parametrize("name", ["cross_entropy", "consistency", "pseudo_labels"])
def test_every_pixel_counts_the_same_whatever_image_it_is_on(name):
    """The mean over images equals that over one image of all their valid pixels."""
    rng = np.random.default_rng(0)
    logits, targets = rng.normal(size=(2, 3, 4, 5, 3)).astype("float32")
    labels = rng.integers(0, 3, (3, 4, 5)).astype("int32")
    valid = np.ones((3, 4, 5), bool)
    # As crops of images that were scaled by 0.5 are: mostly padding.
    valid[0, 1:], valid[1, :, 2:] = False, False

    def loss(logits, targets, labels, valid):
        if name == "cross_entropy":
            return losses.cross_entropy(np.where(valid, labels, 255), logits)
        if name == "consistency":
            return losses.consistency(logits, targets, valid)
        return losses.pseudo_label_cross_entropy(logits, targets, valid, 0.4)

    in_a_row = [x[valid][None, None] for x in (logits, targets, labels)]
    expected = loss(*in_a_row, np.ones((1, 1, valid.sum()), bool))
    several = np.mean(loss(logits, targets, labels, valid))
    np.testing.assert_allclose(several, np.mean(expected), rtol=1e-5)


def test_a_pixels_weight_is_that_of_all_masks_and_replicas():
    here = np.array([[[True, True]], [[True, False]]])
    padded = np.array([[[False, True]]])
    # Of two replicas, the other's images have 2 and 0 pixels in the first mask and 1 in
    # the second: (2 + 2 + 1 + 1) images over (3 + 2 + 1 + 1) pixels.
    elsewhere = iter([[2.0, 0.0], [1.0]])

    def gather(numbers):
        return tf.concat([numbers, tf.constant(next(elsewhere))], axis=0)

    weight = losses.pixel_weight([here, padded], gather)
    np.testing.assert_allclose(weight, 6 / 7, rtol=1e-6)
    assert float(losses.pixel_weight([np.zeros((2, 1, 1), bool)])) == 2.0


def test_a_weight_that_is_told_takes_the_place_of_the_batchs_own():
    for weight in (0.5, np.full(3, 0.5, "float32")):
        values = losses.cross_entropy(LABELS, LOGITS, weight=weight)
        np.testing.assert_allclose(
            values, np.array(CROSS_ENTROPY) * 4 / 3 / 2, rtol=1e-5
        )


def test_the_pixels_that_teach_by_hand():
    # The highest probabilities are 3/4, 1/2, 3/4, of classes 0, 0 and 1.
    valid = np.array([[[1, 1, 1]], [[1, 1, 0]], [[0, 0, 0]]], bool)
    shares = losses.confident_shares(LOGITS, valid, threshold=0.6)
    assert shares.shape == (3, 2)
    np.testing.assert_allclose(np.mean(shares, axis=0), [2 / 5, 1 / 5], rtol=1e-6)
    shares = losses.confident_shares(LOGITS, valid, threshold=0.8)
    assert not np.any(shares)
    # Each of the second image's two pixels counts 1/2 by a weight that is told.
    shares = losses.confident_shares(LOGITS, valid, weight=0.5)
    np.testing.assert_allclose(shares, [[1, 0.5], [1, 0], [0, 0]])


def test_consistency_by_hand_with_padding():
    # Against 1/2 and 1/2: differences of 1/4, 0, 1/4 in both classes.
    target = np.zeros_like(LOGITS)
    valid = np.array([[[1, 1, 1]], [[1, 1, 0]], [[0, 0, 0]]], bool)
    values = losses.consistency(LOGITS, target, valid)
    # Three images have five valid pixels.
    np.testing.assert_allclose(values, [3 / 5 * 2 / 16, 3 / 5 * 1 / 16, 0.0], rtol=1e-5)


def test_consistency_of_equal_outputs_is_0():
    valid = np.ones(LOGITS.shape[:3], bool)
    # Softmax does not see a constant that is added to all classes.
    values = losses.consistency(LOGITS, LOGITS + 5.0, valid)
    np.testing.assert_allclose(values, np.zeros(3), atol=1e-12)


@pytest.mark.parametrize("classes", [2, 3, 19])
def test_consistency_lies_between_0_and_2_over_the_number_of_classes(classes):
    rng = np.random.default_rng(0)
    one, other = 30 * rng.normal(size=(2, 4, 6, 5, classes)).astype("float32")
    valid = np.ones((4, 6, 5), bool)
    values = np.asarray(losses.consistency(one, other, valid))
    assert (values > 0).all()
    assert (values < 2 / classes).all()
    certain = np.zeros((1, 1, 1, classes), "float32")
    certain[..., 0] = 200.0
    opposite = certain[..., ::-1].copy()
    farthest = losses.consistency(certain, opposite, np.ones((1, 1, 1), bool))
    np.testing.assert_allclose(farthest, [2 / classes], rtol=1e-6)


def test_consistency_teaches_the_first_and_not_the_target():
    logits, target = tf.constant(LOGITS), tf.zeros_like(LOGITS)
    with tf.GradientTape() as tape:
        tape.watch([logits, target])
        total = tf.reduce_sum(losses.consistency(logits, target, tf.ones((3, 1, 3))))
    to_logits, to_target = tape.gradient(total, [logits, target])
    assert to_target is None
    # At p = 3/4: the mean of two squares has the derivative (p - 1/2) dp on each
    # side, together 1/4 * 2 * p (1 - p), over three pixels.
    assert float(to_logits[0, 0, 0, 0]) == pytest.approx(2 / 4 * 3 / 16 / 3)
    np.testing.assert_allclose(to_logits[0, 0, 1], [0.0, 0.0], atol=1e-7)


def test_consistency_without_a_valid_pixel_has_a_finite_gradient():
    logits = tf.constant(LOGITS)
    with tf.GradientTape() as tape:
        tape.watch(logits)
        values = losses.consistency(logits, -logits, tf.zeros((3, 1, 3), bool))
    np.testing.assert_array_equal(tape.gradient(values, logits), np.zeros_like(LOGITS))


# Against 3/4 and 1/4 at each pixel: differences of 0, 1/4, 1/2 in both classes.
CERTAIN = np.broadcast_to(np.array([LOG_3, 0], "float32"), LOGITS.shape).copy()
EVERYWHERE = np.ones(LOGITS.shape[:3], bool)


@pytest.mark.parametrize(("reduction", "factor"), [("mean", 1), ("class_sum", 2)])
@pytest.mark.parametrize(
    ("threshold", "expected"),
    # The target's highest probabilities are 3/4, 1/2, 3/4. Who reaches the threshold
    # counts, and the others are 0 among three pixels all the same. Thresholds lie
    # beside these, since a processor may compute 1/2 as a little less.
    [(0.0, 5 / 48), (0.4999, 5 / 48), (0.5001, 1 / 12), (0.74, 1 / 12), (0.76, 0.0)],
)
def test_consistency_with_the_targets_that_are_sure(
    threshold, expected, reduction, factor
):
    values = losses.consistency(CERTAIN, LOGITS, EVERYWHERE, reduction, threshold)
    np.testing.assert_allclose(values, [factor * expected] * 3, rtol=1e-5)


def test_an_unknown_reduction_is_refused():
    message = r"one of \['class_sum', 'mean'\], but is 'sum'"
    with pytest.raises(ValueError, match=message):
        losses.consistency(LOGITS, LOGITS, EVERYWHERE, "sum")
    with pytest.raises(ValueError, match=message):
        losses.equivalent_weight(1.0, "sum", 19)


@pytest.mark.parametrize(
    ("weight", "reduction", "classes", "expected"),
    [
        (100, "mean", 20, ("class_sum", 5.0)),
        (5, "class_sum", 20, ("mean", 100)),
        # The weight of French et al. for Pascal VOC.
        (1, "class_sum", 21, ("mean", 21)),
    ],
)
def test_equivalent_weights_by_hand(weight, reduction, classes, expected):
    assert losses.equivalent_weight(weight, reduction, classes) == expected


@pytest.mark.parametrize("reduction", ["mean", "class_sum"])
def test_equivalent_weights_make_the_same_loss(reduction):
    rng = np.random.default_rng(0)
    one, other = rng.normal(size=(2, 3, 4, 5, 7)).astype("float32")
    valid = rng.random((3, 4, 5)) < 0.7
    other_reduction, weight = losses.equivalent_weight(12.5, reduction, 7)
    np.testing.assert_allclose(
        weight * losses.consistency(one, other, valid, other_reduction, 0.4),
        12.5 * losses.consistency(one, other, valid, reduction, 0.4),
        rtol=1e-5,
    )


@pytest.mark.parametrize("jit_compile", [None, False, True])
@pytest.mark.parametrize(
    # -ln 3/4 - ln 1/2 - ln 1/4 against the first class; the target is sure of it by
    # 3/4, 1/2, 3/4. The second image has two valid pixels, the third none.
    ("threshold", "expected"),
    [
        (0.0, [math.log(32 / 3), math.log(8 / 3), 0.0]),
        (0.4999, [math.log(32 / 3), math.log(8 / 3), 0.0]),
        (0.5001, [math.log(16 / 3), math.log(4 / 3), 0.0]),
        (0.76, [0.0, 0.0, 0.0]),
    ],
)
def test_pseudo_labels_by_hand(threshold, expected, jit_compile):
    function = functools.partial(losses.pseudo_label_cross_entropy, threshold=threshold)
    if jit_compile is not None:
        function = tf.function(function, jit_compile=jit_compile)
    # Of two classes that are as likely the first is the label.
    target = CERTAIN.copy()
    target[:, :, 1] = 0.0
    valid = np.array([[[1, 1, 1]], [[1, 1, 0]], [[0, 0, 0]]], bool)
    values = function(tf.constant(LOGITS), tf.constant(target), tf.constant(valid))
    # Three images have five valid pixels.
    np.testing.assert_allclose(values, 3 / 5 * np.array(expected), rtol=1e-5, atol=1e-7)


def test_pseudo_labels_teach_the_first_and_not_the_target():
    logits, target = tf.constant(LOGITS), tf.constant(LOGITS + 0.5)
    valid = tf.constant([[[True, True, False]]] * 3)
    with tf.GradientTape() as tape:
        tape.watch([logits, target])
        values = losses.pseudo_label_cross_entropy(logits, target, valid, 0.6)
    to_logits, to_target = tape.gradient(values, [logits, target])
    assert to_target is None
    # Softmax less the label over two pixels; the second is in doubt, the third padded.
    expected = np.zeros_like(LOGITS)
    expected[:, 0, 0] = np.array([-1 / 4, 1 / 4]) / 2
    np.testing.assert_allclose(to_logits, expected, atol=1e-6)


def test_losses_are_of_32_bits_for_logits_of_16():
    logits = tf.cast(LOGITS, "bfloat16")
    for values in (
        losses.cross_entropy(LABELS, logits),
        losses.consistency(logits, logits, EVERYWHERE, threshold=0.5),
        losses.pseudo_label_cross_entropy(logits, logits, EVERYWHERE, 0.5),
        losses.pretext_cross_entropy(LABELS[0, 0], logits[:, 0, 0], tf.ones(3)),
    ):
        assert values.dtype == "float32"
        assert values.shape == (3,)
