"""Who wins, by how much, and how sure one may be: every policy against every baseline on the same luck."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from agents.policy import is_planner
from experiments import statistics
from experiments.episode_table import EpisodeTable
from experiments.statistics import Estimate
from experiments.statistics.differences import Difference, difference_family, luck_differences
from experiments.statistics.two_way import two_way_difference

SHOWN_MEASURES = ("viewers_mean", "stall_share", "ad_minutes_per_hour", "masked_actions")


@dataclass(frozen=True)
class Scored:
    """One policy: a table of episodes per training seed (heuristics: one, under None), on equal seeds."""

    name: str
    label: str
    tables: Mapping[int | None, EpisodeTable]
    is_baseline: bool

    def values(self, column: str = "return") -> np.ndarray:
        """Return (S, N): training seeds by evaluation seeds."""
        return np.stack([table[column] for table in self.tables.values()])


@dataclass(frozen=True)
class Line:
    """One number of a comparison; training_seed None: all together, baseline "": compared with nothing."""

    policy: str
    training_seed: int | None
    measure: str
    baseline: str
    estimate: Estimate


@dataclass(frozen=True)
class Comparison:
    """Everything a comparison found, and what it was computed on."""

    seeds: tuple[int, ...]
    policies: tuple[Scored, ...]
    lines: tuple[Line, ...]

    def find(self, policy: str, measure: str, baseline: str = "", training_seed: int | None = None) -> Estimate:
        """Return one estimate; raises KeyError where there is none."""
        wanted = (policy, training_seed, measure, baseline)
        for line in self.lines:
            if (line.policy, line.training_seed, line.measure, line.baseline) == wanted:
                return line.estimate
        raise KeyError(wanted)

    def survives(self, policy: str, baseline: str) -> bool:
        """Return whether a paired difference is clear of zero after the correction for all pairs of the comparison."""
        together = self.find(policy, "paired_difference_simultaneous", baseline)
        return together.low > 0 or together.high < 0

    def as_csv(self) -> str:
        """Return one line per number: policy, training_seed, measure, baseline, value, low, high."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow(["policy", "training_seed", "measure", "baseline", "value", "low", "high"])
        for line in self.lines:
            seed = "all" if line.training_seed is None else line.training_seed
            ends = [_cell(end) for end in (line.estimate.value, line.estimate.low, line.estimate.high)]
            writer.writerow([line.policy, seed, line.measure, line.baseline, *ends])
        return text.getvalue()

    def as_data(self) -> dict[str, Any]:
        """Return plain data for JSON; numbers that do not exist are null."""
        return {
            "seeds": list(self.seeds),
            "policies": [
                {
                    "name": policy.name,
                    "label": policy.label,
                    "baseline": policy.is_baseline,
                    "training_seeds": [seed for seed in policy.tables if seed is not None],
                    "mean_return": float(np.mean(policy.values())),
                    "returns": [[float(value) for value in row] for row in policy.values()],
                }
                for policy in self.policies
            ],
            "numbers": [
                {
                    "policy": line.policy,
                    "training_seed": line.training_seed,
                    "measure": line.measure,
                    "baseline": line.baseline or None,
                    "value": _number(line.estimate.value),
                    "low": _number(line.estimate.low),
                    "high": _number(line.estimate.high),
                }
                for line in self.lines
            ],
        }


def compare(policies: Sequence[Scored]) -> Comparison:
    """Return the comparison of policies that were all played on the same evaluation seeds."""
    seeds = tuple(int(seed) for seed in next(iter(policies[0].tables.values()))["seed"])
    for policy in policies:
        for table in policy.tables.values():
            assert tuple(table["seed"]) == seeds, f"{policy.name} was played on other seeds"
    lines: list[Line] = []
    differences = _differences(policies)
    for policy in policies:
        lines += _lines(policy, policy.values(), None, policies)
        lines += _corrected(policy, differences, policies)
        if not policy.is_baseline:
            for row, seed in enumerate(policy.tables):
                lines += _lines(policy, policy.values()[row : row + 1], seed, policies)
    return Comparison(seeds, tuple(policies), tuple(lines))


def best_heuristic(policies: Sequence[Scored]) -> Scored | None:
    """Return the baseline with the highest interquartile mean, random and planners apart; None where there is none."""
    rules = [rule for rule in policies if rule.is_baseline and not _is_random(rule) and not is_planner(rule.name)]
    return max(rules, key=lambda rule: float(statistics.iqm_over_all(rule.values())), default=None)


def scale(policies: Sequence[Scored]) -> tuple[float, float] | None:
    """Return the returns that score 0 (random) and 100 (the best heuristic); None where there is no such scale."""
    random, best = _random(policies), best_heuristic(policies)
    if random is None or best is None:
        return None
    zero, hundred = (float(statistics.iqm_over_all(policy.values())) for policy in (random, best))
    return (zero, hundred) if hundred > zero else None


def pairs(policies: Sequence[Scored]) -> list[tuple[Scored, Scored]]:
    """Return every pair of a policy and a baseline once: the family that differences are corrected for."""
    return [
        (policy, baseline)
        for place, policy in enumerate(policies)
        for other, baseline in enumerate(policies)
        if baseline.is_baseline and (place < other if policy.is_baseline else place != other)
    ]


def _differences(policies: Sequence[Scored]) -> dict[tuple[str, str], Difference]:
    """Return the paired difference of every policy to every baseline, corrected for all of them."""
    family = pairs(policies)
    if not family:
        return {}
    found = difference_family([luck_differences(ours.values(), theirs.values()) for ours, theirs in family])
    known = {(ours.name, theirs.name): one for (ours, theirs), one in zip(family, found, strict=True)}
    return {**{(theirs, ours): one.reversed() for (ours, theirs), one in known.items()}, **known}


def _corrected(
    policy: Scored, differences: Mapping[tuple[str, str], Difference], policies: Sequence[Scored]
) -> list[Line]:
    """Return what the correction says of every difference, and the difference with the luck of training counted."""
    lines = []
    for baseline in policies:
        if baseline.is_baseline and baseline is not policy:
            found = differences[policy.name, baseline.name]
            p = Estimate(found.p, float("nan"), float("nan"))
            lines.append(Line(policy.name, None, "paired_difference_simultaneous", baseline.name, found.simultaneous))
            lines.append(Line(policy.name, None, "adjusted_p", baseline.name, p))
            if len(policy.tables) > 1:
                both = two_way_difference(policy.values(), baseline.values())
                lines.append(Line(policy.name, None, "paired_difference_two_way", baseline.name, both))
    return lines


def _lines(policy: Scored, scores: np.ndarray, seed: int | None, policies: Sequence[Scored]) -> list[Line]:
    def line(measure: str, estimate: Estimate, baseline: str = "") -> Line:
        return Line(policy.name, seed, measure, baseline, estimate)

    lines = [
        line("return_iqm", statistics.score(scores)),
        line("return_mean", statistics.estimate([scores], statistics.mean_over_all)),
    ]
    random, best = _random(policies), best_heuristic(policies)
    if random and best:
        lines.append(line("normalised_score", statistics.normalised_score(scores, random.values(), best.values())))
    for baseline in policies:
        if baseline.is_baseline and baseline is not policy:
            theirs = baseline.values()
            lines.append(line("paired_difference", statistics.paired_difference(scores, theirs), baseline.name))
            better = statistics.probability_of_improvement(scores, theirs)
            lines.append(line("probability_of_improvement", better, baseline.name))
    if seed is None:
        for column in _mean_columns(policy):
            value = float(np.mean(policy.values(column)))
            lines.append(line(column, Estimate(value, float("nan"), float("nan"))))
    return lines


def _mean_columns(policy: Scored) -> list[str]:
    table = next(iter(policy.tables.values()))
    own = ("return", "seed", "length")
    return [name for name in table.columns if name not in own and not name.startswith(("action.", "world."))]


def _random(policies: Sequence[Scored]) -> Scored | None:
    return next((policy for policy in policies if policy.is_baseline and _is_random(policy)), None)


def _is_random(policy: Scored) -> bool:
    return policy.name.rpartition(".")[2] == "random"


def _cell(value: float) -> str:
    return "" if np.isnan(value) else repr(value)


def _number(value: float) -> float | None:
    return None if np.isnan(value) else value
