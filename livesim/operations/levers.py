"""The settings of the `operate` head: what each choice sets, when it works, and what running it costs.

One choice puts one lever to one level. Rented capacity and people on the desk arrive with a delay, so those two are
restartable processes; they go at once. A choice that changes nothing is masked.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

import simpy

from livesim.chat.config import STRICTNESS
from livesim.compiled import kernel
from livesim.ledger import OPERATIONS
from livesim.network.edges import capacities

if TYPE_CHECKING:
    from livesim.scenario import Scenario
    from livesim.view import RoomView

CAP, CAPACITY, STAFF, MODERATION = range(4)
STRICTNESS_LEVELS = len(STRICTNESS)


class Setting(NamedTuple):
    """One lever at one level."""

    lever: int
    level: int
    name: str


@lru_cache(maxsize=64)
def _settings(ladder_kbps: tuple[float, ...], steps: tuple[float, ...], staff_most: int) -> tuple[Setting, ...]:
    return (
        *(Setting(CAP, rung, f"cap_{kbps:g}_kbps") for rung, kbps in enumerate(ladder_kbps)),
        *(Setting(CAPACITY, level, f"capacity_x{step:g}") for level, step in enumerate(steps)),
        *(Setting(STAFF, people, f"staff_{people}") for people in range(staff_most + 1)),
        *(Setting(MODERATION, level, f"moderation_{name}") for level, name in enumerate(STRICTNESS)),
    )


def settings(scenario: Scenario) -> tuple[Setting, ...]:
    """Return every setting, in the order of the choices of the head (choice n + 1 is settings[n])."""
    return _settings(scenario.network.ladder_kbps, scenario.operations.capacity_steps, scenario.operations.staff_most)


def open_operations(rooms: Any, row: int, scenario: Scenario) -> None:
    """Put the levers of a room to what the scenario has: no rented capacity, its own desk."""
    rooms.rented[row] = 1.0
    rooms.staff_level[row] = rooms.desk_servers[row]
    rooms.operating_credits_per_s[row] = _credits_per_s(scenario, 0, int(rooms.desk_servers[row]))


def operate(room: RoomView, setting: Setting) -> None:
    """Put one lever to one level."""
    state, r, now, p = room.state, room.row, room.now, room.scenario.operations
    rooms = state.rooms
    if setting.lever == CAP:
        state.network.cap_rung[r] = setting.level
        return
    if setting.lever == MODERATION:
        rooms.strictness[r] = setting.level
        return
    if setting.lever == CAPACITY:
        is_more = p.capacity_steps[setting.level] > rooms.rented[r]
        rooms.capacity_level[r] = setting.level
        rooms.capacity_ready_s[r] = now + (p.provision_s if is_more else 0.0)
        rooms.capacity_locked_s[r] = now + p.hold_s
        arrival = Arrival(CAPACITY, setting.level, float(rooms.capacity_ready_s[r]))
    else:
        is_more = setting.level > rooms.desk_servers[r]
        rooms.staff_level[r] = setting.level
        rooms.staff_ready_s[r] = now + (p.call_in_s if is_more else 0.0)
        rooms.staff_locked_s[r] = now + p.hold_s
        arrival = Arrival(STAFF, setting.level, float(rooms.staff_ready_s[r]))
    rooms.operating_credits_per_s[r] = _credits_per_s(
        room.scenario, int(rooms.capacity_level[r]), int(rooms.staff_level[r])
    )
    if is_more:
        room.start(arrival)
    else:
        arrival.take_effect(room)


@dataclass
class Arrival:
    """Ordered capacity or called people, on their way. An order that was changed meanwhile brings nothing."""

    lever: int
    level: int
    due_s: float

    def run(self, room: RoomView) -> Generator[simpy.Event, Any, None]:
        """Arrive when due."""
        yield room.until(self.due_s)
        rooms, r = room.state.rooms, room.row
        if self.lever == CAPACITY:
            newest = rooms.capacity_level[r], rooms.capacity_ready_s[r]
        else:
            newest = rooms.staff_level[r], rooms.staff_ready_s[r]
        if newest == (self.level, self.due_s):
            self.take_effect(room)

    def take_effect(self, room: RoomView) -> None:
        """Put the lever where it was ordered to be."""
        rooms, r = room.state.rooms, room.row
        if self.lever == STAFF:
            rooms.desk_servers[r] = self.level
            return
        scenario = room.scenario
        rooms.rented[r] = scenario.operations.capacity_steps[self.level]
        own_kbps = capacities(scenario.network, scenario.audience.planned_viewers)
        room.state.network.capacity_kbps[r] = rooms.rented[r] * own_kbps


def _credits_per_s(scenario: Scenario, capacity_level: int, staff: int) -> float:
    p = scenario.operations
    base_mbps = capacities(scenario.network, scenario.audience.planned_viewers).sum() / 1000.0
    rented_mbps = (p.capacity_steps[capacity_level] - 1.0) * base_mbps
    return float((p.capacity_credits_per_mbps_h * rented_mbps + p.wage_credits_per_h * staff) / 3600.0)


@kernel
def charge(room, ledger, tick_s):
    """Book the rent and wages of one tick."""
    ledger[OPERATIONS] += room.operating_credits_per_s * tick_s


@kernel
def mask_operate(room, cap_rung, rungs, staff, now_s, is_over, mask):
    """Allow every setting that changes something and is not locked by a recent order; 0 always.

    rungs, staff: how many levels the bitrate cap and the staff have.  The order is that of `settings`.
    """
    mask[0] = True
    steps = mask.shape[0] - 1 - rungs - staff - STRICTNESS_LEVELS
    n = 1
    for level in range(rungs):
        mask[n + level] = not is_over and level != cap_rung
    n += rungs
    for level in range(steps):
        mask[n + level] = not is_over and level != room.capacity_level and now_s >= room.capacity_locked_s
    n += steps
    for level in range(staff):
        mask[n + level] = not is_over and level != room.staff_level and now_s >= room.staff_locked_s
    n += staff
    for level in range(STRICTNESS_LEVELS):
        mask[n + level] = not is_over and level != room.strictness
