"""Does a conclusion hold at another number, and how far does the main outcome move?

A conclusion has a margin: the paired difference of two policies on the same luck, or an effect minus the value at which
there is none; and a sign: +1 or -1 where the 95 % interval of the margin lies clear of zero, else 0. It changes where
one sign turns into the other, so a rank inside the noise cannot change. It is no longer clear where the sign becomes 0
and the margin has clearly moved, and still holds where it has not.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from scipy.stats import t as student

from experiments.facts.pooling import Pooled, interval, minus, ratio
from experiments.sensitivity.conclusions import DEFAULT, NOTHING, Conclusion, Ranked
from experiments.sensitivity.study import Played
from experiments.sensitivity.variation import Variation
from experiments.statistics import CONFIDENCE, Estimate


class Verdict(StrEnum):
    """What a variation does to one conclusion."""

    HOLDS = "holds"
    CHANGES = "changes"
    FADES = "no longer clear"
    APPEARS = "becomes clear"
    OPEN = "as unclear as before"
    ABSENT = "not applicable"


@dataclass(frozen=True)
class Judgement:
    """One conclusion at one variation."""

    conclusion: Conclusion
    base: Estimate
    margin: Estimate
    verdict: Verdict


@dataclass(frozen=True)
class Finding:
    """One variation. outcome: default policies minus nothing, per cent of nothing.  shift: its change in points."""

    variation: Variation
    outcome: Estimate
    shift: Estimate
    judgements: tuple[Judgement, ...]
    moves_nothing: bool

    def those(self, verdict: Verdict) -> list[Conclusion]:
        """Return the conclusions with one verdict."""
        return [one.conclusion for one in self.judgements if one.verdict == verdict]


def finding(variation: Variation, base: Played, varied: Played, conclusions: list[Conclusion]) -> Finding:
    """Return what one variation does."""
    gain, gain_before = _gain(varied), _gain(base)
    seeds = len(varied.returns[DEFAULT])
    return Finding(
        variation,
        interval(gain, seeds),
        interval(minus(gain, gain_before), seeds),
        tuple(judge(conclusion, base, varied) for conclusion in conclusions),
        varied.equals(base),
    )


def _gain(played: Played) -> Pooled:
    nothing = played.returns[NOTHING]
    return ratio(played.returns[DEFAULT] - nothing, np.abs(nothing), 100.0)


def judge(conclusion: Conclusion, base: Played, varied: Played) -> Judgement:
    """Return the verdict on one conclusion."""
    before, now = margin(conclusion, base), margin(conclusion, varied)
    return Judgement(conclusion, before, now, _verdict(conclusion, base, varied, before, now))


def _verdict(conclusion: Conclusion, base: Played, varied: Played, before: Estimate, now: Estimate) -> Verdict:
    if np.isnan(before.value) or np.isnan(now.value):
        return Verdict.ABSENT
    was, is_now = sign(before), sign(now)
    if was == 0:
        return Verdict.APPEARS if is_now else Verdict.OPEN
    if is_now == -was:
        return Verdict.CHANGES
    if is_now == was or not _has_moved(conclusion, base, varied, before, now):
        return Verdict.HOLDS
    return Verdict.FADES


def _has_moved(conclusion: Conclusion, base: Played, varied: Played, before: Estimate, now: Estimate) -> bool:
    if isinstance(conclusion, Ranked):
        moved = _difference(conclusion, varied) - _difference(conclusion, base)
        return sign(mean_interval(moved)) != 0
    return not now.low <= before.value <= now.high


def margin(conclusion: Conclusion, played: Played) -> Estimate:
    """Return by how much a conclusion holds, with its 95 % interval; NaN where nothing was measured."""
    if isinstance(conclusion, Ranked):
        return mean_interval(_difference(conclusion, played))
    found, null = played.effects[conclusion.measure], conclusion.null
    return Estimate(found.value - null, found.low - null, found.high - null)


def _difference(pair: Ranked, played: Played) -> np.ndarray:
    return played.returns[pair.better] - played.returns[pair.worse]


def sign(margin: Estimate) -> int:
    """Return +1 or -1 where the interval lies clear of zero, else 0."""
    return int(margin.low > 0) - int(margin.high < 0)


def mean_interval(values: np.ndarray) -> Estimate:
    """Return the mean of (N,) values with Student's 95 % interval: of thousands, bootstraps would take hours."""
    mean, n = float(np.mean(values)), len(values)
    if n < 2:
        return Estimate(mean, float("nan"), float("nan"))
    half = float(student.ppf(0.5 + 0.5 * CONFIDENCE, n - 1) * np.std(values, ddof=1) / np.sqrt(n))
    return Estimate(mean, mean - half, mean + half)
