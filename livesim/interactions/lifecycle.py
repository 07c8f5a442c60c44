"""An interaction as a process: announce, open, close, settle, with the host as the resource it holds."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import simpy

from livesim.interactions.effects import lift_everybody, name_waiting, settle_with_everybody, tire
from livesim.ledger import PRIZES
from livesim.moment import highlight_level

if TYPE_CHECKING:
    from livesim.view import RoomView


@dataclass
class Interaction:
    """One use of a kind. phase: "announced", then "open", then done."""

    kind: int
    due_s: float
    phase: str = "announced"

    def run(self, room: RoomView) -> Generator[simpy.Event, Any, None]:
        """Hold the host from the announcement to the close."""
        with room.host.request() as turn:
            if not turn.triggered:
                yield turn
            while self.phase != "done":
                yield room.until(self.due_s)
                if self.phase == "announced":
                    self._open(room)
                else:
                    self._close(room)

    def _open(self, room: RoomView) -> None:
        s, r, j = room.state, room.row, self.kind
        rooms, config = s.rooms, room.scenario.interactions
        kind, use = config.kinds[j], s.kinds[r, j]
        total = tire(s.kinds[r], room.params.kinds[r], 0.0)
        highlight = highlight_level(
            s.rooms[r], s.items[r, rooms.on_item[r]], s.luck.surprise_s[r], room.scenario.content.surprise_s, room.now
        )
        tired = math.exp(-config.fatigue_effect * use.fatigue - config.attention * total)
        rooms.strength[r] = tired * (1.0 - config.highlight_effect * highlight)
        rooms.bother[r] = kind.bother * (
            1.0 + config.bother_repeat * use.fatigue + config.bother_fatigue * total
            + config.bother_highlight * highlight
        )  # fmt: skip
        length = kind.open_s
        if kind.needs == "names":
            length = max(config.name_s * self._name(room), room.tick_s)
        elif kind.needs == "rival":
            room.take_rival()
        elif kind.needs == "product":
            s.items.reference[r, rooms.on_item[r]] *= 1.0 - kind.reference_drop
        if kind.mood_show > 0.0:
            lift_everybody(s.alive[r], s.viewers[r], s.rooms[r], kind.mood_show * rooms.strength[r])
        self._pay(room)
        rooms.kind[r] = rooms.kind_shown[r] = j
        rooms.use[r] += 1
        use.uses += 1
        use.fatigue += 1.0
        self.phase, self.due_s = "open", room.now + length
        rooms.close_s[r] = self.due_s

    def _name(self, room: RoomView) -> int:
        s, r = room.state, room.row
        return int(name_waiting(
            s.alive[r], s.viewers[r], s.rooms[r], s.waiting[r], room.params.chat[r], room.params.interactions[r],
            s.ledger.now[r], room.now,
        ))  # fmt: skip

    def _pay(self, room: RoomView) -> None:
        rooms, r = room.state.rooms, room.row
        kind = room.scenario.interactions.kinds[self.kind]
        prize = min(kind.prize_per_100 * rooms.present[r] / 100.0, rooms.prize_left[r])
        rooms.prize_left[r] -= prize
        room.state.ledger.now[r, PRIZES] += prize + kind.compute_credits

    def _close(self, room: RoomView) -> None:
        s, r, j = room.state, room.row, self.kind
        kind = room.scenario.interactions.kinds[j]
        settle_with_everybody(s.alive[r], s.viewers[r], s.rooms[r], room.params.kinds[r, j], s.ledger.now[r])
        s.rooms.kind[r] = -1
        s.rooms.host_kind[r] = -1
        s.kinds.cooldown_until_s[r, j] = room.now + kind.cooldown_s
        s.kinds.last_use_s[r, j] = room.now
        if kind.exit_burst > 1.0:
            s.rooms.burst_until_s[r] = room.now + kind.exit_burst_s
            s.rooms.burst[r] = kind.exit_burst
        s.rooms.rival[r] = -1
        self.phase = "done"
