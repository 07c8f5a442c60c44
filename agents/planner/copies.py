"""Copies of rooms that go on under a first action and then a policy: what every planner looks ahead with."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from agents.planner.candidates import firsts

if TYPE_CHECKING:
    from agents.policy import State
    from livesim.envs.batch import BatchSnapshot, RoomBatch

CHUNK = 64  # rooms played at a time
GRAIN = 8  # batches of copies hold a multiple of this, so that few sizes are ever built
LEAST_STAY, MOST_STAY = 0.02, 0.98


@dataclass(frozen=True)
class Outlook:
    """What became of N copies.

    total: (N,) reward of the decisions looked at.  viewers: (N,) present at the end.  worth: (N,) what a viewer who is
    present then would still bring, by this copy alone: see `worth_of_a_viewer`.
    """

    total: np.ndarray
    viewers: np.ndarray
    worth: np.ndarray

    def value(self, worth: np.ndarray) -> np.ndarray:
        """Return (N,) what each copy brings, with those present at the end at `worth` each, (N,).

        Copies that are compared take the worth from the same of them, so that it cannot be what differs.
        """
        return self.total + worth * self.viewers


@dataclass(frozen=True)
class Futures:
    """D rooms as they are at one moment, each F times with a future of its own from then on, room 0's first."""

    kept: BatchSnapshot
    per_room: int


class Copies:
    """A store of batches into which rooms are copied; they have the arguments of the batch that is planned for."""

    def __init__(self, batch: RoomBatch) -> None:
        self.batch = batch
        self._store: dict[int, RoomBatch] = {}

    def load(self, kept: BatchSnapshot, source: np.ndarray) -> RoomBatch:
        """Return a batch whose room i goes on from room source[i] of a snapshot; rooms beyond those repeat the last.

        It is valid until the next call.
        """
        size = GRAIN * math.ceil(len(source) / GRAIN)
        if size not in self._store:
            self._store[size] = self.batch.twin(size)
        self._store[size].load(kept, _padded(source, size))
        return self._store[size]

    def futures(self, rows: np.ndarray, seeds: np.ndarray) -> Futures:
        """Return futures of rooms of the batch as they are now.

        rows: (D,) rooms.  seeds: (D, F) below 2**63, of the luck to come.
        """
        copies = self.load(self.batch.snapshot(), np.repeat(rows, seeds.shape[1]))
        copies.rooms.renew_luck(seeds.ravel().tolist(), np.arange(seeds.size))
        return Futures(copies.snapshot(), seeds.shape[1])

    def gains(
        self, futures: Futures, room: np.ndarray, first: np.ndarray, policy: Any, memory: State, decisions: int,
        which: range | None = None,
    ) -> np.ndarray:  # fmt: skip
        """Return (N, F) what candidates bring over the first one of their room, all under the same futures.

        room: (N,) place in `futures` of each candidate, rising.  first: (N, H) actions, after which the policy plays.
        memory: the policy's, one row per room, after it has acted in the present decision.  which: of the futures.
        """
        chosen = np.arange(futures.per_room) if which is None else np.array(which)
        is_base = firsts(room)
        base = np.flatnonzero(is_base)[np.cumsum(is_base) - 1]
        remembered = tuple(np.repeat(part, futures.per_room, axis=0) for part in memory)
        source = (room[:, None] * futures.per_room + chosen).ravel()
        seen = self.look_ahead(
            futures.kept, source, np.repeat(first, len(chosen), axis=0), policy, remembered, decisions
        )
        worth = seen.worth.reshape(len(room), -1)[base].mean(axis=1)
        value = seen.value(np.repeat(worth, len(chosen))).reshape(len(room), -1)
        return value - value[base]

    def look_ahead(
        self, kept: BatchSnapshot, source: np.ndarray, first: np.ndarray, policy: Any, memory: State, decisions: int
    ) -> Outlook:
        """Return what becomes of copies of rooms that take a first action and then follow a policy.

        source: (N,) rooms of the snapshot.  first: (N, H) actions.  memory: the policy's, one row per room of the
        snapshot, as it is after it has acted in the present decision.  decisions: how many to look at, at most to the
        end of the session.
        """
        parts = []
        for begin in range(0, len(source), CHUNK):
            chunk = slice(begin, begin + CHUNK)
            parts.append(self._play(kept, source[chunk], first[chunk], policy, memory, decisions))
        return Outlook(*(np.concatenate(columns) for columns in zip(*parts, strict=True)))

    def _play(
        self, kept: BatchSnapshot, source: np.ndarray, first: np.ndarray, policy: Any, memory: State, decisions: int
    ) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        batch = self.load(kept, source)
        n, size, rooms = len(source), batch.num_rooms, batch.rooms
        rows = _padded(source, size)
        state, actions = tuple(part[rows] for part in memory), _padded(first, size)
        since_s, present = rooms.time_s, rooms.viewers
        total, seen = np.zeros(size), np.zeros(size)
        for step in range(decisions):
            batch.step(actions)
            total += batch.rewards()
            seen += rooms.viewers
            if step + 1 == decisions or rooms.ended.all():
                break
            chosen, state = policy.predict(batch.observe(), state, np.zeros(size, dtype=bool))
            actions = np.asarray(chosen).reshape(size, -1)
        entered_s = rooms.state.viewers["entered_s"]
        stayed = ((rooms.state.alive > 0) & (entered_s < since_s[:, None])).sum(axis=1) / np.maximum(present, 1)
        left = (rooms.state.rooms["ticks"] - rooms.state.rooms["tick"]) * rooms.scenario.session.tick_s
        left = left / rooms.scenario.session.decision_s
        worth = worth_of_a_viewer(total / np.maximum(seen, 1.0), stayed, step + 1, left)
        return total[:n], rooms.viewers[:n].astype(np.float64), worth[:n]


def worth_of_a_viewer(rate: np.ndarray, stayed: np.ndarray, decisions: int, left: np.ndarray) -> np.ndarray:
    """Return what one viewer who is present at the horizon still brings: rate x mean decisions that they stay on.

        tau = -decisions / ln(stayed),  worth = rate tau (1 - exp(-left / tau))

    rate: (N,) reward per viewer and decision.  stayed: (N,) share of those present at the start who still are.  left:
    (N,) decisions to the end of the session. A rough number, but without one an action that drives viewers away soon
    looks as good as one that does not.
    """
    tau = -decisions / np.log(np.clip(stayed, LEAST_STAY, MOST_STAY))
    return rate * tau * -np.expm1(-left / tau)


def _padded(rows: np.ndarray, size: int) -> np.ndarray:
    """Return rows with the last one repeated to a length of `size`."""
    return np.concatenate([rows, np.repeat(rows[-1:], size - len(rows), axis=0)])
