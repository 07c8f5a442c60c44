"""The columns and words of an event log; README.md of this folder says what each means.

Inside, words are numbers: an event is its index in EVENTS, a source in SOURCES, a position in POSITIONS; -1 is none.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

NEEDED = ("time", "room", "viewer", "event")
OPTIONAL = ("value", "source", "item", "position")
COLUMNS = (*NEEDED, *OPTIONAL)

EVENTS = (
    "start", "enter", "impression", "follow", "message", "gift", "click", "order", "ad_complete", "ad_start", "leave",
    "end",
)  # fmt: skip
"""In the order in which events of one moment happen: nobody does anything before entering or after leaving, and
one creative is over before the next begins."""
(
    START, ENTER, IMPRESSION, FOLLOW, MESSAGE, GIFT, CLICK, ORDER, AD_COMPLETE, AD_START, LEAVE, END,
) = range(len(EVENTS))  # fmt: skip
OF_ROOM = (START, END)
PRICED = (GIFT, ORDER, AD_START)
"""Events that need a value: credits of a gift or an order, seconds of a creative."""

SOURCES = ("feed", "follower", "search", "clip", "raid")
POSITIONS = ("pre", "mid", "overlay")
NONE = -1

HELP = (
    "One row per event. Columns: time (ISO 8601 with a zone, or seconds as numbers), room (one id per session), "
    f"viewer, event ({', '.join(EVENTS)}); optional: value (credits of a gift or an order, seconds of a creative "
    f"on ad_start), source on enter ({', '.join(SOURCES)}), item (product or campaign), position "
    f"({', '.join(POSITIONS)}) of ads and of clicks on ads. start and end are rows of the room without a viewer; "
    "who has no leave row is taken to have stayed until the end. experiments/logs/README.md has the details."
)


class Rows(NamedTuple):
    """A log as arrays of equal length n, words as numbers, in any order."""

    room: np.ndarray  # int64, index into room_names
    time_s: np.ndarray  # float64, on any clock
    viewer: np.ndarray  # int64, NONE for rows of the room; unique only within a room
    event: np.ndarray  # int8
    value: np.ndarray  # float64, NaN none
    source: np.ndarray  # int8
    item: np.ndarray  # int64, index into item_names
    position: np.ndarray  # int8
    room_names: tuple[str, ...]
    item_names: tuple[str, ...]

    def chosen(self, which: np.ndarray) -> Rows:
        """Return some rows, by mask or index."""
        columns = {name: getattr(self, name)[which] for name in Rows._fields[:8]}
        return self._replace(**columns)

    def in_order(self) -> Rows:
        """Return the rows by room, time and event; equal ones stay in their order."""
        return self.chosen(np.lexsort((self.event, self.time_s, self.room)))
