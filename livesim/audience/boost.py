"""How the platform re-allocates feed exposure, and how campaigns re-pace: every five minutes."""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import simpy

from livesim.ads.auction import pace
from livesim.audience.patience import sigma
from livesim.ledger import ORDERS, PRESENT_S, WATCH_S

if TYPE_CHECKING:
    from livesim.view import RoomView


@dataclass
class PlatformReview:
    """boost <- clip(boost^(1-a) (score/reference)^(a gain)): early minutes matter because good ones bring viewers."""

    due_s: float

    def run(self, room: RoomView) -> Generator[simpy.Event, Any, None]:
        """Review the room at every interval."""
        while True:
            yield room.until(self.due_s)
            p, r = room.scenario.audience, room.row
            score = boost_score(room)
            if score > 0.0:
                a = p.boost_exponent
                boost = room.state.rooms.boost[r] ** (1.0 - a)
                boost *= (score / p.boost_reference) ** (a * p.boost_gain)
                room.state.rooms.boost[r] = min(max(boost, p.boost_min), p.boost_max)
            pace(room.state.campaigns[r], room.params.ads[r], room.now / room.scenario.session.duration_s)
            self.due_s += p.boost_interval_s


def boost_score(room: RoomView) -> float:
    """Return watch share x engagement of the last interval, plus sales where products are shown.

    Watch share: watched over present seconds, so that ads, stalls and slow starts count against the room.
    Engagement: sigma(mean mood), what chat and reactions reveal.  Sales: orders per viewer-hour, capped at .3.
    """
    window = room.window(room.scenario.audience.boost_interval_s)
    present = window[PRESENT_S]
    if present <= 0.0:
        return 0.0
    engagement = sigma(float(room.state.rooms.mean_mood[room.row]))
    sales = min(window[ORDERS] / (present / 3600.0), 0.3)
    return float(window[WATCH_S] / present * engagement + sales)
