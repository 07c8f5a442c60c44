"""The rundown: which item is on, and the process that moves on when it ends."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import simpy

from livesim.content.state import NEVER
from livesim.journal import NOBODY, note
from livesim.ledger import J_SHOW

if TYPE_CHECKING:
    from livesim.audience.config import AudienceConfig
    from livesim.view import RoomView


@dataclass
class Rundown:
    """Moves to the next item when one ends, or lets a held item begin again."""

    due_s: float

    def run(self, room: RoomView) -> Generator[simpy.Event, Any, None]:
        """Wait for the end of the item; an item changed meanwhile has a later end."""
        while True:
            yield room.until(self.due_s)
            rooms, items, r = room.state.rooms, room.state.items, room.row
            if room.now >= rooms.item_end_s[r]:
                k = int(rooms.on_item[r])
                if rooms.hold[r]:
                    rooms.carried[r] = boredom_of_the_first(room)
                    rooms.item_start_s[r] = room.now
                    rooms.item_end_s[r] = room.now + items.length_s[r, k]
                else:
                    show(room, (k + 1) % items.shape[1])
            self.due_s = float(rooms.item_end_s[r])


def show(room: RoomView, k: int) -> None:
    """Put item k on screen now. Boredom of those who know it and wear have recovered with the time off screen."""
    p, content = room.scenario.audience, room.scenario.content
    rooms, items, r, now = room.state.rooms, room.state.items, room.row, room.now
    old = int(rooms.on_item[r])
    items.boredom_end[r, old] = boredom_of_the_first(room)
    items.last_shown_s[r, old] = now
    last = float(items.last_shown_s[r, k])
    rooms.carried[r], rooms.carried_before_s[r] = 0.0, NEVER
    if last > NEVER:
        away_s = now - last
        rooms.carried[r] = items.boredom_end[r, k] * _kept(p, away_s)
        rooms.carried_before_s[r] = last
        items.wear[r, k] *= math.exp(-away_s / content.wear_recovery_s)
    rooms.on_item[r] = k
    rooms.item_serial[r] += 1
    rooms.item_start_s[r] = now
    rooms.item_end_s[r] = now + items.length_s[r, k]
    rooms.hold[r] = 0
    note(room.state.ledger.journal[r], rooms[r], now, NOBODY, J_SHOW, float(k))


def boredom_of_the_first(room: RoomView) -> float:
    """Return the boredom of those who have seen all of what is on, since the item last began."""
    rooms, r = room.state.rooms, room.row
    fresh = math.exp(-(room.now - rooms.item_start_s[r]) / room.scenario.audience.boredom_time_s)
    return float(1.0 - (1.0 - rooms.carried[r]) * fresh)


def _kept(p: AudienceConfig, away_s: float) -> float:
    """Return the share of a boredom that is left after some time away from the item.

    exp(-away / recovery) (memory + (1 - memory) exp(-away / time)): what fades at once fades as fast as it grew, so
    that leaving an item for a minute and coming back forgets next to nothing.
    """
    soon = math.exp(-away_s / p.boredom_time_s)
    return math.exp(-away_s / p.boredom_recovery_s) * (p.boredom_memory + (1.0 - p.boredom_memory) * soon)
