"""Paired differences of mean returns, one by one and all together.

A mean difference gets a bootstrap-t interval, symmetric about the value: per resample of the evaluation seeds
t* = (d* - d) / se*, and the interval is d -/+ q se with q the 95 % quantile of |t*|. Returns are skewed and
heavy-tailed (one large gift), where BCa and percentile intervals of a mean are too short: `livesim coverage`
prints by how much.

Many comparisons. Among 20 true zeros one 95 % interval misses on average. For all J pairs of a table the same
construction takes q as the quantile of the *largest* |t*| among them (max-t), which holds all J differences
at once in 95 % of repetitions and, unlike Bonferroni or Holm, knows how strongly the pairs hang together:
they are played on the same luck. It was chosen over Holm because a verdict and its interval cannot disagree: a
difference survives the correction exactly where its simultaneous interval lies clear of zero, and that interval is
never shorter than the one for the pair alone. (Holm's step-down would find slightly more and has no such intervals.)

Source: Efron and Tibshirani 1993, ch. 12 (bootstrap-t); Hall 1992, sec. 3.6 (symmetric intervals); Westfall and
Young 1993, sec. 2.2 (max-t, single step); Romano and Wolf 2005, Econometrica 73 (studentised, for bootstraps).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.statistics.estimates import BOOTSTRAP_SEED, CONFIDENCE, RESAMPLES, Estimate, resampled_weights

LEAST_SEEDS = 4
"""With fewer evaluation seeds too many resamples repeat one seed, and no interval is given."""


@dataclass(frozen=True)
class Difference:
    """One difference of a family. simultaneous: holds together with all others; p: adjusted for all of them."""

    alone: Estimate
    simultaneous: Estimate
    p: float

    @property
    def survives(self) -> bool:
        """Whether the difference is clear of zero after the correction for the whole family."""
        return self.simultaneous.low > 0 or self.simultaneous.high < 0

    def reversed(self) -> Difference:
        """Return the difference the other way round."""
        return Difference(_negative(self.alone), _negative(self.simultaneous), self.p)


def luck_differences(ours: np.ndarray, theirs: np.ndarray) -> np.ndarray:
    """Return (N,): ours (S, N) minus theirs (T, N) on each evaluation seed, averaged over training seeds."""
    return np.mean(np.atleast_2d(ours), axis=0) - np.mean(np.atleast_2d(theirs), axis=0)


def paired_difference(ours: np.ndarray, theirs: np.ndarray) -> Estimate:
    """Return the mean of ours - theirs on the same luck with its interval. ours: (S, N), theirs: (T, N).

    The mean, and not the interquartile mean: it is what an operator earns, and what the reward maximises.
    """
    return difference_family([luck_differences(ours, theirs)])[0].alone


def difference_family(
    differences: Sequence[np.ndarray], resamples: int = RESAMPLES, seed: int = BOOTSTRAP_SEED
) -> list[Difference]:
    """Return every difference with its own interval and with the one that holds for the whole family.

    differences: J arrays (N,), on the same evaluation seeds. A difference that is the same on every seed is known
    exactly: its interval is the value. With fewer than LEAST_SEEDS seeds intervals and p are NaN.
    """
    values = np.stack([np.asarray(one, dtype=np.float64) for one in differences])
    means, count = values.mean(axis=1), values.shape[1]
    if count < LEAST_SEEDS:
        is_known = (count > 1) & (np.ptp(values, axis=1) == 0)
        return [_exact(mean) if known else _unknown(mean) for mean, known in zip(means, is_known, strict=True)]
    centred = values - means[:, None]
    errors = np.where(np.ptp(values, axis=1) > 0, values.std(axis=1, ddof=1) / np.sqrt(count), 0.0)
    drawn = np.abs(_studentised(centred, resamples, seed))
    largest = drawn.max(axis=1)
    alone = np.quantile(drawn, CONFIDENCE, axis=0, method="higher")
    together = float(np.quantile(largest, CONFIDENCE, method="higher"))
    found = []
    for mean, error, quantile in zip(means, errors, alone, strict=True):
        if error == 0.0:
            found.append(_exact(mean))
            continue
        p = (1 + np.count_nonzero(largest >= abs(mean) / error)) / (1 + resamples)
        found.append(Difference(_around(mean, quantile * error), _around(mean, together * error), float(p)))
    return found


def _studentised(centred: np.ndarray, resamples: int, seed: int) -> np.ndarray:
    """Return t* of every resample and difference. centred: (J, N), rows of mean zero. Returns (resamples, J)."""
    count, parts = centred.shape[1], []
    for weights in resampled_weights(count, resamples, seed):
        mean = weights @ centred.T
        variance = np.maximum(weights @ (centred**2).T - mean**2, 0.0) / (count - 1)
        with np.errstate(divide="ignore", invalid="ignore"):  # a resample of one seed alone: unbounded, or 0 / 0
            parts.append(np.nan_to_num(mean / np.sqrt(variance), nan=0.0, posinf=np.inf, neginf=-np.inf))
    return np.concatenate(parts)


def _around(mean: float, half: float) -> Estimate:
    return Estimate(float(mean), float(mean - half), float(mean + half))


def _exact(mean: float) -> Difference:
    known = _around(mean, 0.0)
    return Difference(known, known, 1.0 if mean == 0 else 0.0)


def _unknown(mean: float) -> Difference:
    nothing = Estimate(float(mean), float("nan"), float("nan"))
    return Difference(nothing, nothing, float("nan"))


def _negative(estimate: Estimate) -> Estimate:
    return Estimate(-estimate.value, -estimate.high, -estimate.low)
