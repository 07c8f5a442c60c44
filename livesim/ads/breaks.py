"""An ad break or overlay as a process: creatives one after the other, then the credit it buys."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import simpy

from livesim.ads.market import open_market
from livesim.ads.response import MID, OVERLAY, finish_creative, start_creative
from livesim.ads.state import NO_AD
from livesim.journal import NOBODY, note
from livesim.ledger import J_CREATIVE

if TYPE_CHECKING:
    from livesim.view import RoomView


@dataclass
class AdBreak:
    """Plays the creatives of one format. played: creatives finished; -1 before the first has begun."""

    format: int
    due_s: float
    played: int = -1

    def run(self, room: RoomView) -> Generator[simpy.Event, Any, None]:
        """Start a creative, wait for its end, and so on."""
        config = room.scenario.ads.formats[self.format]
        while self.played < config.creatives:
            yield room.until(self.due_s)
            if self.played < 0:
                self._open(room)
            else:
                self._finish_creative(room)
            self.played += 1
            if self.played < config.creatives:
                self._start_creative(room)
                self.due_s = room.now + config.creative_s
        self._close(room)

    def _open(self, room: RoomView) -> None:
        rooms, r, p = room.state.rooms, room.row, room.scenario.ads
        config = p.formats[self.format]
        rooms.ad[r] = rooms.ad_shown[r] = self.format
        rooms.overlay[r] = config.overlay
        rooms.ad_end_s[r] = room.now + config.creatives * config.creative_s
        since, left = room.now - rooms.item_start_s[r], rooms.item_end_s[r] - room.now
        rooms.pause[r] = p.leave_pause if since <= p.pause_s or left <= p.pause_s else 1.0

    def _start_creative(self, room: RoomView) -> None:
        s, r, p = room.state, room.row, room.scenario.ads
        open_market(s, room.params, r)
        note(s.ledger.journal[r], s.rooms[r], room.now, NOBODY, J_CREATIVE, float(self.format))
        value = p.overlay_value if p.formats[self.format].overlay else 1.0
        start_creative(
            s.alive[r], s.viewers[r], s.rooms[r], room.params.ads[r], s.campaigns[r], s.order[r], s.rank_price[r],
            s.ledger.now[r], s.ledger.journal[r], room.now, value,
        )  # fmt: skip

    def _finish_creative(self, room: RoomView) -> None:
        s, r = room.state, room.row
        config = room.scenario.ads.formats[self.format]
        finish_creative(
            s.alive[r], s.viewers[r], s.rooms[r], room.params.ads[r], s.campaigns[r], s.ledger.now[r],
            s.ledger.journal[r], OVERLAY if config.overlay else MID, config.creative_s, room.now,
        )  # fmt: skip

    def _close(self, room: RoomView) -> None:
        rooms, r, p = room.state.rooms, room.row, room.scenario.ads
        config = p.formats[self.format]
        rooms.ad[r] = NO_AD
        rooms.ad_end_s[r] = room.now
        if not config.overlay:
            bought = config.creatives * config.creative_s * p.credit_s_per_s
            rooms.credit_until_s[r] = max(rooms.credit_until_s[r], room.now) + bought
