"""Performance profiles: the share of runs that score above a mark, for every mark.

A profile that lies above another everywhere is better in every quantile, not only on average. The band is
pointwise: each mark has its own 95 % interval, the whole curve is not held at once.

Source: Agarwal et al. 2021, sec. 4.2 (run-score distributions, stratified bootstrap bands); Dolan and More 2002.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from experiments.statistics.estimates import BOOTSTRAP_SEED, CONFIDENCE, RESAMPLES, resampled_weights


@dataclass(frozen=True)
class Profile:
    """marks: (K,) ascending; share: (K,), of runs above each mark, in 0 .. 1; low, high: its pointwise band."""

    marks: np.ndarray
    share: np.ndarray
    low: np.ndarray
    high: np.ndarray


def normalised_runs(scores: np.ndarray, zero: float, hundred: float) -> np.ndarray:
    """Return every run of (S, N) on the scale where `zero` is 0 and `hundred` is 100; the scale is taken as fixed."""
    return 100.0 * (np.asarray(scores, dtype=np.float64) - zero) / (hundred - zero)


def performance_profile(
    scores: np.ndarray, marks: np.ndarray, resamples: int = RESAMPLES, seed: int = BOOTSTRAP_SEED
) -> Profile:
    """Return the share of runs strictly above each mark. scores: (S, N); evaluation seeds are resampled together."""
    above = (np.atleast_2d(scores)[:, :, None] > np.asarray(marks)[None, None, :]).mean(axis=0)  # (N, K)
    drawn = [weights @ above for weights in resampled_weights(len(above), resamples, seed)]
    low, high = np.quantile(np.concatenate(drawn), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2], axis=0)
    return Profile(np.asarray(marks), above.mean(axis=0), low, high)
