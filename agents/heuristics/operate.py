"""How to run the room's machinery: bitrate cap, rented edge capacity, people on the desk, moderation.

The rules that operations teams defend: leave it alone, act beyond a threshold and undo below a lower one, or size
what is rented by a target utilisation. One lever moves per decision; where several want to move, the pipeline comes
first (everybody's latency grows while it is overloaded), then the edges, then the desk.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.parameters import choice, parameter
from agents.policy import Fields, HeuristicPolicy, choose_allowed, registered
from livesim.operations.levers import CAP, CAPACITY, MODERATION, STAFF, settings

if TYPE_CHECKING:
    from livesim.scenario import Scenario


class LeverPolicy(HeuristicPolicy):
    """Base: finds the action of a lever at a level, and moves the first lever that wants to move and may."""

    head = "operate"

    def __init__(self, layout: Any, scenario: Scenario, seed: int = 0, params: Any = None) -> None:
        super().__init__(layout, scenario, seed, params)
        self.first: dict[int, int] = {}  # lever -> action of its level 0
        self.most: dict[int, int] = {}  # lever -> highest level
        for n, setting in enumerate(settings(scenario)):
            self.first.setdefault(setting.lever, n + 1)
            self.most[setting.lever] = setting.level
        self.steps = np.asarray(scenario.operations.capacity_steps)

    def level(self, fields: Fields, lever: int) -> np.ndarray:
        """Return (n,) the present level of a lever, ordered ones included."""
        if lever == CAP:
            level = fields["bitrate_cap"] * self.most[CAP]
        else:
            level = fields[{CAPACITY: "capacity_ordered", STAFF: "staff_ordered", MODERATION: "strictness"}[lever]]
        return np.clip(np.rint(level), 0, self.most[lever]).astype(np.int64)

    def first_move(self, fields: Fields, wishes: Sequence[tuple[int, np.ndarray]]) -> np.ndarray:
        """Return (n,) the action of the first wish (lever, (n,) level) that changes something and is allowed."""
        mask = self.mask(fields)
        action = np.zeros(len(mask), dtype=np.int64)
        for lever, wished in wishes:
            level = np.clip(wished, 0, self.most[lever])
            candidate = choose_allowed(mask, self.first[lever] + level)
            moves = (action == 0) & (level != self.level(fields, lever))
            action = np.where(moves, candidate, action)
        return action


@dataclass(frozen=True)
class FixedParameters:
    """Settings for the whole session; -1 leaves a lever where the scenario has it."""

    cap: int = choice(-1, (-1, 2, 3, 4), "highest rung offered")
    capacity: int = choice(0, (0, 1, 2, 3), "step of rented capacity")
    staff: int = choice(-1, (-1, 0, 1, 2, 3), "people on the desk")
    strictness: int = choice(-1, (-1, 0, 1, 2), "0 lenient, 1 normal, 2 strict")


@registered("operate", "static")
class Static(LeverPolicy):
    """Leave everything as the scenario has it, for the whole session."""

    def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
        return np.zeros(len(memory), dtype=np.int64)


@registered("operate", "fixed")
class Fixed(LeverPolicy):
    """Set everything once, for the whole session: the best constant setting, found by tuning."""

    Parameters = FixedParameters

    def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
        p = self.params
        chosen = ((CAP, p.cap), (CAPACITY, p.capacity), (STAFF, p.staff), (MODERATION, p.strictness))
        return self.first_move(fields, [(lever, np.full(len(memory), level)) for lever, level in chosen if level >= 0])


@dataclass(frozen=True)
class ThresholdParameters:
    """When to act, and when to undo."""

    share_low_mbps: float = parameter(1.2, 0.2, 4.0, "Mbit/s", "rent more when a fair share of an edge is below")
    share_high_mbps: float = parameter(4.0, 1.0, 12.0, "Mbit/s", "release when every fair share is above")
    delay_high_s: float = parameter(4.0, 2.0, 15.0, "s", "offer one rung less when publishing takes longer")
    delay_low_s: float = parameter(2.5, 1.0, 6.0, "s", "offer one rung more when publishing takes less")
    late_high: float = parameter(0.15, 0.02, 0.8, "share", "call one more when more of the desk's jobs come too late")
    load_low: float = parameter(0.25, 0.0, 0.6, "share", "send one home when the desk is busy less than this")
    flags_high: float = parameter(6.0, 1.0, 60.0, "1/min", "moderate strictly while more messages are flagged")
    rest_min: float = parameter(4.0, 1.0, 20.0, "min", "shortest time before the same lever is undone")


@registered("operate", "threshold")
class Threshold(LeverPolicy):
    """Act beyond a threshold, undo below a lower one (hysteresis), one step at a time."""

    Parameters = ThresholdParameters
    columns = (("raised", np.float64, (4,)),)

    def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
        p, now = self.params, fields["elapsed_min"]
        at = {lever: self.level(fields, lever) for lever in (CAP, CAPACITY, STAFF, MODERATION)}
        share, delay = smallest_share(fields), fields["publish_delay_s"]
        flags = np.expm1(fields["flags_per_min_log"])
        alarms = {  # lever -> (act, undo)
            CAP: (delay > p.delay_high_s, delay < p.delay_low_s),
            CAPACITY: (share < p.share_low_mbps, share > p.share_high_mbps),
            STAFF: (fields["desk_late_share"] > p.late_high, fields["desk_load"] < p.load_low),
            MODERATION: (flags > p.flags_high, flags < 0.5 * p.flags_high),
        }
        wishes = []
        for lever, (act, undo) in alarms.items():
            memory["raised"][:, lever] = np.where(act, now, memory["raised"][:, lever])
            undo = undo & ~act & (now - memory["raised"][:, lever] >= p.rest_min)
            step = np.where(act, 1, np.where(undo, -1, 0)) * (-1 if lever == CAP else 1)
            low = {STAFF: 1, MODERATION: 1}.get(lever, 0)
            wishes.append((lever, np.maximum(at[lever] + step, np.minimum(low, at[lever]))))
        return self.first_move(fields, wishes)


@dataclass(frozen=True)
class TargetParameters:
    """What everything should run at."""

    rate_mbps: float = parameter(2.0, 0.4, 6.0, "Mbit/s", "rate that the edges shall have for each viewer")
    ahead: float = parameter(0.5, 0.0, 2.0, "x 5 min", "how far the trend of the audience is carried on")
    desk: float = parameter(0.6, 0.2, 1.0, "share", "busy share of the people on the desk")
    delay_s: float = parameter(4.0, 2.0, 15.0, "s", "offer one rung less when publishing takes longer")


@registered("operate", "utilisation_target")
class UtilisationTarget(LeverPolicy):
    """Rent what the audience to come needs at a given rate on the edges that are up, and staff the desk by its load."""

    Parameters = TargetParameters

    def decide(self, fields: Fields, memory: np.ndarray) -> np.ndarray:
        p = self.params
        viewers = np.expm1(fields["viewers_log"]) * np.exp(np.clip(p.ahead * fields["viewers_trend"], -1.0, 1.5))
        here = self.steps[self.level(fields, CAPACITY)]
        base_mbps = np.maximum(
            fields["edge_capacity_mbps"].sum(axis=1) / np.maximum(fields["capacity_rented"], 1e-3), 1e-6
        )
        needed = viewers * p.rate_mbps / base_mbps
        # one step of slack on the way down, so that noise around a step does not order and release
        down = np.searchsorted(self.steps, np.minimum(needed * 1.1, self.steps[-1]))
        up = np.searchsorted(self.steps, np.minimum(needed, self.steps[-1]))
        capacity = np.where(self.steps[up] > here, up, np.minimum(down, self.level(fields, CAPACITY)))
        offered = (
            fields["desk_load"] * np.maximum(fields["staff"], 1.0) / np.maximum(1.0 - fields["desk_late_share"], 0.1)
        )
        people = np.maximum(np.ceil(offered / p.desk - 1e-6), 1).astype(np.int64)
        delay = fields["publish_delay_s"]
        cap = self.level(fields, CAP) - (delay > p.delay_s) + (delay < 0.6 * p.delay_s)
        return self.first_move(fields, [(CAP, cap), (CAPACITY, capacity), (STAFF, people)])


def smallest_share(fields: Fields) -> np.ndarray:
    """Return (n,) Mbit/s, the smallest fair share among the edges that are up."""
    return np.where(fields["edge_up"] > 0.5, fields["edge_share_mbps"], np.inf).min(axis=1)
