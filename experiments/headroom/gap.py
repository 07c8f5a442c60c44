"""What a cell's episodes say: everybody minus the best rule on the same luck, and what that difference is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from experiments.episode_table import EpisodeTable
from experiments.headroom.study import CLAIRVOYANT, FAIR, RULE, Cell
from experiments.statistics import Estimate, estimate, mean_over_all, paired_difference

SHOWN_TERMS = 0.005
"""Parts below this share of the largest are not named in a sentence."""


@dataclass(frozen=True)
class Row:
    """One policy of a cell. mean: its return.  over_rule: minus the best rule, paired; None for the rule itself.

    terms: the same difference by reward term, weighted.  actions: how much more often it asks for each choice, by
    head.choice, per session.  viewers: mean concurrent viewers more.
    """

    role: str
    mean: Estimate
    over_rule: Estimate | None
    terms: Mapping[str, Estimate]
    actions: Mapping[str, float]
    viewers: float


@dataclass(frozen=True)
class Gap:
    """One cell: its rows in the order they were played."""

    cell: Cell
    rule: str
    seeds: int
    rows: tuple[Row, ...]

    def row(self, role: str) -> Row | None:
        """Return the row of a role."""
        return next((row for row in self.rows if row.role == role), None)

    @property
    def verdict(self) -> str:
        """What the planners found, in words."""
        fair, bound = self.row(FAIR), self.row(CLAIRVOYANT)
        if fair is None or bound is None or fair.over_rule is None or bound.over_rule is None:
            return "not both planners have played"
        words = [f"clairvoyant {_over(bound.over_rule)} the best rule, fair planner {_over(fair.over_rule)} it"]
        if fair.mean.value > bound.mean.value:
            words.append("the fair planner is above the clairvoyant's lower estimate: give that more sweeps")
        return "; ".join(words)


def gap_of(cell: Cell, rule: str, played: Mapping[str, list[EpisodeTable]]) -> Gap:
    """Return what a cell's episodes say.

    played: role -> tables on the same seeds, one per training seed of a learner, else one. Holds the best rule.
    """
    base = played[RULE]
    rows = tuple(_row(role, tables, base) for role, tables in played.items())
    return Gap(cell, rule, len(base[0]), rows)


def _row(role: str, tables: list[EpisodeTable], base: list[EpisodeTable]) -> Row:
    def values(column: str, of: list[EpisodeTable]) -> np.ndarray:
        return np.stack([table[column] for table in of])

    def more(column: str) -> float:
        return float(values(column, tables).mean() - values(column, base).mean())

    terms = {} if role == RULE else {
        name.removeprefix("term."): paired_difference(values(name, tables), values(name, base))
        for name in base[0].names("term.")
        if values(name, tables).any() or values(name, base).any()
    }  # fmt: skip
    return Row(
        role=role,
        mean=estimate([values("return", tables)], mean_over_all),
        over_rule=None if role == RULE else paired_difference(values("return", tables), values("return", base)),
        terms=dict(sorted(terms.items(), key=lambda item: -abs(item[1].value))),
        actions={name.removeprefix("action."): more(name) for name in base[0].names("action.")},
        viewers=more("viewers_mean"),
    )


def made_of(row: Row) -> str:
    """Return what a difference is made of as a sentence: reward terms, then viewers, then actions, largest first."""
    largest = max((abs(part.value) for part in row.terms.values()), default=0.0)
    terms = [f"{name} {part.text()}" for name, part in row.terms.items() if abs(part.value) > SHOWN_TERMS * largest]
    actions = sorted(row.actions.items(), key=lambda item: -abs(item[1]))
    counts = [f"{name} {count:+.1f}" for name, count in actions if abs(count) >= 0.05]
    return (
        f"credits: {', '.join(terms) or 'no term differs'}. Viewers {row.viewers:+.1f}. "
        f"Actions a session: {', '.join(counts) or 'as often'}."
    )


def _over(difference: Estimate) -> str:
    if difference.low > 0:
        return "clearly above"
    if difference.high < 0:
        return "clearly below"
    return "not clearly different from"
