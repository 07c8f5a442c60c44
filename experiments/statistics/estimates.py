"""Scores and ratios with bootstrap intervals over evaluation seeds.

Intervals speak about the luck of a session given the trained models; `two_way` adds the luck of training.

Source: Agarwal et al. 2021, "Deep RL at the Edge of the Statistical Precipice" (interquartile mean,
stratified bootstrap, probability of improvement); Efron and Tibshirani 1993, ch. 14 (BCa).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from scipy.stats import DegenerateDataWarning, bootstrap, trim_mean

CONFIDENCE = 0.95
RESAMPLES = 4000
BOOTSTRAP_SEED = 20240229
RESAMPLE_BATCH = 500
"""Resamples held in memory at a time."""


@dataclass(frozen=True)
class Estimate:
    """A number with the ends of its 95 % interval; the ends are NaN where one seed gives no interval."""

    value: float
    low: float
    high: float

    def is_above(self, bound: float) -> bool:
        """Return whether the whole interval lies above `bound`."""
        return self.low > bound

    def as_data(self) -> dict[str, float | None]:
        """Return value, low and high for JSON; what is unknown is None."""
        ends = {"value": self.value, "low": self.low, "high": self.high}
        return {name: None if np.isnan(end) else end for name, end in ends.items()}

    def text(self, digits: int = 1) -> str:
        """Return "12.3 [11.0, 13.5]"."""
        if np.isnan(self.value):
            return "n/a"
        if np.isnan(self.low):
            return f"{self.value:,.{digits}f}"
        return f"{self.value:,.{digits}f} [{self.low:,.{digits}f}, {self.high:,.{digits}f}]"


def interquartile_mean(values: np.ndarray, axis: int | None = None) -> np.ndarray:
    """Return the mean of the middle half: a quarter of the values (rounded down) is cut at either end."""
    return trim_mean(values, 0.25, axis=axis)


def estimate(
    arrays: Sequence[np.ndarray],
    statistic: Callable[..., np.ndarray],
    method: str = "BCa",
    resamples: int = RESAMPLES,
    seed: int = BOOTSTRAP_SEED,
) -> Estimate:
    """Return `statistic(*arrays)` with its 95 % bootstrap interval over evaluation seeds.

    arrays: each (S_i, N); the N columns are resampled together in all of them. statistic: takes arrays (S_i,
    ..., N) and reduces the first and the last axis. method: "BCa" or "percentile". Where the statistic does
    not vary between resamples the interval is the value itself; with one column it is unknown (NaN).
    """
    tables = [np.atleast_2d(np.asarray(array, dtype=np.float64)) for array in arrays]
    value = float(statistic(*tables))
    columns = tables[0].shape[1]
    if columns < 2 or np.isnan(value):
        return Estimate(value, float("nan"), float("nan"))
    if all(np.all(table == table[:, :1]) for table in tables):
        return Estimate(value, value, value)
    splits = np.cumsum([len(table) for table in tables])[:-1]

    def of_rows(*rows: np.ndarray, axis: int = -1) -> np.ndarray:
        return statistic(*(np.stack(part) for part in _split(rows, splits)))

    rows = [row for table in tables for row in table]
    options = {"paired": True, "vectorized": True, "confidence_level": CONFIDENCE, "n_resamples": resamples}
    with warnings.catch_warnings(), np.errstate(invalid="ignore", divide="ignore"):
        warnings.simplefilter("ignore", DegenerateDataWarning)  # answered below
        generator = np.random.default_rng(seed)
        result = bootstrap(rows, of_rows, method=method, rng=generator, batch=RESAMPLE_BATCH, **options)
    low, high = (float(end) for end in result.confidence_interval)
    if np.isnan(low) and method == "BCa":  # the jackknife is degenerate, e.g. all but one value are equal
        return estimate(arrays, statistic, "percentile", resamples, seed)
    return Estimate(value, low, high)


def _split(rows: Sequence[np.ndarray], splits: np.ndarray) -> list[Sequence[np.ndarray]]:
    bounds = [0, *splits.tolist(), len(rows)]
    return [rows[first:end] for first, end in pairwise(bounds)]


def resampled_weights(
    count: int, resamples: int, seed: int = BOOTSTRAP_SEED, batch: int = RESAMPLE_BATCH
) -> Iterator[np.ndarray]:
    """Yield (size, count) weights of resamples with replacement, rows adding up to 1, `resamples` rows in all."""
    generator = np.random.default_rng(seed)
    for first in range(0, resamples, batch):
        size = min(batch, resamples - first)
        drawn = generator.integers(count, size=(size, count)) + count * np.arange(size)[:, None]
        yield np.bincount(drawn.ravel(), minlength=size * count).reshape(size, count) / count


def iqm_over_all(scores: np.ndarray) -> np.ndarray:
    """Return the interquartile mean over training and evaluation seeds. scores: (S, ..., N) -> (...)."""
    return interquartile_mean(_pool(scores), axis=-1)


def mean_over_all(scores: np.ndarray) -> np.ndarray:
    """Return the plain mean over training and evaluation seeds. scores: (S, ..., N) -> (...)."""
    return np.mean(_pool(scores), axis=-1)


def _pool(scores: np.ndarray) -> np.ndarray:
    moved = np.moveaxis(np.asarray(scores), 0, -1)  # (..., N, S)
    return moved.reshape(*moved.shape[:-2], moved.shape[-2] * moved.shape[-1])


def score(scores: np.ndarray) -> Estimate:
    """Return the interquartile mean with its interval. scores: (S, N)."""
    return estimate([scores], iqm_over_all)


def probability_of_improvement(ours: np.ndarray, theirs: np.ndarray) -> Estimate:
    """Return how often ours (S, N) beats theirs (T, N) on the same luck; a tie counts half."""

    def wins(a: np.ndarray, b: np.ndarray) -> np.ndarray:
        difference = a[:, None] - b[None, :]
        return np.mean((difference > 0) + 0.5 * (difference == 0), axis=(0, 1, -1))

    return estimate([ours, theirs], wins, method="percentile")


def normalised_score(policy: np.ndarray, random: np.ndarray, best_heuristic: np.ndarray) -> Estimate:
    """Return 100 x (policy - random) / (best heuristic - random) of interquartile means, with its interval.

    NaN where the heuristic does not beat random: the scale has no meaning there.
    """

    def on_scale(p: np.ndarray, r: np.ndarray, b: np.ndarray) -> np.ndarray:
        low, high = iqm_over_all(r), iqm_over_all(b)
        span = np.where(high > low, high - low, np.nan)
        return 100.0 * (iqm_over_all(p) - low) / span

    return estimate([policy, random, best_heuristic], on_scale, method="percentile")


def variance_ratio(same_luck: np.ndarray, independent: np.ndarray) -> Estimate:
    """Return var(difference, independent luck) / var(difference, same luck) with a percentile interval.

    same_luck, independent: (N,) return differences of two policies. Larger than 1: pairing saves that factor
    of seeds.
    """

    def ratio(same: np.ndarray, other: np.ndarray) -> np.ndarray:
        variance = np.var(same, axis=-1, ddof=1)[0]
        return np.var(other, axis=-1, ddof=1)[0] / np.where(variance > 0, variance, np.nan)

    return estimate([same_luck, independent], ratio, method="percentile")
