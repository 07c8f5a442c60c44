"""How the rules of each head rank in a room, on the same luck: what a practitioner would try first.

Rankings differ between kinds of room where their mechanisms do; `scenarios/README.md` says why.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from experiments.environment import EnvConfig
from experiments.report import markdown
from experiments.rollout import Progress, rollout
from experiments.sanity import env_for
from experiments.statistics import Estimate, paired_difference
from livesim import registry
from livesim.heads import choices

HEADS = ("recommend", "ads", "interact")
TRIVIAL = ("random", "hold", "spam_mid_roll", "spam_overlay", "sell_out")
"""Policies that are there to lose; those of one item, `hold:2`, or one kind, `spam:poll`, as well."""


@dataclass(frozen=True)
class Place:
    """One rule of one head. gain: its return minus that of doing nothing; behind: the best rule's return minus its."""

    head: str
    rule: str
    gain: Estimate
    behind: Estimate


def rules_of(head: str) -> list[str]:
    """Return the names, without the head, of the rules that a practitioner might defend."""
    names = [name.partition(".")[2] for name in registry.names("policy") if name.startswith(f"{head}.")]
    return [name for name in names if name not in (*TRIVIAL, "nothing") and not name.startswith(("hold:", "spam:"))]


def heads_of(env: EnvConfig) -> list[str]:
    """Return the heads in which a scenario leaves anything to decide."""
    return [head for head in HEADS if choices(env.load_scenario())[head]]


def count(env: EnvConfig) -> int:
    """Return how many policies `rank` plays."""
    return sum(1 + len(rules_of(head)) for head in heads_of(env))


def rank(
    scenario: str,
    seeds: Sequence[int],
    overrides: dict[str, object] | None = None,
    progress: Progress | None = None,
) -> list[Place]:
    """Return every rule of every head, best first within its head; the scenario's defaults play the other heads."""
    places: list[Place] = []
    for head in heads_of(env_for("room", scenario, overrides or {})):
        env = env_for(head, scenario, overrides or {})

        def returns(name: str, env: EnvConfig = env, head: str = head) -> np.ndarray:
            return rollout(env.policy(f"{head}.{name}"), env, seeds, progress=progress)["return"][None]

        nothing = returns("nothing")
        played = {name: returns(name) for name in rules_of(head)}
        best = max(played, key=lambda name: float(played[name].mean()))
        found = [
            Place(head, name, paired_difference(value, nothing), paired_difference(played[best], value))
            for name, value in played.items()
        ]
        places += sorted(found, key=lambda place: -place.gain.value)
    return places


def ranking_table(places: Sequence[Place]) -> str:
    """Return the Markdown table of one scenario."""
    header = ["head", "rule", "minus nothing", "behind the best"]
    rows = [
        [place.head, place.rule, place.gain.text(), "-" if place.behind.value == 0 else place.behind.text()]
        for place in places
    ]
    return markdown(header, rows)


def ranking_data(places: Sequence[Place]) -> list[dict[str, object]]:
    """Return plain data for JSON."""
    return [
        {
            "head": place.head,
            "rule": place.rule,
            **{f"gain_{name}": getattr(place.gain, name) for name in ("value", "low", "high")},
            **{f"behind_{name}": getattr(place.behind, name) for name in ("value", "low", "high")},
        }
        for place in places
    ]
