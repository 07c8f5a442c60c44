"""What each ingredient of learning contributes: variants of one learner against the plain one, on the same luck."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from experiments import statistics
from experiments.compare import Scored
from livesim.errors import ConfigError, unknown_name


def ablation_markdown(policies: Sequence[Scored], plain: str = "") -> str:
    """Return a Markdown table: every learner's mean return, and its difference to the plain one (the first for "").

    The interval speaks of the luck of sessions, given the trained models; the last column pairs training seeds, which
    share the luck of training, and shows how far the difference depends on them.
    """
    learners = [policy for policy in policies if not policy.is_baseline]
    if len(learners) < 2:
        raise ConfigError("an ablation compares at least two learners of one result; this one has fewer.")
    names = {policy.name: policy for policy in learners}
    if plain and plain not in names:
        raise unknown_name("learner", plain, names, "--plain")
    base = names[plain] if plain else learners[0]
    lines = [
        f"| learner | mean return | difference to `{base.name}` | by training seed |",
        "|---|---|---|---|",
        f"| `{base.name}`: {base.label} | {_mean(base)} | | |",
    ]
    for policy in learners:
        if policy is not base:
            gain = statistics.paired_difference(policy.values(), base.values()).text()
            lines.append(f"| `{policy.name}`: {policy.label} | {_mean(policy)} | {gain} | {_by_seed(policy, base)} |")
    lines += [f"| {rule.name} | {_mean(rule)} | | |" for rule in policies if rule.is_baseline]
    return "\n".join(lines) + "\n"


def _mean(policy: Scored) -> str:
    return statistics.estimate([policy.values()], statistics.mean_over_all).text()


def _by_seed(policy: Scored, base: Scored) -> str:
    shared = [seed for seed in policy.tables if seed in base.tables]
    gains = [float(np.mean(policy.tables[seed]["return"] - base.tables[seed]["return"])) for seed in shared]
    return ", ".join(f"{gain:+,.1f}" for gain in gains)
