"""Comparisons as tables: the cells people read, as Markdown or for a page, and what they mean."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.compare import SHOWN_MEASURES, Comparison, Scored, best_heuristic, pairs
from experiments.seeds import seeds_text
from experiments.statistics import iqm_over_all

MEASURE_NAMES = {
    "viewers_mean": "viewers",
    "stall_share": "stall %",
    "ad_minutes_per_hour": "ad min/h",
    "masked_actions": "masked",
}


SURVIVES = "*"
"""Behind a difference that is clear of zero after the correction for all pairs of its comparison."""


@dataclass(frozen=True)
class Table:
    """Cells as they are shown; the first column names the row."""

    header: Sequence[str]
    rows: Sequence[Sequence[str]]

    def markdown(self) -> str:
        """Return the Markdown table."""
        return markdown(self.header, self.rows)


def comparison_cells(comparison: Comparison) -> Table:
    """Return a row per policy and a difference per rule, both best first, with 95 % intervals."""
    baselines = _baselines(comparison)
    header = ["policy", "return (IQM)", *(f"minus {baseline.label}" for baseline in baselines), "score"]
    header += [MEASURE_NAMES[name] for name in SHOWN_MEASURES]
    return Table(header, [_row(comparison, policy, baselines) for policy in best_first(comparison.policies)])


def comparison_table(comparison: Comparison) -> str:
    """Return the Markdown table: a row per policy, best first, with 95 % intervals."""
    return comparison_cells(comparison).markdown()


def comparison_markdown(comparison: Comparison) -> str:
    """Return the table, the learners' training seeds one by one, and how to read both."""
    parts = [comparison_table(comparison)]
    if (two_way := two_way_cells(comparison)).rows:
        parts.append(f"{TWO_WAY_TEXT}\n\n{two_way.markdown()}")
    if (seeds := training_seed_cells(comparison)).rows:
        parts.append(f"{TRAINING_SEED_TEXT}\n\n{seeds.markdown()}")
    parts.append(explanation(comparison))
    return "\n\n".join(parts) + "\n"


def best_first(policies: Sequence[Scored]) -> list[Scored]:
    """Return policies by interquartile mean of the return, the highest first."""
    return sorted(policies, key=lambda policy: -float(iqm_over_all(policy.values())))


TRAINING_SEED_TEXT = "Each training seed alone (intervals of one difference, not corrected for many):"
TWO_WAY_TEXT = (
    "What to expect if trained again: the same differences with the luck of training counted beside the luck of a "
    "session (intervals over training and evaluation seeds, not corrected for many):"
)


def two_way_cells(comparison: Comparison) -> Table:
    """Return a row per learner with several training seeds; no row where there is none."""
    baselines = _baselines(comparison)
    rows = [
        [policy.label, str(len(policy.tables))]
        + [comparison.find(policy.name, "paired_difference_two_way", baseline.name).text() for baseline in baselines]
        for policy in comparison.policies
        if len(policy.tables) > 1 and baselines
    ]
    return Table(["policy", "training seeds", *(f"minus {baseline.label}" for baseline in baselines)], rows)


def training_seed_cells(comparison: Comparison) -> Table:
    """Return a row per learner and training seed; no row where nothing was learned."""
    baselines = _baselines(comparison)
    rows = [
        [
            policy.label,
            str(seed),
            comparison.find(policy.name, "return_iqm", training_seed=seed).text(),
            *(_difference(comparison, policy, baseline, seed) for baseline in baselines),
        ]
        for policy in comparison.policies
        for seed in policy.tables
        if seed is not None
    ]
    header = ["policy", "training seed", "return (IQM)", *(f"minus {baseline.label}" for baseline in baselines)]
    return Table(header, rows)


def _baselines(comparison: Comparison) -> list[Scored]:
    return best_first([policy for policy in comparison.policies if policy.is_baseline])


def explanation(comparison: Comparison) -> str:
    """Return how the numbers were made."""
    best = best_heuristic(comparison.policies)
    scale = f"; score: 0 is random, 100 the best heuristic here ({best.label})" if best else ""
    count, which = len(comparison.seeds), seeds_text(comparison.seeds)
    return (
        f"{count} evaluation seeds ({which}), the same for every policy and unseen in training. "
        "IQM: interquartile mean of the return in credits; minus X: mean paired "
        "difference to X on the same luck; in brackets 95 % bootstrap intervals over evaluation seeds"
        f"{scale}. {SURVIVES}: clear of zero also after the correction for all {len(pairs(comparison.policies))} pairs "
        "of the table (simultaneous 95 % intervals, in comparison.csv). "
        "viewers: mean concurrent; stall %: stalled share of viewing time; "
        "ad min/h: minutes of ads per hour; masked: actions asked for that were not possible."
    )


def markdown(header: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table with aligned columns, the first left and the others right."""
    widths = [max(len(row[column]) for row in [header, *rows]) for column in range(len(header))]
    rule = ["-" * widths[0], *("-" * (width - 1) + ":" for width in widths[1:])]
    lines = [_line(header, widths), _line(rule, widths), *(_line(row, widths) for row in rows)]
    return "\n".join(lines)


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    padded = [
        cells[0].ljust(widths[0]),
        *(cell.rjust(width) for cell, width in zip(cells[1:], widths[1:], strict=True)),
    ]
    return f"| {' | '.join(padded)} |"


def _row(comparison: Comparison, policy: Scored, baselines: Sequence[Scored]) -> list[str]:
    row = [policy.label, comparison.find(policy.name, "return_iqm").text()]
    row += [_difference(comparison, policy, baseline, None) for baseline in baselines]
    row.append(_normalised(comparison, policy))
    for name in SHOWN_MEASURES:
        value = float(np.mean(policy.values(name)))
        row.append(f"{100 * value:.2f}" if name == "stall_share" else f"{value:,.1f}")
    return row


def _normalised(comparison: Comparison, policy: Scored) -> str:
    try:
        return comparison.find(policy.name, "normalised_score").text(0)
    except KeyError:
        return "n/a"


def _difference(comparison: Comparison, policy: Scored, baseline: Scored, seed: int | None) -> str:
    if policy is baseline:
        return "-"
    text = comparison.find(policy.name, "paired_difference", baseline.name, seed).text()
    return f"{text}{SURVIVES}" if seed is None and comparison.survives(policy.name, baseline.name) else text
