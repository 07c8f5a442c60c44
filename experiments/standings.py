"""Where every policy of one result stands against the best rule: the rows of reports and leaderboards."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from experiments.compare import Comparison, Scored, best_heuristic
from experiments.report import SURVIVES, Table, best_first
from experiments.statistics import Estimate


@dataclass(frozen=True)
class Standing:
    """One policy. difference: paired, to the best rule, credits; None for that rule and where there is none.

    survives: the difference is clear of zero after the correction for all pairs of the comparison; again: the
    same difference with the luck of training counted; improvement: how often it beats the best rule on the same luck.
    """

    policy: str
    is_learner: bool
    training_seeds: int
    iqm: Estimate
    normalised: Estimate | None
    difference: Estimate | None
    survives: bool
    again: Estimate | None
    improvement: Estimate | None

    @property
    def difference_text(self) -> str:
        """The difference with its interval and, where it survives the correction, a star."""
        return _text(self.difference) + (SURVIVES if self.survives else "")


def standings(comparison: Comparison) -> list[Standing]:
    """Return every policy of a comparison, the highest return first."""
    best = best_heuristic(comparison.policies)
    return [_standing(comparison, policy, best) for policy in best_first(comparison.policies)]


def _standing(comparison: Comparison, policy: Scored, best: Scored | None) -> Standing:
    def find(measure: str, baseline: str = "") -> Estimate | None:
        try:
            return comparison.find(policy.name, measure, baseline)
        except KeyError:
            return None

    against = best.name if best is not None and best is not policy else None
    return Standing(
        policy=policy.label,
        is_learner=not policy.is_baseline,
        training_seeds=0 if policy.is_baseline else len(policy.tables),
        iqm=comparison.find(policy.name, "return_iqm"),
        normalised=find("normalised_score"),
        difference=find("paired_difference", against) if against else None,
        survives=comparison.survives(policy.name, against) if against else False,
        again=find("paired_difference_two_way", against) if against else None,
        improvement=find("probability_of_improvement", against) if against else None,
    )


def standing_cells(found: Sequence[Standing]) -> list[list[str]]:
    """Return the cells under STANDING_HEADER, a row per policy."""
    return [
        [
            standing.policy,
            standing.iqm.text(),
            _text(standing.normalised, 0),
            standing.difference_text,
            _text(standing.again),
            _text(standing.improvement, 2),
            str(standing.training_seeds or "-"),
        ]
        for standing in found
    ]


STANDING_HEADER = (
    "policy", "return (IQM)", "score", "minus best rule", "if trained again", "beats it", "training seeds",
)  # fmt: skip
STANDING_TEXT = (
    "Score: 0 is random, 100 the best rule of that table. Minus best rule: mean paired difference in credits on the "
    f"same luck; {SURVIVES}: clear of zero also after the correction for all pairs of its comparison. If trained "
    "again: the same difference, the interval over training seeds as well. Beats it: how often it earns more than the "
    "best rule on the same luck, a tie counts half. In brackets 95 % intervals."
)


def verdicts(comparison: Comparison) -> list[str]:
    """Return a sentence per learner: what it earns beside the best rule, and how sure that is."""
    best = best_heuristic(comparison.policies)
    if best is None:
        return []
    return [_verdict(one, best.label) for one in standings(comparison) if one.is_learner and one.difference]


def _verdict(standing: Standing, rule: str) -> str:
    difference = standing.difference
    assert difference is not None
    more = "more" if difference.value >= 0 else "less"
    credits = f"{abs(difference.value):,.1f} credits a session {more}"
    text = f"{standing.policy} earns {credits} than the best rule ({rule}): "
    if standing.survives:
        ending = "is clear of zero, also after the correction for many comparisons"
    elif difference.low > 0 or difference.high < 0:
        ending = "is clear of zero alone, but not after the correction for many comparisons"
    else:
        ending = "is not told from zero by these seeds"
    return f"{text}{difference.text()} {ending}."


def _text(estimate: Estimate | None, digits: int = 1) -> str:
    return "-" if estimate is None else estimate.text(digits)


def standings_table(found: Sequence[Standing]) -> Table:
    """Return the standings of one result."""
    return Table(STANDING_HEADER, standing_cells(found))
