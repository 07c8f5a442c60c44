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
                    rooms.item_start_s[r] = room.now
                    rooms.item_end_s[r] = room.now + items.length_s[r, k]
                else:
                    show(room, (k + 1) % items.shape[1])
            self.due_s = float(rooms.item_end_s[r])


def show(room: RoomView, k: int) -> None:
    """Put item k on screen now. What viewers keep of their boredom with it has recovered with time."""
    p = room.scenario.audience
    rooms, items, r, now = room.state.rooms, room.state.items, room.row, room.now
    old = int(rooms.on_item[r])
    grown = math.exp(-(now - rooms.item_start_s[r]) / p.boredom_time_s)
    items.boredom_end[r, old] = 1.0 - (1.0 - rooms.carried[r]) * grown
    items.last_shown_s[r, old] = now
    last = float(items.last_shown_s[r, k])
    is_known = last > NEVER
    recovered = math.exp(-(now - last) / p.boredom_recovery_s) if is_known else 0.0
    rooms.carried[r] = p.boredom_memory * items.boredom_end[r, k] * recovered
    rooms.carried_before_s[r] = last if is_known else NEVER
    rooms.on_item[r] = k
    rooms.item_serial[r] += 1
    rooms.item_start_s[r] = now
    rooms.item_end_s[r] = now + items.length_s[r, k]
    rooms.hold[r] = 0
    note(room.state.ledger.journal[r], rooms[r], now, NOBODY, J_SHOW, float(k))
