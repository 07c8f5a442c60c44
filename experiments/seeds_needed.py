"""How many evaluation seeds a comparison needs: the answer of `livesim power` for every policy of a result."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from experiments.compare import Scored, best_heuristic
from experiments.report import Table
from experiments.statistics import Estimate
from experiments.statistics.power import PairSpread, pair_spread
from livesim.errors import ConfigError, unknown_name

LEAST_SEEDS = 8
"""A spread of fewer sessions says nothing of how many are needed."""


@dataclass(frozen=True)
class Needs:
    """Spreads of every policy's difference to one of them, and what was asked of them."""

    against: str
    seeds: int
    spreads: dict[str, PairSpread]
    difference: float | None
    interval_width: float | None
    probability: float

    def answers(self, spread: PairSpread) -> dict[str, tuple[Estimate, Estimate]]:
        """Return per question the seeds on the same luck and on independent luck."""
        both = (spread.same_luck, spread.independent)
        found = {}
        if self.difference is not None:
            one, other = (luck.seeds_for_difference(self.difference, self.probability) for luck in both)
            found[f"to find {self.difference:g}"] = (one, other)
        if self.interval_width is not None:
            one, other = (luck.seeds_for_half_width(self.interval_width / 2) for luck in both)
            found[f"for width {self.interval_width:g}"] = (one, other)
        return found

    def markdown(self) -> str:
        """Return a row per policy, and what the columns mean."""
        rows, header = [], ["policy", "finds now", "half width now", "sd, same luck", "sd, independent", "luck saves"]
        for name, spread in self.spreads.items():
            same, other = spread.same_luck, spread.independent
            now = (same.difference_found(self.seeds, self.probability), same.half_width(self.seeds))
            row = [name, *(f"{value:,.1f}" for value in now), same.deviation.text(), other.deviation.text()]
            row.append(f"{spread.saving.text()} x")
            for paired, independent in self.answers(spread).values():
                row += [paired.text(0), independent.text(0)]
            rows.append(row)
        for question in self.answers(next(iter(self.spreads.values()))):
            header += [f"seeds {question}", "on independent luck"]
        return f"{Table(header, rows).markdown()}\n\n{self._explanation()}"

    def _explanation(self) -> str:
        return (
            f"Differences to {self.against} in credits a session, from {self.seeds} evaluation seeds. Finds now: the "
            "smallest true difference that these seeds tell from zero with a chance of "
            f"{100 * self.probability:g} % (two-sided, 5 %). sd: of one session's difference. Luck saves: how many "
            "times more seeds independent luck needs for the same interval. In brackets 95 % intervals, of a count "
            "from that of the spread. Training seeds are averaged: counts are for the trained models at hand, and for "
            "one difference alone."
        )

    def as_data(self) -> dict[str, Any]:
        """Return plain data for JSON."""
        return {
            "against": self.against,
            "evaluation_seeds": self.seeds,
            "power": self.probability,
            "policies": [
                {
                    "policy": name,
                    "difference_found": spread.same_luck.difference_found(self.seeds, self.probability),
                    "half_width": spread.same_luck.half_width(self.seeds),
                    "deviation_same_luck": _ends(spread.same_luck.deviation),
                    "deviation_independent": _ends(spread.independent.deviation),
                    "saving": _ends(spread.saving),
                    "seeds": {
                        question: {"same_luck": _ends(paired), "independent": _ends(independent)}
                        for question, (paired, independent) in self.answers(spread).items()
                    },
                }
                for name, spread in self.spreads.items()
            ],
        }


def plan(
    policies: Sequence[Scored],
    against: str,
    difference: float | None,
    interval_width: float | None,
    probability: float,
) -> Needs:
    """Return what a comparison with `against` (empty: the best rule) takes; raises ConfigError for a wrong question."""
    for name, value in (("--difference", difference), ("--interval-width", interval_width)):
        if value is not None and not 0 < value < float("inf"):
            raise ConfigError(f"{name} {value:g}: must be larger than 0, in credits a session")
    names = [policy.name for policy in policies]
    if against and against not in names:
        raise unknown_name("policy", against, names, "--against")
    other = next((p for p in policies if p.name == against), None) if against else best_heuristic(policies)
    if other is None:
        raise ConfigError("the result has no rule to compare with; name a policy with --against")
    seeds = other.values().shape[1]
    if seeds < LEAST_SEEDS:
        raise ConfigError(f"the result has {seeds} evaluation seeds; a spread takes at least {LEAST_SEEDS}")
    spreads = {p.label: pair_spread(p.values(), other.values()) for p in policies if p is not other}
    if not spreads:
        raise ConfigError(f"the result holds {other.label} alone: there is no difference to find")
    return Needs(other.label, seeds, spreads, difference, interval_width, probability)


def _ends(estimate: Estimate) -> dict[str, float | None]:
    numbers = {"value": estimate.value, "low": estimate.low, "high": estimate.high}
    return {name: None if np.isnan(number) else number for name, number in numbers.items()}
