"""What a process may see of its room and do to it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
import simpy

from livesim import analytics, masks
from livesim.clock import Process
from livesim.errors import unknown_name
from livesim.state import State

if TYPE_CHECKING:
    from livesim.room import Rooms
    from livesim.scenario import Scenario

ADDED = ("clip", "raid", "troll")  # as in State.pending


class RoomView:
    """What a process may see of its room and do to it."""

    def __init__(self, rooms: Rooms, row: int) -> None:
        self._rooms = rooms
        self.row = row
        self.params = rooms.params
        self.tick_s = self.scenario.session.tick_s

    @property
    def scenario(self) -> Scenario:
        """Return the scenario of this session, randomised numbers as they were drawn."""
        return self._rooms.scenarios[self.row]

    @property
    def state(self) -> State:
        """Return the arrays of the whole batch; this room is row `row`."""
        return self._rooms.state

    @property
    def tick(self) -> int:
        """Return the number of the tick that comes next, at most the last of the session."""
        rooms = self.state.rooms
        return int(min(rooms.tick[self.row], rooms.ticks[self.row] - 1))

    @property
    def now(self) -> float:
        """Return the time of the session in seconds, at the start of the coming tick."""
        return float(self.state.rooms.tick[self.row] * self.tick_s)

    @property
    def host(self) -> simpy.Resource:
        """Return the host: whoever holds this resource has the stage."""
        return self._rooms.clocks[self.row].host

    @property
    def luck(self) -> np.random.Generator:
        """Return this room's generator for plug-ins: no other part of the room draws from it."""
        return self._rooms.plugin_streams[self.row]

    def until(self, due_s: float) -> simpy.Timeout:
        """Return the event of time due_s, to be yielded."""
        return self._rooms.clocks[self.row].until(due_s)

    def start(self, process: Process) -> None:
        """Start another process in this room."""
        self._rooms.clocks[self.row].start(process, self)

    def add_viewers(self, source: str, count: int) -> None:
        """Let `count` viewers of a source ("clip", "raid" or "troll") enter during the coming tick.

        A troll is a raider who came to spoil the chat.
        """
        self.expect_viewers(source, (count,))

    def expect_viewers(self, source: str, counts: Sequence[int]) -> None:
        """Let counts[k] viewers of a source enter during the k-th coming tick; after the session nobody enters."""
        if source not in ADDED:
            raise unknown_name("source that a process can add", source, ADDED)
        pending = self.state.pending[self.row, ADDED.index(source)]
        first, last = self.tick, int(self.state.rooms.ticks[self.row])
        coming = np.asarray(counts, dtype=pending.dtype)[: last - first]
        pending[first : first + len(coming)] += coming

    def take_rival(self) -> None:
        """Accept the battle offer that waits."""
        state, r = self.state, self.row
        offers = state.luck.offer_s[r]
        n = int(masks.pending_offer(state.rooms[r], offers, self.scenario.gifts.rival_wait_s, self.now))
        if n < 0:  # it ran out during the announcement: a rival who was announced stays
            n = int(np.nonzero(offers <= self.now)[0][-1])
        rival = int(state.luck.rival[r, n])
        state.rooms.offers_taken[r] = n
        state.rooms.rival[r] = rival
        state.rooms.met[r, rival] += 1.0

    def window(self, seconds: float) -> np.ndarray:
        """Return the ledger columns summed over the last whole decisions that cover `seconds`."""
        return analytics.window(self.state.ledger, self.row, seconds / self.scenario.session.decision_s)
