"""No free lunch: every trivial answer must lose to the rule a practitioner would defend.

The rows are data, from what practitioners do (they do not camp on one item, spam overlays or acknowledge
without end, because it costs them viewers). Where a trivial policy wins, a mechanism or a number of the
scenario is wrong.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.environment import HEADS, EnvConfig
from experiments.episode_table import EpisodeTable
from experiments.report import markdown
from experiments.rollout import Progress, rollout
from experiments.statistics import Estimate, interquartile_mean, paired_difference
from livesim.errors import ConfigError, unknown_name_text
from livesim.scenario import Scenario


@dataclass(frozen=True)
class Row:
    """One law: in the environment of `head` (room: all of them), `trivial` loses to `rule`."""

    head: str
    trivial: str
    rule: str


ROWS = (
    Row("recommend", "hold:*", "nothing"),
    Row("recommend", "random", "fixed_schedule"),
    Row("recommend", "random", "estimated_match"),
    Row("ads", "nothing", "credit_rule"),
    Row("ads", "spam_mid_roll", "credit_rule"),
    Row("ads", "spam_overlay", "credit_rule"),
    Row("ads", "sell_out", "credit_rule"),
    Row("ads", "random", "fixed_interval"),
    Row("interact", "nothing", "rotation"),
    Row("interact", "spam:*", "rotation"),
    Row("interact", "random", "rotation"),
    Row("room", "random", "combined"),
)
"""`hold:*` stands for one row per item of the scenario, by its place, `spam:*` for one per interaction kind."""
NEEDS_FORMAT = {"spam_overlay": {"overlay"}, "spam_mid_roll": {"mid_roll_30"}}
"""Formats without which a trivial policy of the ads head places nothing; the others need any."""


@dataclass(frozen=True)
class Verdict:
    """What was found about one row; difference: the rule's return minus the trivial policy's, in credits."""

    row: Row
    difference: Estimate
    trivial_return: float
    rule_return: float

    @property
    def is_kept(self) -> bool:
        """Whether the rule is ahead."""
        return self.difference.value > 0

    @property
    def text(self) -> str:
        """The verdict in words."""
        if self.difference.low > 0:
            return "loses"
        if self.is_kept:
            return "loses, not clearly"
        return "WINS" if self.difference.high < 0 else "WINS, not clearly"


def rows_for(env: EnvConfig, heads: Sequence[str] | None = None) -> list[Row]:
    """Return the rows that apply to a scenario, one per item or interaction kind where a row says so.

    heads: only rows of these; None for all. Raises ConfigError for a head that no row is about.
    """
    known = list(dict.fromkeys(row.head for row in ROWS))
    if strange := [head for head in heads or () if head not in known]:
        raise ConfigError(unknown_name_text("head", strange[0], known, "sanity"))
    scenario = env.load_scenario()
    many = {
        "hold:*": [str(place) for place in range(1, len(scenario.content.items) + 1)],
        "spam:*": [kind.name for kind in scenario.interactions.kinds],
    }
    formats = {form.name for form in scenario.ads.formats}
    rows: list[Row] = []
    for row in ROWS:
        if heads and row.head not in heads:
            continue
        if row.head == "ads" and not formats & NEEDS_FORMAT.get(row.trivial, formats):
            continue
        if row.trivial in many:
            rows += [Row(row.head, row.trivial.replace("*", name), row.rule) for name in many[row.trivial]]
        else:
            rows.append(row)
    return rows


def env_for(head: str, scenario: str | Scenario, overrides: dict[str, object]) -> EnvConfig:
    """Return the environment of one head; the scenario's default policies play the others."""
    ids = {heads[0] if len(heads) == 1 else "room": env_id for env_id, heads in HEADS.items()}
    return EnvConfig(id=ids[head], scenario=scenario, overrides=overrides)


def check(
    scenario: str,
    seeds: Sequence[int],
    overrides: dict[str, object] | None = None,
    progress: Progress | None = None,
    heads: Sequence[str] | None = None,
) -> list[Verdict]:
    """Return the verdict on every row of one scenario, or on those of some heads."""
    played: dict[tuple[str, str], EpisodeTable] = {}

    def returns(head: str, name: str) -> np.ndarray:
        if (head, name) not in played:
            env = env_for(head, scenario, overrides or {})
            played[head, name] = rollout(env.policy(f"{head}.{name}"), env, seeds, progress=progress)
        return played[head, name]["return"]

    verdicts = []
    for row in rows_for(env_for("room", scenario, overrides or {}), heads):
        trivial, rule = returns(row.head, row.trivial), returns(row.head, row.rule)
        difference = paired_difference(rule[None], trivial[None])
        verdicts.append(Verdict(row, difference, _middle(trivial), _middle(rule)))
    return verdicts


def policies_of(rows: Sequence[Row]) -> list[str]:
    """Return the distinct policies that a set of rows needs."""
    return list(dict.fromkeys(f"{row.head}.{name}" for row in rows for name in (row.trivial, row.rule)))


def sanity_table(verdicts: Sequence[Verdict]) -> str:
    """Return the Markdown table of one scenario."""
    header = [
        "trivial policy",
        "return (IQM)",
        "the rule",
        "return (IQM)",
        "rule minus trivial",
        "the trivial policy",
    ]
    return markdown(
        header,
        [
            [
                f"{verdict.row.head}.{verdict.row.trivial}",
                f"{verdict.trivial_return:,.1f}",
                f"{verdict.row.head}.{verdict.row.rule}",
                f"{verdict.rule_return:,.1f}",
                verdict.difference.text(),
                verdict.text,
            ]
            for verdict in verdicts
        ],
    )


def sanity_data(verdicts: Sequence[Verdict]) -> list[dict[str, object]]:
    """Return plain data for JSON."""
    return [
        {
            "head": verdict.row.head,
            "trivial": verdict.row.trivial,
            "rule": verdict.row.rule,
            "trivial_return_iqm": verdict.trivial_return,
            "rule_return_iqm": verdict.rule_return,
            "difference": verdict.difference.value,
            "low": verdict.difference.low,
            "high": verdict.difference.high,
            "verdict": verdict.text,
        }
        for verdict in verdicts
    ]


def _middle(returns: np.ndarray) -> float:
    return float(interquartile_mean(returns))
