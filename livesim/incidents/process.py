"""The incidents of a session as one restartable process: waits for the next start or end, then sets what holds."""

from __future__ import annotations

import math
from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import simpy

from livesim.incidents.plan import Incident

if TYPE_CHECKING:
    from livesim.view import RoomView

SOURCE = {"flash_crowd": "clip", "raid": "raid", "troll_raid": "troll"}


@dataclass
class Incidents:
    """Plays a plan. done_s: every change up to this time has happened; -1 before the first."""

    incidents: tuple[Incident, ...]
    done_s: float = -1.0

    def run(self, room: RoomView) -> Generator[simpy.Event, Any, None]:
        """Wait for the next change of conditions, and set them."""
        while (due_s := self._next()) < math.inf:
            yield room.until(due_s)
            for incident in self.incidents:
                if incident.arrivals and self.done_s < incident.start_s <= due_s:
                    room.expect_viewers(SOURCE[incident.kind], incident.arrivals)
            self.done_s = due_s
            self._set_conditions(room)

    def _next(self) -> float:
        times = [time_s for each in self.incidents for time_s in (each.start_s, each.end_s) if time_s > self.done_s]
        return min(times, default=math.inf)

    def _set_conditions(self, room: RoomView) -> None:
        """Set edges, uplink and transcoders from the incidents that are on: overlaps need no bookkeeping."""
        net, r = room.state.network, room.row
        net.up[r] = True
        net.capacity_factor[r] = 1.0
        net.uplink_up[r] = True
        net.transcode_speed[r] = 1.0
        for incident in self.incidents:
            if not incident.start_s <= self.done_s < incident.end_s:
                continue
            if incident.kind == "edge_outage":
                net.up[r, incident.edge] = False
            elif incident.kind == "capacity_drop":
                which = slice(None) if incident.edge < 0 else incident.edge
                net.capacity_factor[r, which] *= incident.size
            elif incident.kind == "uplink_loss":
                net.uplink_up[r] = False
            elif incident.kind == "transcode_slowdown":
                net.transcode_speed[r] *= incident.size
