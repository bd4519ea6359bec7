import functools
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
import tensorflow as tf

from selene_tf.losses import ohem

# The probability of the label 0 of two classes; a pixel of None has no label.
PROBABILITIES = [[0.25, 0.5, 0.8, None], [0.9, 0.6, None, 0.95]]


def two_classes(probabilities):
    """Labels and logits (batch, 1, width[, 2]) of which the label has these."""
    found = np.array([[p or 0.01 for p in row] for row in probabilities])[:, None]
    labels = np.array([[0 if p else 255 for p in row] for row in probabilities])
    logits = np.log(np.stack([found, 1 - found], axis=-1))
    return labels[:, None].astype("int32"), logits.astype("float32")


def cases(seed, shape=(4, 5, 7), classes=3, ignored=(0.0, 0.3, 1.0, 0.9)):
    """Images of which each has another share of pixels without a label."""
    rng = np.random.default_rng(seed)
    labels = rng.integers(0, classes, shape).astype("int32")
    dropped = rng.random(shape) < np.array(ignored)[:, None, None]
    logits = 2 * rng.normal(size=(*shape, classes))
    return np.where(dropped, 255, labels).astype("int32"), logits.astype("float32")


def softmax(logits):
    powers = np.exp(logits.astype("float64"))
    return powers / powers.sum(axis=-1, keepdims=True)


def sorted_in_full(labels, logits, min_share, threshold):
    """The rule in NumPy: which pixels are kept, and the loss."""
    labelled = labels != 255
    each = softmax(logits).reshape(labels.size, -1)
    safe = np.where(labelled, labels, 0).ravel()
    true_class = each[np.arange(labels.size), safe].reshape(labels.shape)
    p = np.where(labelled, true_class, 1.0)
    min_kept = round(min_share * labels.size)
    kept = labelled
    if labelled.sum() >= min_kept:
        limit = threshold
        if min_kept:
            limit = max(threshold, np.sort(p.ravel())[min_kept - 1])
        kept = labelled & (p <= limit)
    return kept, -np.log(p[kept]).mean() if kept.any() else 0.0


def value_and_gradient(labels, logits, jit_compile=None, **arguments):
    def compute(labels, logits):
        with tf.GradientTape() as tape:
            tape.watch(logits)
            values = ohem.ohem_cross_entropy(labels, logits, **arguments)
            mean = tf.reduce_mean(values)
        return values, tape.gradient(mean, logits)

    if jit_compile is not None:
        compute = tf.function(compute, jit_compile=jit_compile)
    return compute(tf.constant(labels), tf.constant(logits))


@pytest.mark.parametrize(
    ("min_share", "threshold", "kept"),
    [
        # The second lowest is 0.5, so the threshold decides.
        (2 / 8, 0.7, [[0.25, 0.5], [0.6]]),
        (0.0, 0.7, [[0.25, 0.5], [0.6]]),
        # The fifth lowest is 0.9, and decides.
        (5 / 8, 0.7, [[0.25, 0.5, 0.8], [0.9, 0.6]]),
        (2 / 8, 0.0, [[0.25, 0.5], []]),
        # As many as have a label, and one more than those.
        (6 / 8, 0.7, [[0.25, 0.5, 0.8], [0.9, 0.6, 0.95]]),
        (7 / 8, 0.7, [[0.25, 0.5, 0.8], [0.9, 0.6, 0.95]]),
        (1.0, 0.1, [[0.25, 0.5, 0.8], [0.9, 0.6, 0.95]]),
        # 1.4 of 8 pixels are 1.
        (0.175, 0.1, [[0.25], []]),
        (0.0, 0.1, [[], []]),
    ],
)
def test_the_kept_pixels_by_hand(min_share, threshold, kept):
    labels, logits = two_classes(PROBABILITIES)
    number = max(sum(len(row) for row in kept), 1)
    expected = [-np.log(row).sum() * 2 / number for row in kept]
    values = ohem.ohem_cross_entropy(labels, logits, min_share, threshold)
    np.testing.assert_allclose(values, expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize(("threshold", "number"), [(0.5001, 2), (0.4999, 1)])
def test_a_pixel_is_hard_up_to_the_threshold(threshold, number):
    labels, logits = two_classes([[0.25, 0.5, 0.75, 0.75]])
    value = ohem.ohem_cross_entropy(labels, logits, 1 / 4, threshold)
    expected = -np.log([0.25, 0.5][:number]).mean()
    np.testing.assert_allclose(value, [expected], rtol=1e-5)


def check_against_a_full_sort(seed, min_share, threshold, jit_compile=None):
    labels, logits = cases(seed)
    kept, expected = sorted_in_full(labels, logits, min_share, threshold)
    values, gradient = value_and_gradient(
        labels, logits, jit_compile, min_share=min_share, threshold=threshold
    )
    assert float(tf.reduce_mean(values)) == pytest.approx(expected, rel=1e-5)
    np.testing.assert_array_equal(np.abs(gradient).max(axis=-1) > 0, kept)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("min_share", [0.0, 0.01, 0.1, 0.3, 0.5, 0.9, 1.0])
@pytest.mark.parametrize("threshold", [0.0, 0.3, 0.7])
def test_a_full_sort_keeps_the_same(min_share, threshold, seed):
    check_against_a_full_sort(seed, min_share, threshold)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize(
    # The rank decides, the threshold, and that too few pixels have a label.
    ("min_share", "threshold"),
    [(0.4, 0.1), (0.1, 0.7), (0.9, 0.3)],
)
def test_a_graph_keeps_the_same(min_share, threshold, jit_compile):
    check_against_a_full_sort(0, min_share, threshold, jit_compile)


def test_pixels_as_hard_as_the_last_one_are_kept_too():
    rng = np.random.default_rng(0)
    levels = rng.choice([0.2, 0.4, 0.6, 0.8], (3, 40))
    labels, logits = two_classes(levels)
    for min_share in (0.1, 0.3, 0.6, 0.9):
        kept, expected = sorted_in_full(labels, logits, min_share, 0.3)
        # More than asked for: the whole level.
        assert kept.sum() > round(min_share * labels.size)
        values = ohem.ohem_cross_entropy(labels, logits, min_share, 0.3)
        assert np.mean(values) == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("jit_compile", [False, True])
def test_the_gradient_is_that_of_the_kept_pixels_mean(jit_compile):
    labels, logits = two_classes(PROBABILITIES)
    _, gradient = value_and_gradient(labels, logits, jit_compile, min_share=2 / 8)
    # Softmax less the label, over the three that are kept; the choice of the limit
    # adds nothing.
    expected = np.zeros_like(logits)
    expected[0, 0, :2] = np.array([[-3 / 4, 3 / 4], [-1 / 2, 1 / 2]]) / 3
    expected[1, 0, 1] = np.array([-2 / 5, 2 / 5]) / 3
    np.testing.assert_allclose(gradient, expected, atol=1e-6)


@pytest.mark.parametrize("jit_compile", [False, True])
@pytest.mark.parametrize("min_share", [0.0, 50_000 / 800**2])
def test_without_a_labelled_pixel_nothing_is_learnt(min_share, jit_compile):
    _, logits = cases(0)
    labels = np.full(logits.shape[:3], 255, "int32")
    values, gradient = value_and_gradient(
        labels, logits, jit_compile, min_share=min_share
    )
    np.testing.assert_array_equal(values, np.zeros(4))
    np.testing.assert_array_equal(gradient, np.zeros_like(logits))


def test_another_label_may_be_the_one_to_ignore():
    labels, logits = cases(0)
    expected = ohem.ohem_cross_entropy(labels, logits, 0.1)
    other = np.where(labels == 255, -1, labels)
    values = ohem.ohem_cross_entropy(other, logits, 0.1, ignore_label=-1)
    np.testing.assert_array_equal(values, expected)


def test_the_loss_is_of_32_bits_for_logits_of_16():
    labels, logits = cases(0)
    rounded = tf.cast(logits, "bfloat16")
    values = ohem.ohem_cross_entropy(labels, rounded, 0.1)
    assert values.dtype == "float32"
    expected = ohem.ohem_cross_entropy(labels, tf.cast(rounded, "float32"), 0.1)
    np.testing.assert_array_equal(values, expected)


def on_replicas(number, step):
    """Runs `step(index, gather)` on threads that wait for each other to gather."""
    slots, meeting = [None] * number, threading.Barrier(number, timeout=60)

    def run(index):
        def gather(values):
            slots[index] = values
            meeting.wait()
            everyone = tf.concat(slots, axis=0)
            # None may fill its slot again before all have read them.
            meeting.wait()
            return everyone

        return step(index, gather)

    with ThreadPoolExecutor(number) as threads:
        return list(threads.map(run, range(number)))


@pytest.mark.parametrize("replicas", [2, 4])
@pytest.mark.parametrize(
    # 0.05 of 140 pixels are 7, which neither two nor four share evenly. The third
    # image has no labelled pixel, and 0.9 is more than have a label.
    ("min_share", "threshold"),
    [(0.05, 0.0), (0.3, 0.1), (0.3, 0.7), (0.5, 0.0), (0.9, 0.3), (0.0, 0.5)],
)
def test_replicas_do_together_what_one_does(replicas, min_share, threshold):
    labels, logits = cases(5)
    # The first images are harder, so that each replica keeps another share.
    logits *= np.array([3.0, 1.0, 1.0, 0.1], "float32")[:, None, None, None]
    arguments = {"min_share": min_share, "threshold": threshold}
    kept, expected = sorted_in_full(labels, logits, **arguments)
    size = len(labels) // replicas

    def step(index, gather):
        own = slice(index * size, (index + 1) * size)
        own_logits = tf.constant(logits[own])
        with tf.GradientTape() as tape:
            tape.watch(own_logits)
            values = ohem.ohem_cross_entropy(
                labels[own], own_logits, **arguments, gather=gather
            )
            mean = tf.reduce_mean(values)
        return values, tape.gradient(mean, own_logits)

    parts = on_replicas(replicas, step)
    values, gradient = (np.concatenate(part) for part in zip(*parts, strict=True))
    whole, whole_gradient = value_and_gradient(labels, logits, **arguments)
    assert values.mean() == pytest.approx(expected, rel=1e-5)
    np.testing.assert_allclose(values, whole, rtol=1e-5)
    # The step averages the gradients of the replicas.
    np.testing.assert_allclose(gradient / replicas, whole_gradient, atol=1e-7)
    np.testing.assert_array_equal(np.abs(gradient).max(axis=-1) > 0, kept)


@pytest.mark.parametrize("min_share", [-0.1, 1.1])
def test_a_share_beyond_all_pixels_is_refused(min_share):
    with pytest.raises(ValueError, match=r"in \[0, 1\], but is"):
        ohem.ohem_cross_entropy(*cases(0), min_share)


def test_a_shape_that_is_not_static_is_refused():
    function = functools.partial(ohem.ohem_cross_entropy, min_share=0.1)
    labels = tf.TensorSpec((None, 5, 7), tf.int32)
    logits = tf.TensorSpec((None, 5, 7, 3), tf.float32)
    with pytest.raises(ValueError, match=r"labels must .* but it is \(None, 5, 7\)"):
        tf.function(function).get_concrete_function(labels, logits)


def test_a_gather_has_to_set_its_shape():
    @tf.function
    def function(labels, logits, number):
        def gather(values):
            return tf.repeat(values, number, axis=0)

        return ohem.ohem_cross_entropy(labels, logits, 0.1, gather=gather)

    with pytest.raises(ValueError, match="the gathered tensor must have a static"):
        function(*cases(0), tf.constant(2))
