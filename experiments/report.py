"""Comparisons as Markdown: the table people read, and what it means."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from experiments.compare import SHOWN_MEASURES, Comparison, Scored, best_heuristic
from experiments.config import ExperimentConfig
from experiments.seeds import seeds_text
from experiments.statistics import iqm_over_all

MEASURE_NAMES = {
    "viewers_mean": "viewers",
    "stall_share": "stall %",
    "ad_minutes_per_hour": "ad min/h",
    "masked_actions": "masked",
}


def comparison_table(comparison: Comparison) -> str:
    """Return the Markdown table: a row per policy, best first, with 95 % intervals."""
    baselines = [policy for policy in comparison.policies if policy.is_baseline]
    header = ["policy", "return (IQM)", *(f"minus {baseline.label}" for baseline in baselines), "score"]
    header += [MEASURE_NAMES[name] for name in SHOWN_MEASURES]
    ranked = sorted(comparison.policies, key=lambda policy: -float(iqm_over_all(policy.values())))
    return markdown(header, [_row(comparison, policy, baselines) for policy in ranked])


def comparison_markdown(comparison: Comparison) -> str:
    """Return the table, the learners' training seeds one by one, and how to read both."""
    parts = [comparison_table(comparison)]
    if seed_table := training_seed_table(comparison):
        parts.append("Each training seed alone:\n\n" + seed_table)
    parts.append(explanation(comparison))
    return "\n\n".join(parts) + "\n"


def training_seed_table(comparison: Comparison) -> str:
    """Return a row per learner and training seed; empty where nothing was learned."""
    baselines = [policy for policy in comparison.policies if policy.is_baseline]
    rows = []
    for policy in comparison.policies:
        for seed in policy.tables:
            if seed is not None:
                rows.append(
                    [
                        policy.label,
                        str(seed),
                        comparison.find(policy.name, "return_iqm", training_seed=seed).text(),
                        *(_difference(comparison, policy, baseline, seed) for baseline in baselines),
                    ]
                )
    if not rows:
        return ""
    header = [
        "policy",
        "training seed",
        "return (IQM)",
        *(f"minus {baseline.label}" for baseline in baselines),
    ]
    return markdown(header, rows)


def explanation(comparison: Comparison) -> str:
    """Return how the numbers were made."""
    best = best_heuristic(comparison.policies)
    scale = f"; score: 0 is random, 100 the best heuristic here ({best.label})" if best else ""
    count, which = len(comparison.seeds), seeds_text(comparison.seeds)
    return (
        f"{count} evaluation seeds ({which}), the same for every policy and unseen in training. "
        "IQM: interquartile mean of the return in credits; minus X: mean paired "
        "difference to X on the same luck; in brackets 95 % bootstrap intervals over evaluation seeds"
        f"{scale}. viewers: mean concurrent; stall %: stalled share of viewing time; "
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
    return comparison.find(policy.name, "paired_difference", baseline.name, seed).text()


def _evaluation_text(config: ExperimentConfig) -> str:
    settings = ", ".join(f"{key} = {value}" for key, value in config.evaluation_overrides.items())
    return f" Final scores are played with {settings}." if settings else ""


def experiment_report(config: ExperimentConfig, comparison: str) -> str:
    """Return the page that opens a result: what was done, the comparison, and where the rest lies."""
    env = config.env
    learners = ", ".join(f"{entry.shown} ({entry.algorithm})" for entry in config.algorithms) or "none"
    lines = [
        f"# {config.name}",
        config.description,
        f"Environment {env.id}, scenario {env.scenario}, reward {env.reward} ({env.reward_mode}). "
        f"Learners: {learners}; {config.total_steps:,} training decisions, "
        f"training seeds {', '.join(map(str, config.training_seeds))}. "
        "Training episodes have other luck than evaluation: their seeds are 2^32 and above." + _evaluation_text(config),
        comparison.rstrip(),
        "config.yaml repeats this experiment; episodes/ holds every episode; runs/ the models; "
        "`tensorboard --logdir tensorboard --host 127.0.0.1` shows the curves.",
    ]
    return "\n\n".join(line for line in lines if line) + "\n"
