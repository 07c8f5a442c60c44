"""How many evaluation seeds a difference takes, on the same luck and on luck of its own for each policy.

The spread is estimated from seeds already played, so every count carries the 95 % interval of that spread. Training
seeds are averaged first: the counts are for the models at hand.

Source: power of the paired and the two-sample t test by the noncentral t distribution (Cohen 1988, ch. 2).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.stats import nct
from scipy.stats import t as student

from experiments.statistics.differences import luck_differences
from experiments.statistics.estimates import CONFIDENCE, Estimate, estimate

POWER = 0.8
MOST_SEEDS = 10**9


@dataclass(frozen=True)
class Spread:
    """Standard deviation of one evaluation seed's difference, credits; groups: 1 paired, 2 with independent luck."""

    deviation: Estimate
    groups: int

    def seeds_for_difference(self, difference: float, power: float = POWER) -> Estimate:
        """Return how many seeds find a true difference with this probability (two-sided test at 5 %)."""
        return self._seeds(lambda count, deviation: _power(difference, deviation, count, self.groups) >= power)

    def seeds_for_half_width(self, half_width: float) -> Estimate:
        """Return how many seeds give an interval of value -/+ half_width."""
        return self._seeds(lambda count, deviation: _half_width(deviation, count, self.groups) <= half_width)

    def difference_found(self, count: int, power: float = POWER) -> float:
        """Return the smallest true difference that `count` seeds find with this probability, credits."""
        deviation = self.deviation.value
        if deviation == 0.0 or np.isnan(deviation):
            return deviation
        low, high = 0.0, deviation
        while _power(high, deviation, count, self.groups) < power:
            high *= 2
        for _ in range(60):
            middle = (low + high) / 2
            low, high = (middle, high) if _power(middle, deviation, count, self.groups) < power else (low, middle)
        return high

    def half_width(self, count: int) -> float:
        """Return how far the interval of a mean over `count` seeds reaches to either side, credits."""
        return _half_width(self.deviation.value, count, self.groups)

    def _seeds(self, suffices: Callable[[int, float], bool]) -> Estimate:
        ends = (self.deviation.value, self.deviation.low, self.deviation.high)
        return Estimate(*(_smallest(suffices, end) for end in ends))


@dataclass(frozen=True)
class PairSpread:
    """What two policies' returns spread like. saving: variance on independent luck over that on the same luck."""

    same_luck: Spread
    independent: Spread
    saving: Estimate


def pair_spread(ours: np.ndarray, theirs: np.ndarray) -> PairSpread:
    """Return the spread of ours (S, N) minus theirs (T, N); both were played on the same seeds.

    On independent luck the variance of the difference is the sum of the two policies' own variances.
    """
    first, second = np.mean(np.atleast_2d(ours), axis=0), np.mean(np.atleast_2d(theirs), axis=0)
    paired = luck_differences(ours, theirs)

    def both(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        return np.sqrt(_variance(a) + _variance(b))

    def ratio(a: np.ndarray, b: np.ndarray, difference: np.ndarray) -> np.ndarray:
        variance = _variance(difference)
        return (_variance(a) + _variance(b)) / np.where(variance > 0, variance, np.nan)

    return PairSpread(
        Spread(estimate([paired], lambda d: np.sqrt(_variance(d)), method="percentile"), groups=1),
        Spread(estimate([first, second], both, method="percentile"), groups=2),
        estimate([first, second, paired], ratio, method="percentile"),
    )


def _variance(row: np.ndarray) -> np.ndarray:
    return np.var(row[0], axis=-1, ddof=1)


def _power(difference: float, deviation: float, count: int, groups: int) -> float:
    """deviation: of a difference of two single sessions, so that its mean over `count` has deviation / sqrt(count)."""
    if deviation == 0.0:
        return 1.0 if difference else 0.0
    degrees = groups * (count - 1)
    shift = abs(difference) * np.sqrt(count) / deviation
    bound = student.ppf((1 + CONFIDENCE) / 2, degrees)
    return float(nct.sf(bound, degrees, shift) + nct.cdf(-bound, degrees, shift))


def _half_width(deviation: float, count: int, groups: int) -> float:
    return float(student.ppf((1 + CONFIDENCE) / 2, groups * (count - 1)) * deviation / np.sqrt(count))


def _smallest(suffices: Callable[[int, float], bool], deviation: float) -> float:
    """Return the smallest count of at least 2 that suffices; NaN where none up to MOST_SEEDS does."""
    high = 2
    while not suffices(high, deviation):
        high *= 2
        if high > MOST_SEEDS:
            return float("nan")
    low = high // 2
    while high - low > 1:
        middle = (low + high) // 2
        low, high = (low, middle) if suffices(middle, deviation) else (middle, high)
    return float(max(high, 2))
