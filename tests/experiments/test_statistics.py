"""Estimates and intervals, against values worked out by hand and against known coverage."""

import numpy as np
import pytest

from experiments import statistics
from experiments.statistics import Estimate


def test_interquartile_mean_drops_a_quarter_at_either_end():
    assert statistics.interquartile_mean(np.array([100.0, 1.0, 3.0, 2.0, 4.0, 5.0, 6.0, -50.0])) == 3.5
    # 64 seeds: 16 are cut at either end, the middle 32 average (17 + 48) / 2
    assert statistics.interquartile_mean(np.arange(1.0, 65.0)) == 32.5


def test_a_score_is_the_interquartile_mean_over_training_and_evaluation_seeds_together():
    scores = np.array([[1.0, 2.0, 3.0, 4.0], [5.0, 6.0, 7.0, 80.0]])
    assert statistics.score(scores).value == pytest.approx((3 + 4 + 5 + 6) / 4)


def test_a_paired_difference_is_the_mean_difference_on_the_same_seed():
    ours = np.array([[10.0, 20.0, 30.0]])
    theirs = np.array([[9.0, 18.0, 27.0]])
    assert statistics.paired_difference(ours, theirs).value == pytest.approx(2.0)


def test_pairing_removes_the_luck_that_both_policies_share():
    luck = np.random.default_rng(1).normal(0, 100, 64)
    ours, theirs = luck + 5.0 + np.random.default_rng(2).normal(0, 1, 64), luck
    found = statistics.paired_difference(ours[None], theirs[None])
    assert 4.5 < found.low < found.value < found.high < 5.5


def test_a_constant_difference_has_an_interval_of_no_width():
    theirs = np.array([[3.0, 8.0, 1.0, 4.0]])
    assert statistics.paired_difference(theirs + 2.0, theirs) == Estimate(2.0, 2.0, 2.0)


def test_a_single_seed_gives_no_interval():
    found = statistics.score(np.array([[7.0]]))
    assert found.value == 7.0
    assert np.isnan(found.low)
    assert np.isnan(found.high)
    assert found.text() == "7.0"


def test_probability_of_improvement_counts_wins_and_half_of_the_ties():
    ours = np.array([[1.0, 5.0, 3.0, 0.0]])
    theirs = np.array([[0.0, 4.0, 3.0, 9.0]])
    assert statistics.probability_of_improvement(ours, theirs).value == pytest.approx(2.5 / 4)


def test_probability_of_improvement_pairs_each_training_seed_with_the_baseline_on_the_same_luck():
    ours = np.array([[1.0, 1.0], [3.0, 3.0]])
    theirs = np.array([[2.0, 0.0]])
    assert statistics.probability_of_improvement(ours, theirs).value == pytest.approx(3 / 4)


def test_the_normalised_score_is_0_for_random_and_100_for_the_best_heuristic():
    random, best = np.array([[0.0, 2.0, 4.0, 6.0]]), np.array([[10.0, 12.0, 14.0, 16.0]])
    assert statistics.normalised_score(random, random, best).value == pytest.approx(0.0)
    assert statistics.normalised_score(best, random, best).value == pytest.approx(100.0)
    assert statistics.normalised_score(random + 5.0, random, best).value == pytest.approx(50.0)


def test_the_normalised_score_does_not_exist_where_the_heuristic_does_not_beat_random():
    worse, random = np.array([[0.0, 1.0, 2.0]]), np.array([[5.0, 6.0, 7.0]])
    assert np.isnan(statistics.normalised_score(random, random, worse).value)
    assert statistics.normalised_score(random, random, worse).text() == "n/a"


def test_the_variance_ratio_is_worked_out_from_sample_variances():
    same, independent = np.array([1.0, 2.0, 3.0]), np.array([10.0, 20.0, 30.0])
    assert statistics.variance_ratio(same, independent).value == pytest.approx(100.0)


def test_intervals_are_the_same_every_time():
    scores = np.random.default_rng(3).normal(size=(2, 30))
    assert statistics.score(scores) == statistics.score(scores)


def test_the_95_percent_interval_covers_the_truth_about_95_times_in_100():
    generator = np.random.default_rng(4)
    covered, trials = 0, 200
    for _ in range(trials):
        values = generator.normal(10.0, 3.0, (1, 40))
        found = statistics.estimate([values], statistics.mean_over_all, resamples=999)
        covered += found.low <= 10.0 <= found.high
    # binomial(200, .95): 190 with standard deviation 3.1; bootstrap intervals of 40 values are slightly short
    assert 180 <= covered <= 199, f"{covered} of {trials} intervals held the true mean"


def test_training_seeds_are_strata_and_evaluation_seeds_are_resampled_together():
    luck = np.random.default_rng(5).normal(0, 50, 40)
    scores = np.stack([luck, luck + 1000.0])
    # the gap of 1,000 between training seeds is no uncertainty about luck: only the luck of 40 sessions is
    found = statistics.estimate([scores], statistics.mean_over_all)
    assert found.high - found.low == pytest.approx(2 * 1.96 * luck.std(ddof=1) / np.sqrt(40), rel=0.15)
