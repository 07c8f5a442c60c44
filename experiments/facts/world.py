"""The worlds a scenario is measured in: as it is, and changed in one thing on the same luck."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

import numpy as np

from agents.policy import HEADS, Fields, HeuristicPolicy, RoomPolicy, choose_allowed
from experiments.environment import POLICY_SEED
from experiments.facts.sessions import RecordedEnv, Session, play
from experiments.progress import Display, Silent
from experiments.rollout import Progress
from livesim import Rooms, registry
from livesim.daytime import WEEKDAYS
from livesim.envs.observations import ObservationLayout
from livesim.scenario import Scenario, load_scenario
from livesim.world import require_one_world

TIP_CREDITS = 1000.0
TIP_EVERY = 4
"""One decision in so many is preceded by a tip: two minutes, six times the decay of heat."""

MANY_GIVERS = 0.4
"""Share of givers under which 32 sessions hold enough of them to compare tails: it changes how many gifts there are,
not the law of what one giver gives. The top hundredth of a few hundred givers is low by half."""

SOME_OUTAGES, MANY_OUTAGES = 2.0, 4.0
"""Times the usual outages: about 1 % of stalling as in the published comparison, and enough to compare two groups."""


@dataclass(frozen=True)
class Scheduled:
    """Play one action of a head at given minutes, or as soon as it is allowed after them."""

    name: str
    minutes: tuple[float, ...]


@dataclass(frozen=True)
class Treatment:
    """What is changed. overrides: dotted keys.  policies: instead of the default of a head, a name or a schedule.

    keeps_events: whether single events are recorded.  tips: whether somebody outside tips every two minutes.
    """

    overrides: Mapping[str, Any] = field(default_factory=dict)
    policies: Mapping[str, str | Scheduled] = field(default_factory=dict)
    keeps_events: bool = True
    tips: bool = False


NO_BOUNCERS: dict[str, Any] = {
    f"audience.bounce_{source}": 0.0 for source in ("feed", "follower", "search", "clip", "raid")
}
"""Overrides under which whoever enters would stay."""
_SHORT: dict[str, Any] = {"session.duration_s": 900, **NO_BOUNCERS}
_ENDLESS_START: dict[str, Any] = {"network.ladder_kbps": [1e9], "network.wanted_rung": 0, "network.first_rung": 0}
_ALONE = {"ads": "nothing", "interact": "nothing"}
_THRICE = (25.0, 65.0, 105.0)
_GLIMPSE: dict[str, Any] = {
    "session.clock": True, "session.duration_s": 1200, "audience.planned_viewers": 100, "incidents": [],
    "processes": [],
}  # fmt: skip
HOURS, EVENING = tuple(range(24)), 20


def at_hour(hour: int) -> str:
    """Name the treatment that opens the room at a full hour of a working day."""
    return f"at {hour} h"


def on_day(day: str) -> str:
    """Name the treatment that opens the room in the evening of a weekday."""
    return f"{day} evening"


def glimpse(hour: int, day: str = "wednesday") -> Treatment:
    """Return twenty minutes of a small room that knows the time."""
    return Treatment({**_GLIMPSE, "session.start_hour": hour, "session.weekday": day}, keeps_events=False)


def quarter(scenario: Scenario) -> Treatment:
    """Return the same room planned for a quarter of its viewers."""
    return Treatment({"audience.planned_viewers": max(scenario.audience.planned_viewers / 4.0, 5.0)})


def stalls(scenario: Scenario, outages: float) -> Treatment:
    """Return the room on worse lines, with so many times the outages."""
    return Treatment({"network.access": lines_with_outages(scenario, outages)})


def lines_with_outages(scenario: Scenario, times: float) -> list[dict[str, Any]]:
    """Return the access lines of a scenario with so many times the outages of each, as an override."""
    return [
        {**line.model_dump(mode="json"), "outages_per_h": times * line.outages_per_h}
        for line in scenario.network.access
    ]


def stalls_not_minded(scenario: Scenario, outages: float) -> Treatment:
    """Return the same worse lines with viewers who do not care."""
    lines = stalls(scenario, outages).overrides
    return Treatment({**lines, "audience.leave_stall": 0.0, "audience.mood_stall": 0.0})


TREATMENTS: dict[str, Treatment | Callable[[Scenario], Treatment]] = {
    "as it is": Treatment(),
    "quick start": Treatment({**_SHORT, "ads.preroll": False}, _ALONE),
    "endless start": Treatment({**_SHORT, **_ENDLESS_START, "ads.preroll": False}, _ALONE),
    "pre-rolls, no bouncers": Treatment({**_SHORT, "ads.preroll": True}, _ALONE),
    "pre-rolls for ever": Treatment({"ads.preroll": True}, {"ads": "nothing"}),
    "no ads": Treatment({"ads.preroll": False}, {"ads": "nothing"}),
    "mid-rolls only": Treatment(
        {"ads.preroll": False}, {"ads": Scheduled("mid_roll_30", tuple(np.arange(10.0, 120.0, 10.0)))}
    ),
    "overlays": Treatment(policies={"ads": Scheduled("overlay", tuple(np.arange(10.0, 120.0, 10.0)))}),
    "stalls": partial(stalls, outages=SOME_OUTAGES),
    "stalls not minded": partial(stalls_not_minded, outages=SOME_OUTAGES),
    "many stalls": partial(stalls, outages=MANY_OUTAGES),
    "many stalls not minded": partial(stalls_not_minded, outages=MANY_OUTAGES),
    "tips from outside": Treatment(tips=True),
    "no interactions": Treatment(policies={"interact": "nothing"}),
    "lucky draws": Treatment(policies={"interact": Scheduled("lucky_draw", _THRICE)}),
    "flash sales": Treatment(policies={"interact": Scheduled("flash_sale", _THRICE)}),
    "battles": Treatment(policies={"interact": Scheduled("battle", _THRICE)}),
    "one rival": Treatment({"gifts.rivals": 1}, {"interact": Scheduled("battle", _THRICE)}),
    "ever new rivals": Treatment({"gifts.rival_repeat": 0.0}, {"interact": Scheduled("battle", _THRICE)}),
    "many givers": Treatment({"gifts.giver_share": MANY_GIVERS}),
    "a quarter": quarter,
    "four and a half hours": Treatment({"session.duration_s": 16_200}, keeps_events=False),
    "40 viewers": Treatment({"audience.planned_viewers": 40, "session.duration_s": 3600}, keeps_events=False),
    "1000 viewers": Treatment({"audience.planned_viewers": 1200, "session.duration_s": 3600}, keeps_events=False),
    "6000 viewers": Treatment({"audience.planned_viewers": 8000, "session.duration_s": 3600}, keeps_events=False),
    **{at_hour(hour): glimpse(hour) for hour in HOURS},
    **{on_day(day): glimpse(EVENING, day) for day in WEEKDAYS},
}


class World:
    """One scenario on given seeds; a treatment is played when a measure first asks for it."""

    def __init__(
        self,
        scenario: str,
        seeds: Sequence[int],
        overrides: Mapping[str, Any] | None = None,
        display: Display | None = None,
    ) -> None:
        self.name = scenario
        self.seeds = tuple(seeds)
        self.overrides = dict(overrides or {})
        self.scenario = load_scenario(scenario, overrides=self.overrides)
        require_one_world(self.scenario, "facts describe")
        self._display = display or Silent()
        self._played: dict[str, list[Session]] = {}

    def __getitem__(self, treatment: str) -> list[Session]:
        """Return the sessions of a treatment, one per seed in order."""
        if treatment not in self._played:
            entry = TREATMENTS[treatment]
            chosen = entry if isinstance(entry, Treatment) else entry(self.scenario)
            with self._display.stage(f"{self.name}: {treatment}", total=len(self.seeds)) as advance:
                self._played[treatment] = self._play(chosen, advance)
        return self._played[treatment]

    def forget(self) -> None:
        """Drop all sessions: a world holds hundreds of megabytes."""
        self._played.clear()

    def _play(self, treatment: Treatment, progress: Progress) -> list[Session]:
        env = RecordedEnv(scenario=self.name, overrides={**self.overrides, **treatment.overrides})
        return play(
            env,
            lambda scenario: policy_of(scenario, treatment.policies),
            self.seeds,
            treatment.keeps_events,
            tip if treatment.tips else None,
            progress=progress,
        )


def tip(rooms: Rooms) -> None:
    """Let somebody outside tip every room before each `TIP_EVERY`-th decision: only its heat is felt."""
    if int(rooms.state.ledger.decision[0]) % TIP_EVERY == 0:
        rooms.state.rooms.heat[:] += np.log1p(TIP_CREDITS)


def policy_of(scenario: Scenario, changed: Mapping[str, str | Scheduled]) -> RoomPolicy:
    """Return the scenario's default policies with some heads played otherwise."""
    layout = ObservationLayout(scenario)
    parts: dict[str, Any] = {}
    for head in HEADS:
        chosen = changed.get(head, scenario.default_policies.get(head, "nothing"))
        if isinstance(chosen, Scheduled):
            parts[head] = ScheduledPolicy(layout, scenario, head, chosen)
        else:
            full = chosen if chosen.startswith(f"{head}.") else f"{head}.{chosen}"
            parts[head] = registry.resolve("policy", full)(layout, scenario, POLICY_SEED)
    return RoomPolicy(parts, HEADS)


class ScheduledPolicy(HeuristicPolicy):
    """Plays a schedule on one head and nothing else."""

    name = "scheduled"
    columns = (("done", np.int64),)

    def __init__(self, layout: ObservationLayout, scenario: Scenario, head: str, schedule: Scheduled) -> None:
        super().__init__(layout, scenario)
        self.head = head  # type: ignore[misc]
        self.schedule = schedule
        names = layout.format_names if head == "ads" else layout.kind_names
        self.action = list(names).index(schedule.name) + 1

    def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
        """Play the action where one more minute of the schedule has come than was served."""
        due = np.searchsorted(self.schedule.minutes, fields["elapsed_min"] + 1e-3)
        wished = np.where(due > memory["done"], self.action, 0)
        action = choose_allowed(self.mask(fields), wished)
        memory["done"] += action > 0
        return action
