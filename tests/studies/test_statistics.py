import numpy as np
import pytest
from scipy import stats

from selene_tf.evaluation.image_scores import ImageScores
from selene_tf.studies import statistics


@pytest.mark.parametrize("count", [2, 3, 5, 31, 40])
def test_the_interval_is_student_ts(count):
    values = np.random.default_rng(count).normal(0.5, 0.1, count).tolist()
    spread = statistics.spread(values)
    assert spread.mean == pytest.approx(np.mean(values))
    assert spread.deviation == pytest.approx(np.std(values, ddof=1))
    expected = stats.t.interval(0.95, count - 1, np.mean(values), stats.sem(values))
    # Beyond the table the normal distribution's quantile stands for it.
    assert spread.interval == pytest.approx(expected, abs=2e-4 if count < 32 else 3e-3)


def test_of_one_seed_nothing_is_known_about_the_spread():
    spread = statistics.spread([0.4])
    assert (spread.mean, spread.deviation, spread.interval) == (0.4, None, None)


def scores(shares):
    right = np.round(np.array(shares) * 1000).astype(int)
    wrong = 1000 - right
    confusions = np.stack([[right, wrong], [wrong, right]]).transpose(2, 0, 1)
    return ImageScores(confusions, np.ones((len(shares), 2), int), None, 1)


def test_over_images_seeds_are_averaged_within_each_draw():
    """One seed gains on every image what the other loses: nothing is left open."""
    shares = np.random.default_rng(0).uniform(0.4, 0.6, 30)
    gained = scores(shares + 0.1), scores(shares)
    lost = scores(shares), scores(shares + 0.1)
    low, high = statistics.paired_over_images([gained, lost])
    assert low == pytest.approx(0, abs=1e-12)
    assert high == pytest.approx(0, abs=1e-12)
    low, high = statistics.paired_over_images([gained, gained])
    assert 0 < low < high
