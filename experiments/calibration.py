"""The two numbers of a scenario that are outputs, not inputs: long-run mean mood and the reference score of the boost.

Both are measured under the scenario's default policies and fed back until they reproduce themselves. They are facts
about the world at rest: no learner takes part.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np

from experiments.environment import EnvConfig
from experiments.rollout import rollout
from experiments.seeds import TUNING_START
from livesim import Rooms
from livesim.audience.boost import boost_score
from livesim.view import RoomView
from livesim.world import require_one_world


@dataclass
class Gauge:
    """Weighs what no policy may see: mood by viewers, the score of the platform by reviews."""

    moods: list[float] = field(default_factory=list)
    viewers: list[float] = field(default_factory=list)
    scores: list[float] = field(default_factory=list)

    def watch(self, rooms: Rooms) -> None:
        """Read all rooms after a decision."""
        self.moods += rooms.state.rooms.mean_mood.tolist()
        self.viewers += rooms.viewers.tolist()
        every = rooms.scenario.audience.boost_interval_s
        if float(rooms.time_s[0]) % every < rooms.scenario.session.decision_s:
            self.scores += [boost_score(RoomView(rooms, row)) for row in range(rooms.num_rooms)]


def calibrate(
    scenario: str, episodes: int = 32, rounds: int = 4, report: Callable[[str], None] = print
) -> dict[str, float]:
    """Return the overrides that make a scenario reproduce its own mean mood and reference score."""
    found: dict[str, float] = {}
    seeds = range(TUNING_START, TUNING_START + episodes)
    for turn in range(1, rounds + 1):
        env = EnvConfig(id="livesim/Room-v0", scenario=scenario, overrides=found)
        loaded = env.load_scenario()
        require_one_world(loaded, "a calibration describes")
        chosen = loaded.default_policies
        rules = "+".join(f"{head}.{name}" for head, name in chosen.items() if head in env.heads)
        gauge = Gauge()
        rollout(env.policy(rules), env, seeds, watch=gauge.watch)
        found = {
            "audience.mood_mean": round(float(np.average(gauge.moods, weights=gauge.viewers)), 3),
            "audience.boost_reference": round(float(np.mean(gauge.scores)), 4),
        }
        report(f"round {turn}: " + ", ".join(f"{key} {value:g}" for key, value in found.items())
               + f", mean viewers {np.mean(gauge.viewers):.0f}")  # fmt: skip
    return found
