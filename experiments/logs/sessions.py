"""Who was in which room when, and what they did meanwhile: the form of a log that estimators read."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from typing import NamedTuple

import numpy as np

from experiments.logs.schema import END, ENTER, FOLLOW, LEAVE, NONE, OF_ROOM, START, Rows
from livesim.audience.state import FEED, FOLLOWER


class Visits(NamedTuple):
    """Every stay of every viewer: arrays (m,), by room and time of entry. Times in seconds since the session began."""

    room: np.ndarray
    viewer: np.ndarray
    source: np.ndarray
    entered_s: np.ndarray
    left_s: np.ndarray  # the end of the session where the viewer did not leave before
    has_left: np.ndarray  # bool

    @property
    def stay_s(self) -> np.ndarray:
        """How long each lasted, or was seen to last."""
        return self.left_s - self.entered_s


class Events(NamedTuple):
    """What viewers did: arrays (n,), by room and time. visit: row of Visits."""

    room: np.ndarray
    time_s: np.ndarray
    visit: np.ndarray
    event: np.ndarray
    value: np.ndarray
    item: np.ndarray
    position: np.ndarray

    def of(self, event: int) -> Events:
        """Return the events of one kind."""
        chosen = self.event == event
        return Events(*(column[chosen] for column in self))


@dataclass(frozen=True)
class Sessions:
    """S rooms of a log, each from its start. length_s: (S,) seconds.  anomalies: what was put right, and how often."""

    names: tuple[str, ...]
    item_names: tuple[str, ...]
    length_s: np.ndarray
    visits: Visits
    events: Events
    anomalies: dict[str, int]

    def __len__(self) -> int:
        return len(self.names)

    def of_kind(self, event: int) -> Events:
        """Return the events of one kind, found once."""
        if event not in self._kinds:
            self._kinds[event] = self.events.of(event)
        return self._kinds[event]

    @cached_property
    def _kinds(self) -> dict[int, Events]:
        return {}

    @cached_property
    def follows_from_s(self) -> np.ndarray:
        """When the viewer of each visit began to follow, (m,): -inf for followers, inf for those who never did."""
        since = np.where(self.visits.source == FOLLOWER, -np.inf, np.inf)
        follows = self.of_kind(FOLLOW)
        np.minimum.at(since, follows.visit, follows.time_s)
        return since

    def per_room(self, room: np.ndarray, weights: np.ndarray | None = None) -> np.ndarray:
        """Return a count, or a sum of weights, per room: (S,) float."""
        return np.bincount(room, weights, len(self)).astype(float)

    def viewers_at(self, room: int, time_s: np.ndarray) -> np.ndarray:
        """Return how many were present in one room at given times."""
        entered, left = self.doors[room]
        return np.searchsorted(entered, time_s, "right") - np.searchsorted(left, time_s, "right")

    @cached_property
    def doors(self) -> list[tuple[np.ndarray, np.ndarray]]:
        """Return the sorted times of entering and of leaving, room by room."""
        v, doors = self.visits, []
        for first, end in pairwise(np.searchsorted(v.room, np.arange(len(self) + 1))):
            left_s = v.left_s[first:end][v.has_left[first:end]]
            doors.append((v.entered_s[first:end], np.sort(left_s)))
        return doors

    @cached_property
    def mean_viewers(self) -> np.ndarray:
        """Concurrent viewers of each room, averaged over its session: (S,)."""
        return self.per_room(self.visits.room, self.visits.stay_s) / self.length_s


def sessions_of(rows: Rows) -> Sessions:
    """Return the sessions of a log; what does not fit together is put right and counted.

    A session begins at its start row, else at its first event, and ends at its end row, else at its last event. An
    enter of somebody present and a leave of somebody absent are dropped, and so is whatever a viewer did outside a
    stay. Who enters without a source came from the feed.
    """
    rooms = len(rows.room_names)
    start_s = _first(rows, START, np.minimum, np.inf, rooms)
    end_s = _first(rows, END, np.maximum, -np.inf, rooms)
    anomalies: dict[str, int] = {}
    outside = (rows.time_s < start_s[rows.room]) | (rows.time_s > end_s[rows.room])
    _count(anomalies, "events before the start or after the end of their room dropped", outside.sum())
    by_viewer = ~np.isin(rows.event, OF_ROOM) & ~outside
    rows = rows.chosen(by_viewer)
    order = np.lexsort((rows.event, rows.time_s, rows.viewer, rows.room))
    visits, events = _stays(rows.chosen(order), start_s, end_s, anomalies)
    return Sessions(rows.room_names, rows.item_names, np.maximum(end_s - start_s, 1e-3), visits, events, anomalies)


def _first(rows: Rows, event: int, take: np.ufunc, nothing: float, rooms: int) -> np.ndarray:
    """Return the time of a room-level event per room, or of the outermost event where there is none."""
    told, seen = np.full(rooms, nothing), np.full(rooms, nothing)
    is_told = rows.event == event
    take.at(told, rows.room[is_told], rows.time_s[is_told])
    take.at(seen, rows.room, rows.time_s)
    return np.where(np.isfinite(told), told, seen)


def _count(anomalies: dict[str, int], what: str, number: int) -> None:
    if number:
        anomalies[what] = int(number)


def _stays(
    rows: Rows, start_s: np.ndarray, end_s: np.ndarray, anomalies: dict[str, int]
) -> tuple[Visits, Events]:
    """Split rows, sorted by room, viewer and time, into stays and what was done in them."""
    n = len(rows.room)
    is_new = np.ones(n, dtype=bool)
    is_new[1:] = (rows.room[1:] != rows.room[:-1]) | (rows.viewer[1:] != rows.viewer[:-1])
    is_door = (rows.event == ENTER) | (rows.event == LEAVE)
    # the last door row before each row, of the same viewer: its index, else NONE
    last_door = np.maximum.accumulate(np.where(is_door, np.arange(n), NONE))
    before = np.concatenate([[NONE], last_door[:-1]]) if n else last_door
    group_start = np.maximum.accumulate(np.where(is_new, np.arange(n), 0))
    before = np.where(before >= group_start, before, NONE)
    was_inside = (before >= 0) & (rows.event[before] == ENTER)
    opens = (rows.event == ENTER) & ~was_inside
    closes = (rows.event == LEAVE) & was_inside
    acts = ~is_door & was_inside
    _count(anomalies, "enter rows of viewers already present dropped", ((rows.event == ENTER) & was_inside).sum())
    _count(anomalies, "leave rows of viewers not present dropped", ((rows.event == LEAVE) & ~was_inside).sum())
    _count(anomalies, "events outside a stay dropped", (~is_door & ~was_inside).sum())
    stay = np.cumsum(opens) - 1
    _count(anomalies, "enter rows without a source taken as feed", (opens & (rows.source == NONE)).sum())
    m = int(opens.sum())
    left_s, has_left = end_s[rows.room[opens]], np.zeros(m, dtype=bool)
    left_s[stay[closes]] = rows.time_s[closes]
    has_left[stay[closes]] = True
    zero_s = start_s[rows.room[opens]]
    source = np.where(rows.source[opens] == NONE, FEED, rows.source[opens]).astype(np.int64)
    visits = Visits(
        rows.room[opens], rows.viewer[opens], source, rows.time_s[opens] - zero_s, left_s - zero_s, has_left
    )
    order = np.lexsort((visits.entered_s, visits.room))
    rank = np.empty(m, dtype=np.int64)
    rank[order] = np.arange(m)
    visits = Visits(*(column[order] for column in visits))
    by_time = np.flatnonzero(acts)
    by_time = by_time[np.lexsort((rows.event[by_time], rows.time_s[by_time], rows.room[by_time]))]
    events = Events(
        rows.room[by_time], rows.time_s[by_time] - start_s[rows.room[by_time]], rank[stay[by_time]],
        rows.event[by_time], rows.value[by_time], rows.item[by_time], rows.position[by_time],
    )  # fmt: skip
    return visits, events
