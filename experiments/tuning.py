"""Tune the rules on training luck, so that a learner is compared with rules at their best."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from agents.parameters import TUNED_PATH, read_tuned
from agents.policy import Policy
from agents.tuning import TuningResult, tunable, tune, write_tuned
from experiments.rollout import rollout
from experiments.sanity import env_for
from experiments.seeds import TUNING_START


def tune_scenario(
    scenario: str,
    policies: Sequence[str] | None,
    episodes: int,
    candidates: int,
    rounds: int,
    report: Callable[[str], None] = print,
) -> list[TuningResult]:
    """Tune the policies of one scenario, each in the environment of its head, and write agents/tuned.yaml.

    Every candidate plays the same `episodes` seeds, which nothing else uses. The file is written after each
    policy.
    """
    room = env_for("room", scenario, {})
    loaded = room.load_scenario()
    name = loaded.name
    members = {"recommend": len(loaded.content.items), "interact": len(loaded.interactions.kinds)}
    seeds = range(TUNING_START, TUNING_START + episodes)
    results = []
    for policy in tunable(policies):
        head = policy.partition(".")[0]
        known = read_tuned(TUNED_PATH).get(name, {}).get(policy)
        vary = room.heads if head == "room" else None  # its numbers are rules, one per head
        score = _score(policy, scenario)
        result = tune(policy, score, seeds, candidates, rounds, 0, report, known, vary, members.get(head))
        write_tuned([result], name)
        results.append(result)
    return results


def _score(policy: str, scenario: str) -> Callable[..., np.ndarray]:
    env = env_for(policy.partition(".")[0], scenario, {})
    rooms = env.make(1)
    layout, loaded = rooms.layout, rooms.scenario
    rooms.close()

    every = {"heads": env.heads} if policy.startswith("room.") else {}

    def score(factory: Callable[..., Policy], seeds: Sequence[int]) -> np.ndarray:
        return rollout(factory(layout, loaded, 0, **every), env, seeds)["return"]

    return score
