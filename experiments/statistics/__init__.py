"""Numbers with honest intervals: how a policy scores, and how sure one may be that it beats another.

Scores are arrays (S, N): S training seeds (1 for a heuristic) by N evaluation seeds, the same evaluation
seeds for every policy. One evaluation seed is one draw of luck, shared by every training seed and every
policy, so every interval resamples or averages whole columns: strata are training seeds, and pairs stay pairs.

    estimates     a score, its interval; probability of improvement, normalised score, variance ratio
    differences   paired differences: an interval for each, and one for all of them together
    two_way       the same difference with the luck of training counted too
    profiles      how often a policy scores above each mark
    power         how many evaluation seeds a difference or a width takes
    coverage      how often all of these hold a truth that is known
"""

from experiments.statistics.differences import difference_family, paired_difference
from experiments.statistics.estimates import (
    BOOTSTRAP_SEED,
    CONFIDENCE,
    RESAMPLES,
    Estimate,
    estimate,
    interquartile_mean,
    iqm_over_all,
    mean_over_all,
    normalised_score,
    probability_of_improvement,
    score,
    variance_ratio,
)

__all__ = [
    "BOOTSTRAP_SEED",
    "CONFIDENCE",
    "RESAMPLES",
    "Estimate",
    "difference_family",
    "estimate",
    "interquartile_mean",
    "iqm_over_all",
    "mean_over_all",
    "normalised_score",
    "paired_difference",
    "probability_of_improvement",
    "score",
    "variance_ratio",
]
