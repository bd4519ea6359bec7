import time

import numpy as np
import pytest

from selene_tf.evaluation import bootstrap, metrics
from tests.refusals import assert_refused


def confusions_of(shares, pixels=1000):
    """Images of two classes, of which a share of each class's pixels is right."""
    right = np.round(np.asarray(shares) * pixels).astype(int)
    wrong = pixels - right
    return np.stack([[right, wrong], [wrong, right]]).transpose(2, 0, 1)


def test_equal_images_leave_nothing_open():
    confusions = confusions_of([0.8] * 12)
    score = metrics.mean_iou(confusions.sum(0))
    assert bootstrap.interval(confusions) == pytest.approx((score, score))


def test_the_interval_is_about_that_of_the_normal_distribution():
    """Pixel shares near 1: the IoU is nearly linear in them."""
    rng = np.random.default_rng(3)
    shares = rng.uniform(0.9, 1.0, 400)
    low, high = bootstrap.interval(confusions_of(shares, 100_000), seed=1)
    # IoU of both classes is r / (2 - r), of derivative 2 / (2 - r)^2.
    slope = 2 / (2 - shares.mean()) ** 2
    width = 2 * 1.96 * slope * shares.std() / np.sqrt(400)
    assert high - low == pytest.approx(width, rel=0.1)
    assert low < metrics.mean_iou(confusions_of(shares).sum(0)) < high


def test_copies_of_images_do_not_narrow_it_if_they_are_drawn_together():
    shares = np.random.default_rng(0).uniform(0.5, 1.0, 40)
    once = bootstrap.interval(confusions_of(shares))
    frames = confusions_of(np.repeat(shares, 9))
    naive, blocks = bootstrap.interval(frames), bootstrap.interval(frames, block=9)
    assert blocks == pytest.approx(once)
    assert naive[1] - naive[0] == pytest.approx((once[1] - once[0]) / 3, rel=0.2)


def test_the_last_block_may_be_shorter():
    shares = np.linspace(0.5, 0.9, 21)
    assert bootstrap.num_draws(21, 2) == 11
    low, high = bootstrap.interval(confusions_of(shares), block=2)
    assert 0 < low < high < 1


def test_of_few_draws_there_is_no_interval():
    """Of one it would have no width, and any difference would look certain."""
    confusions = confusions_of(np.linspace(0.5, 0.9, 27))
    assert bootstrap.interval(confusions, block=3) is None
    assert bootstrap.interval(confusions, block=2) is not None
    same = confusions_of(np.linspace(0.5, 0.9, 27) + 0.01)
    paired = bootstrap.paired_interval(same, confusions, block=3)
    assert paired[1:] == (None, None)


def test_many_classes_take_no_minutes():
    rng = np.random.default_rng(0)
    confusions = rng.integers(0, 50, (40, 150, 150)).astype("int32")
    started = time.perf_counter()
    low, high = bootstrap.interval(confusions)
    assert time.perf_counter() - started < 10
    assert low < metrics.mean_iou(confusions.sum(0)) < high


def test_what_is_hard_for_both_cancels_out():
    shares = np.random.default_rng(0).uniform(0.4, 0.9, 50)
    ours, theirs = confusions_of(shares + 0.02), confusions_of(shares)
    difference, low, high = bootstrap.paired_interval(ours, theirs)
    assert difference == pytest.approx(
        metrics.mean_iou(ours.sum(0)) - metrics.mean_iou(theirs.sum(0))
    )
    assert 0 < low < difference < high
    alone = bootstrap.interval(ours)
    assert high - low < (alone[1] - alone[0]) / 5
    # Turned round it is the same with the other sign.
    back = bootstrap.paired_interval(theirs, ours)
    assert back == pytest.approx((-difference, -high, -low))


def test_a_network_and_itself_do_not_differ():
    confusions = confusions_of(np.linspace(0.5, 0.9, 12))
    assert bootstrap.paired_interval(confusions, confusions) == (0, 0, 0)


def test_scores_of_other_images_are_refused():
    ours = confusions_of([0.5, 0.9])
    assert_refused(
        lambda: bootstrap.paired_interval(ours, ours[:1]), "2 images", "of 1 with"
    )
    other = confusions_of([0.5, 0.9]) + [[[0, 0], [0, 0]], [[1, 0], [0, 0]]]
    assert_refused(
        lambda: bootstrap.paired_interval(ours, other), "1 of 2 images", "number 1"
    )


def test_it_covers_the_truth_about_as_often_as_it_says():
    """Images of a known distribution; 95 % of the intervals hold its score."""
    rng = np.random.default_rng(0)
    truth = metrics.mean_iou(confusions_of(rng.uniform(0.5, 1, 200_000)).sum(0))
    covered = 0
    for seed in range(200):
        sample = confusions_of(rng.uniform(0.5, 1, 60))
        low, high = bootstrap.interval(sample, resamplings=300, seed=seed)
        covered += low <= truth <= high
    # 190 are expected with a standard deviation of 3; percentiles are a little narrow.
    assert 178 <= covered <= 198
