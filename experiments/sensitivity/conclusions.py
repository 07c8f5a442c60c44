"""What a scenario is used to conclude, and whether it still does with another number.

    ranking   in every head and in all at once, the default rule, doing nothing and random, each against each
    lunch     the rows of the no-free-lunch table
    effects   signs of what was published, measured by `experiments.facts`

How they are judged is said in `verdicts`.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any

from experiments.facts.data import load_facts
from experiments.facts.gate import missing
from experiments.sanity import env_for, rows_for
from livesim.errors import unknown_name
from livesim.heads import HEADS
from livesim.scenario import Scenario

GROUPS = ("ranking", "lunch", "effects")
DEFAULT = "default"
"""The play in which every head follows the scenario's default policies."""
NOTHING = "room.nothing"
PROBES = (DEFAULT, NOTHING, "room.random", "operate.random")
"""Plays that together do everything a room can do: a number that changes none of their episodes changes nothing."""


@dataclass(frozen=True)
class Ranked:
    """`better` earns more than `worse`: names of plays, where `ads.nothing` plays one head and defaults the others."""

    group: str
    better: str
    worse: str

    @property
    def name(self) -> str:
        """The conclusion in words."""
        return f"{self.better} over {self.worse}"


@dataclass(frozen=True)
class Effect:
    """A measure of the facts and the value at which there is no effect; what it says above and below that value."""

    measure: str
    null: float
    above: str
    below: str
    group: str = "effects"

    @property
    def name(self) -> str:
        """The conclusion in words."""
        return self.measure


Conclusion = Ranked | Effect

EFFECTS = (
    Effect("coupon_lift", 1.0, "a flash sale lifts orders", "a flash sale lowers orders"),
    Effect("draw_lift", 0.0, "a lucky draw lifts engagement", "a lucky draw lowers engagement"),
    Effect("battle_lift", 1.0, "a battle lifts giving", "a battle lowers giving"),
    Effect("crowding_out", 0.0, "a large gift makes others give more", "a large gift makes others give less"),
    Effect("ad_load_cost", 0.0, "mid-rolls shorten stays", "mid-rolls lengthen stays"),
    Effect("completion_ratio", 1.0, "mid-rolls are completed more than pre-rolls", "pre-rolls more than mid-rolls"),
)


def conclusions_of(source: str, overrides: Mapping[str, Any], groups: Sequence[str] = GROUPS) -> list[Conclusion]:
    """Return what a scenario is used to conclude; raises UnknownNameError for a group nobody knows."""
    for group in groups:
        if group not in GROUPS:
            raise unknown_name("group of conclusions", group, GROUPS, "--conclusions")
    env = env_for("room", source, dict(overrides))
    scenario = env.load_scenario()
    lunch = [
        Ranked("lunch", play_name(row.head, row.rule, scenario), play_name(row.head, row.trivial, scenario))
        for row in rows_for(env)
    ]
    found: dict[frozenset[str], Conclusion] = {}
    for pair in (*_ranking(scenario), *lunch):
        if pair.group in groups and pair.better != pair.worse:
            found.setdefault(frozenset((pair.better, pair.worse)), pair)
    effects = [effect for effect in EFFECTS if not missing(_needs(effect), scenario)] if "effects" in groups else []
    return [*found.values(), *effects]


def play_name(head: str, policy: str, scenario: Scenario) -> str:
    """Return the name of the play in which `policy` plays one head (or the room), the defaults the others."""
    policy = policy.removeprefix(f"{head}.")
    usual = scenario.default_policies.get(head, "nothing").removeprefix(f"{head}.")
    return DEFAULT if head != "room" and policy == usual else f"{head}.{policy}"


def _ranking(scenario: Scenario) -> list[Ranked]:
    pairs = [Ranked("ranking", *pair) for pair in combinations((DEFAULT, NOTHING, "room.random"), 2)]
    for head in HEADS:
        names = (scenario.default_policies.get(head, "nothing"), "nothing", "random")
        plays = list(dict.fromkeys(play_name(head, name, scenario) for name in names))
        pairs += [Ranked("ranking", *pair) for pair in combinations(plays, 2)]
    return pairs


def _needs(effect: Effect) -> tuple[str, ...]:
    fact, part = next((f, p) for f in load_facts() for p in f.parts if p.measure == effect.measure)
    return (*fact.needs, *part.needs)


def plays_of(conclusions: Sequence[Conclusion]) -> list[str]:
    """Return the plays that the conclusions need, after those that show whether a number moves anything."""
    ranked = [name for one in conclusions if isinstance(one, Ranked) for name in (one.better, one.worse)]
    return list(dict.fromkeys((*PROBES, *ranked)))
