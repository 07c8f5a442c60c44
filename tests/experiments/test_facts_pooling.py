"""Statistics pooled over sessions: values by hand, intervals by theory."""

from __future__ import annotations

import numpy as np
import pytest

from experiments.facts import pooling

ONCE = np.ones((1, 2))
"""Two sessions, each drawn once."""


def test_a_ratio_is_the_ratio_of_sums_and_not_the_mean_of_ratios():
    pooled = pooling.ratio([1, 8], [2, 4])
    assert pooled(ONCE)[0] == 1.5
    assert pooled(np.array([[2.0, 0.0]]))[0] == 0.5
    assert np.isnan(pooling.ratio([1, 1], [0, 0])(ONCE)[0])


def test_a_mean_leaves_out_sessions_without_a_number():
    assert pooling.mean([3.0, np.nan])(ONCE)[0] == 3.0


def test_a_quantile_counts_a_session_as_often_as_it_was_drawn():
    groups = [np.array([1.0, 2.0]), np.array([10.0])]
    assert pooling.quantile(groups, 0.5)(ONCE)[0] == 2.0
    assert pooling.quantile(groups, 0.5)(np.array([[1.0, 3.0]]))[0] == 10.0
    assert np.isnan(pooling.quantile([np.zeros(0), np.zeros(0)], 0.5)(ONCE)[0])


def test_a_repeated_statistic_sees_the_values_of_a_session_as_often_as_it_was_drawn():
    pooled = pooling.repeated([np.array([1.0]), np.array([4.0])], np.mean)
    assert pooled(np.array([[1.0, 2.0]]))[0] == 3.0


def test_the_gini_coefficient_is_zero_for_equals_and_near_one_where_one_has_all():
    assert pooling.gini(np.array([3.0, 3.0, 3.0])) == pytest.approx(0.0)
    assert pooling.gini(np.array([0.0, 0.0, 0.0, 4.0])) == pytest.approx(0.75)
    assert pooling.gini(np.array([1.0, 3.0])) == pytest.approx(0.25)


def test_the_top_share_counts_at_least_one_giver():
    given = np.array([1.0, 2.0, 3.0, 14.0])
    assert pooling.top_share(given, 0.01) == pytest.approx(14 / 20)
    assert pooling.top_share(given, 0.5) == pytest.approx(17 / 20)


def test_the_robust_deviation_ignores_one_wild_value():
    assert pooling.robust_sd(np.array([-1.0, 0.0, 1.0, 500.0, 0.5])) == pytest.approx(1.4826 * 0.5)


def test_the_weibull_shape_of_cut_durations_is_recovered_within_four_standard_errors():
    shape, n = 0.5, 4000
    generator = np.random.default_rng(7)
    duration = generator.weibull(shape, n)
    cut = np.quantile(duration, 0.8)
    group = (np.minimum(duration, cut), duration < cut)
    found = pooling.weibull_shape([group, group])(ONCE)[0]
    assert found == pytest.approx(shape, abs=4 * 0.78 * shape / np.sqrt(0.8 * n))


def test_an_interval_of_a_mean_has_the_width_that_theory_gives():
    n = 400
    values = np.random.default_rng(3).normal(0.0, 1.0, n)
    found = pooling.interval(pooling.mean(values), n, resamples=2000)
    half = 1.96 * values.std() / np.sqrt(n)
    assert found.value == pytest.approx(values.mean())
    assert 0.5 * (found.high - found.low) == pytest.approx(half, rel=0.1)


def test_one_session_has_a_value_and_no_interval():
    found = pooling.interval(pooling.mean([2.0]), 1)
    assert found.value == 2.0
    assert np.isnan(found.low)


def test_treatments_of_the_same_seeds_stay_pairs_in_every_resample():
    """A ratio of 2 in every session is 2 in every resample: the interval has no width, however unequal sessions are."""
    ours, theirs = [2.0, 20.0, 200.0], [1.0, 10.0, 100.0]
    pooled = pooling.divided(pooling.mean(ours), pooling.mean(theirs))
    found = pooling.interval(pooled, 3)
    assert (found.value, found.low, found.high) == pytest.approx((2.0, 2.0, 2.0))
