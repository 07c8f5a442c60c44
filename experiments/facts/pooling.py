"""Statistics pooled over sessions, with bootstrap intervals over seeds.

A session is the unit that luck draws, so the bootstrap draws sessions with replacement. A pooled statistic is a
function of weights: how often each session was drawn. `weights` is (B, S), one row per resample; the answer is (B,).
Treatments on the same seeds share the weights, so pairs stay pairs.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import ArrayLike

from experiments.statistics import BOOTSTRAP_SEED, CONFIDENCE, Estimate

RESAMPLES = 400
SHAPES = np.geomspace(0.05, 3.0, 120)  # Weibull shapes at which the likelihood equation is tabulated

Pooled = Callable[[np.ndarray], np.ndarray]
"""(B, S) weights -> (B,) values; NaN where a resample holds nothing to measure."""


def interval(pooled: Pooled, sessions: int, resamples: int = RESAMPLES, seed: int = BOOTSTRAP_SEED) -> Estimate:
    """Return the pooled value with its 95 % percentile interval over seeds; one session gives no interval."""
    generator = np.random.default_rng(seed)
    drawn = generator.multinomial(sessions, np.full(sessions, 1.0 / sessions), size=resamples)
    values = pooled(np.vstack([np.ones((1, sessions)), drawn]))
    rest = values[1:][np.isfinite(values[1:])]
    if sessions < 2 or not np.isfinite(values[0]) or len(rest) == 0:
        return Estimate(float(values[0]), float("nan"), float("nan"))
    tail = 0.5 * (1.0 - CONFIDENCE)
    low, high = np.quantile(rest, [tail, 1.0 - tail])
    return Estimate(float(values[0]), float(low), float(high))


def ratio(top: ArrayLike, bottom: ArrayLike, scale: float = 1.0) -> Pooled:
    """Return scale x sum of top over sum of bottom; one number of each per session."""
    above, below = np.asarray(top, dtype=float), np.asarray(bottom, dtype=float)

    def pooled(weights: np.ndarray) -> np.ndarray:
        total = weights @ below
        return scale * np.divide(weights @ above, total, out=np.full(len(weights), np.nan), where=total != 0)

    return pooled


def mean(values: ArrayLike) -> Pooled:
    """Return the mean over sessions of one number each, those without one (NaN) left out."""
    given = np.asarray(values, dtype=float)
    known = np.isfinite(given)
    return ratio(np.where(known, given, 0.0), known.astype(float))


def quantile(groups: Sequence[np.ndarray], q: float) -> Pooled:
    """Return a quantile of all values of all sessions: the smallest with at least a share q at or below it."""
    values, which = _joined(groups)
    order = np.argsort(values, kind="stable")
    values, which = values[order], which[order]

    def one(weights: np.ndarray) -> float:
        reached = np.cumsum(weights[which])
        if len(reached) == 0 or reached[-1] == 0:
            return float("nan")
        return float(values[np.searchsorted(reached, q * reached[-1])])

    return lambda weights: np.array([one(row) for row in weights])


def repeated(groups: Sequence[np.ndarray], statistic: Callable[[np.ndarray], float]) -> Pooled:
    """Return any statistic of all values of all sessions, each as often as its session was drawn."""
    values, which = _joined(groups)

    def one(weights: np.ndarray) -> float:
        chosen = np.repeat(values, weights[which].astype(np.int64))
        return float(statistic(chosen)) if len(chosen) else float("nan")

    return lambda weights: np.array([one(row) for row in weights])


def divided(top: Pooled, bottom: Pooled) -> Pooled:
    """Return one pooled statistic over another."""

    def pooled(weights: np.ndarray) -> np.ndarray:
        above, below = top(weights), bottom(weights)
        return np.divide(above, below, out=np.full(len(weights), np.nan), where=below != 0)

    return pooled


def minus(first: Pooled, second: Pooled) -> Pooled:
    """Return the difference of two pooled statistics."""
    return lambda weights: first(weights) - second(weights)


def gini(values: np.ndarray) -> float:
    """Return the Gini coefficient: 0 where all are equal, near 1 where one has everything."""
    x = np.sort(values)
    n, total = len(x), x.sum()
    if n == 0 or total <= 0:
        return float("nan")
    return float((2.0 * np.arange(1, n + 1) - n - 1.0) @ x / (n * total))


def top_share(values: np.ndarray, share: float) -> float:
    """Return what part of the total the largest `share` of the values holds, at least one of them."""
    x = np.sort(values)[::-1]
    if len(x) == 0 or x.sum() <= 0:
        return float("nan")
    return float(x[: max(1, round(share * len(x)))].sum() / x.sum())


def robust_sd(values: np.ndarray) -> float:
    """Return 1.4826 times the median distance from the median: the standard deviation of a normal core."""
    return float(1.4826 * np.median(np.abs(values - np.median(values))))


def weibull_shape(groups: Sequence[tuple[np.ndarray, np.ndarray]]) -> Pooled:
    """Return the maximum likelihood Weibull shape k of durations, some cut by the end of the record.

    groups: per session (duration_s > 0, whether it ended).  k solves sum t^k ln t / sum t^k - 1/k = mean of ln t over
    those that ended; its left side rises with k, so it is tabulated and inverted linearly.
    """
    tables = np.array([_weibull_sums(duration, ended) for duration, ended in groups])  # (S, 2 shapes + 2)
    n = len(SHAPES)

    def one(total: np.ndarray) -> float:
        powers, powers_log, ended, ended_log = total[:n], total[n : 2 * n], total[-2], total[-1]
        if ended == 0:
            return float("nan")
        excess = powers_log / powers - 1.0 / SHAPES - ended_log / ended
        if excess[0] > 0 or excess[-1] < 0:
            return float("nan")
        return float(np.interp(0.0, excess, SHAPES))

    return lambda weights: np.array([one(row) for row in weights @ tables])


def _weibull_sums(duration: np.ndarray, ended: np.ndarray) -> np.ndarray:
    log = np.log(np.maximum(duration, 1e-3))
    powers = np.exp(SHAPES[:, None] * log[None, :])
    return np.concatenate([powers.sum(axis=1), powers @ log, [ended.sum(), log[ended].sum()]])


def _joined(groups: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    arrays = [np.asarray(group, dtype=float) for group in groups]
    which = np.repeat(np.arange(len(arrays)), [len(array) for array in arrays])
    return (np.concatenate(arrays) if arrays else np.zeros(0)), which
