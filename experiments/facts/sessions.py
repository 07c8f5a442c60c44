"""Recorded sessions: every individual event of a room and its ledger, decision by decision."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from experiments.environment import EnvConfig
from experiments.rollout import Progress, rollout
from livesim import Rooms
from livesim.audience.state import ID_SPACE
from livesim.heads import HEADS
from livesim.ledger import INDEX, J_ENTER, J_LEAVE
from livesim.scenario import Scenario

if TYPE_CHECKING:
    from agents.policy import Policy
    from livesim.envs.vector_env import RoomVectorEnv

EVENTS_PER_VIEWER = 160
"""Room for individual events per planned viewer at first; where it does not suffice the sessions are played again."""
Nudge = Callable[[Rooms], None]


class Stays(NamedTuple):
    """Everybody who entered: arrays of equal length, in the order of entry."""

    viewer_id: np.ndarray  # int64
    source: np.ndarray  # int64: FEED, FOLLOWER, ...
    entered_s: np.ndarray
    stay_s: np.ndarray  # until the viewer left, or until the record ends
    has_left: np.ndarray  # bool


@dataclass(frozen=True)
class Session:
    """One played room. The record ends one decision before the session does.

    events: journal arrays time_s, viewer_id, kind, value.  history: (D, columns) ledger rows.  viewers: (D,) at the
    end of each decision.  on: (D, 3) item, ad format and interaction last in it, -1 none.
    """

    seed: int
    decision_s: float
    events: dict[str, np.ndarray]
    history: np.ndarray
    viewers: np.ndarray
    on: np.ndarray

    @property
    def seen_s(self) -> float:
        """How long the record is."""
        return len(self.history) * self.decision_s

    def column(self, name: str) -> np.ndarray:
        """Return one ledger column, (D,)."""
        return self.history[:, INDEX[name]]

    def total(self, name: str) -> float:
        """Return the sum of one ledger column."""
        return float(self.column(name).sum())

    def of_kind(self, kind: int) -> dict[str, np.ndarray]:
        """Return the events of one journal kind."""
        chosen = self.events["kind"] == kind
        return {name: values[chosen] for name, values in self.events.items()}

    @cached_property
    def stays(self) -> Stays:
        """Who entered, and how long they stayed."""
        entries, leaves = self.of_kind(J_ENTER), self.of_kind(J_LEAVE)
        order = np.argsort(leaves["viewer_id"])
        left_id, left_stay = leaves["viewer_id"][order], leaves["value"][order]
        at = np.searchsorted(left_id, entries["viewer_id"])
        has_left = at < len(left_id)
        has_left[has_left] = left_id[at[has_left]] == entries["viewer_id"][has_left]
        stay_s = self.seen_s - entries["time_s"]
        stay_s[has_left] = left_stay[at[has_left]]
        return Stays(entries["viewer_id"], entries["viewer_id"] >> ID_SPACE, entries["time_s"], stay_s, has_left)


@dataclass(frozen=True)
class RecordedEnv(EnvConfig):
    """An environment whose rooms keep individual events; policies play every head."""

    chosen_heads: tuple[str, ...] = HEADS
    journal: int = 0

    def make(self, num_envs: int) -> RoomVectorEnv:
        """Return a fresh batch of rooms that keep a journal."""
        env = super().make(num_envs)
        env.rooms = env.batch.rooms = Rooms(env.scenario, num_envs, journal=self.journal)
        return env


@dataclass
class _Recorder:
    """Watches one batch after another and copies what happened when each has one decision left."""

    seeds: Sequence[int]
    nudge: Nudge | None
    sessions: list[Session]
    lost: int = 0

    def watch(self, rooms: Rooms) -> None:
        done = int(rooms.state.ledger.decision[0])
        if done == rooms.scenario.decisions - 1:
            self.sessions += [self._copy(rooms, row, done) for row in range(rooms.num_rooms)]
        elif self.nudge is not None:
            self.nudge(rooms)

    def _copy(self, rooms: Rooms, row: int, done: int) -> Session:
        ledger = rooms.state.ledger
        self.lost = max(self.lost, int(rooms.state.rooms.journal_count[row]) - ledger.journal.shape[1])
        return Session(
            seed=int(self.seeds[len(self.sessions) + row]),
            decision_s=rooms.scenario.session.decision_s,
            events=rooms.journal(row),
            history=ledger.history[row, :done].copy(),
            viewers=ledger.viewers[row, :done].copy(),
            on=ledger.on[row, :done].copy(),
        )


def play(
    env: RecordedEnv,
    policy: Callable[[Scenario], Policy],
    seeds: Sequence[int],
    keeps_events: bool = True,
    nudge: Nudge | None = None,
    batch: int = 16,
    progress: Progress | None = None,
) -> list[Session]:
    """Return one recorded session per seed, in order.

    keeps_events: without, only the ledger is kept: for rooms too large to write every event down.  nudge: called
    after every decision with all rooms, and may act on them as the outside world would.
    """
    scenario = env.load_scenario()
    journal = round(EVENTS_PER_VIEWER * scenario.audience.planned_viewers) + 1000 if keeps_events else 0
    while True:
        recorder = _Recorder(seeds, nudge, [])
        rollout(policy(scenario), replace(env, journal=journal), seeds, batch, True, progress, recorder.watch)
        if not keeps_events or recorder.lost <= 0:
            return recorder.sessions
        journal += 2 * recorder.lost
