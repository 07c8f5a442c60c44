"""Simulated sessions as the rows of a log, from the first second to the last.

`experiments.facts.sessions` ends its record one decision early, because the environments start the next session within
the step that ends one. That suits statistics of decisions; a log of it would lose half a minute of everything and
tell the end of a session wrongly. Here rooms are played without an environment around them, so nothing starts anew.
"""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor

import numpy as np

from experiments.facts.world import policy_of
from experiments.logs.schema import (
    AD_COMPLETE,
    AD_START,
    CLICK,
    END,
    ENTER,
    FOLLOW,
    GIFT,
    IMPRESSION,
    LEAVE,
    MESSAGE,
    NONE,
    ORDER,
    POSITIONS,
    START,
    Rows,
)
from livesim import Rooms
from livesim import ledger as book
from livesim.errors import unknown_name
from livesim.heads import HEADS
from livesim.scenario import Scenario

POLICIES = ("default", "nothing")
EVENTS_PER_VIEWER_HOUR = 60
"""Room for individual events at first; where it does not suffice the sessions are played again."""
PRE, MID, OVERLAY = range(len(POSITIONS))
TOLD = {
    book.J_ENTER: ENTER, book.J_LEAVE: LEAVE, book.J_FOLLOW: FOLLOW, book.J_MESSAGE: MESSAGE, book.J_GIFT: GIFT,
    book.J_CLICK: CLICK, book.J_AD_CLICK: CLICK, book.J_ORDER: ORDER, book.J_AD_START: AD_START,
    book.J_AD_COMPLETE: AD_COMPLETE,
}  # fmt: skip
"""Journal kinds that a platform would log as well, and their event."""
APART_S = 1e-6
"""Equal events of one viewer, which a tick books at one time, are told apart by a microsecond."""

Progress = Callable[[float], None]


def record(
    scenario: Scenario,
    seeds: Sequence[int],
    policies: str = "default",
    batch: int = 64,
    progress: Progress | None = None,
) -> Rows:
    """Return the log of one session per seed.

    policies: "default", those of the scenario on every head, or "nothing".  batch: most rooms that are played
    together.  progress: told of finished sessions. Batches are played in a thread per core, for kernels run beside
    each other; a room does not depend on its batch.
    """
    check_policies(policies)
    threads = os.cpu_count() or 1
    size = max(min(batch, math.ceil(len(seeds) / threads)), 1)

    def play(first: int) -> list[tuple[np.ndarray, ...]]:
        journals = _journals(scenario, seeds[first : first + size], policies, progress)
        return [_rows(scenario, journal) for journal in journals]

    with ThreadPoolExecutor(threads) as pool:
        rooms = [columns for played in pool.map(play, range(0, len(seeds), size)) for columns in played]
    time_s, viewer, event, value, source, item, position = (np.concatenate(parts) for parts in zip(*rooms, strict=True))
    room = np.repeat(np.arange(len(rooms)), [len(columns[0]) for columns in rooms])
    names = tuple(f"seed-{seed}" for seed in seeds)
    return Rows(
        room, time_s, viewer, event, value, source, item, position, names, item_names(scenario)
    ).in_order()  # fmt: skip


def check_policies(policies: str) -> None:
    """Raise UnknownNameError where rooms cannot be run so."""
    if policies not in POLICIES:
        raise unknown_name("policies", policies, POLICIES, "--policies")


def item_names(scenario: Scenario) -> tuple[str, ...]:
    """Return what `item` counts through: the catalogue, then the campaigns."""
    return (*(item.name for item in scenario.content.items), *(campaign.name for campaign in scenario.ads.campaigns))


def _journals(
    scenario: Scenario, seeds: Sequence[int], policies: str, progress: Progress | None
) -> list[dict[str, np.ndarray]]:
    hours = scenario.session.duration_s / 3600.0
    size = round(EVENTS_PER_VIEWER_HOUR * scenario.audience.planned_viewers * hours) + 1000
    while True:
        rooms = Rooms(scenario, len(seeds), journal=size)
        _play(rooms, seeds, policies, progress)
        lost = int(rooms.state.rooms.journal_count.max()) - size
        if lost <= 0:
            return [rooms.journal(row) for row in range(len(seeds))]
        size += 2 * lost


def _play(rooms: Rooms, seeds: Sequence[int], policies: str, progress: Progress | None) -> None:
    rooms.reset(seeds)
    policy = policy_of(rooms.scenario, {}) if policies == "default" else None
    state = policy.initial_state(list(seeds)) if policy is not None else None
    starts = np.ones(len(seeds), dtype=bool)
    while not rooms.ended.all():
        if policy is not None:
            actions, state = policy.predict(rooms.observe(), state, starts, True)
            rooms.apply(np.asarray(actions).reshape(len(seeds), len(HEADS)))
            starts = np.zeros(len(seeds), dtype=bool)
        rooms.advance()
        if progress is not None:
            progress(len(seeds) / rooms.scenario.decisions)


def _rows(scenario: Scenario, journal: dict[str, np.ndarray]) -> tuple[np.ndarray, ...]:
    """Return the columns of one room, those of Rows without the room."""
    end_s = scenario.session.duration_s
    kind, viewer = journal["kind"], journal["viewer_id"]
    event = np.full(len(kind), NONE, dtype=np.int8)
    for told, as_event in TOLD.items():
        event[kind == told] = as_event
    time_s, item = _times(journal, event), np.full(len(kind), NONE, dtype=np.int64)
    value, position = np.full(len(kind), np.nan), np.full(len(kind), NONE, dtype=np.int8)
    source = np.where(kind == book.J_ENTER, journal["value"], NONE).astype(np.int8)
    value[kind == book.J_GIFT] = journal["value"][kind == book.J_GIFT]
    _tell_ads(scenario, journal, value, item, position)
    _tell_orders(scenario, journal, value, item)
    kept = event != NONE
    seen_at, seen_by, seen_item = _impressions(scenario, journal)
    n, one = len(seen_at), np.ones(1)
    return (
        np.concatenate([0.0 * one, time_s[kept], seen_at, end_s * one]),
        np.concatenate([[NONE], viewer[kept], seen_by, [NONE]]).astype(np.int64),
        np.concatenate([[START], event[kept], np.full(n, IMPRESSION), [END]]).astype(np.int8),
        np.concatenate([np.nan * one, value[kept], np.full(n, np.nan), np.nan * one]),
        np.concatenate([[NONE], source[kept], np.full(n, NONE), [NONE]]).astype(np.int8),
        np.concatenate([[NONE], item[kept], seen_item, [NONE]]).astype(np.int64),
        np.concatenate([[NONE], position[kept], np.full(n, NONE), [NONE]]).astype(np.int8),
    )


def _times(journal: dict[str, np.ndarray], event: np.ndarray) -> np.ndarray:
    """Return times at which nobody writes before entering, and no viewer does the same thing twice at once.

    The senders of a tick are chosen among all who are present at its end, so that a message may precede its sender
    by less than a tick; a tick books everything else a viewer does in it at one time.
    """
    time_s, viewer = journal["time_s"].copy(), journal["viewer_id"]
    enters, messages = np.flatnonzero(event == ENTER), np.flatnonzero(event == MESSAGE)
    order = enters[np.argsort(viewer[enters])]
    entered_s = time_s[order[np.searchsorted(viewer[order], viewer[messages])]]
    time_s[messages] = np.maximum(time_s[messages], entered_s)
    order = np.lexsort((np.arange(len(time_s)), time_s, event, viewer))
    same = np.ones(len(order), dtype=bool)  # as the event before
    for column in (time_s[order], event[order], viewer[order]):
        same[1:] &= column[1:] == column[:-1]
    same[:1] = False
    run = np.cumsum(~same) - 1
    begins = np.flatnonzero(~same)
    behind = np.arange(len(order)) - begins[run]
    ahead = np.bincount(run, minlength=len(begins))[run] - 1 - behind
    # a message must not precede its sender's entry, nor anything else outlast a stay
    time_s[order] += APART_S * np.where(event[order] == MESSAGE, behind, -ahead)
    return time_s


def _tell_ads(
    scenario: Scenario, journal: dict[str, np.ndarray], value: np.ndarray, item: np.ndarray, position: np.ndarray
) -> None:
    """Say of every ad event where the ad stood, whose it was, and of its start how long it runs."""
    kind, time_s, viewer = journal["kind"], journal["time_s"], journal["viewer_id"]
    formats, ads = scenario.ads.formats, len(scenario.content.items)
    begun = np.flatnonzero(kind == book.J_CREATIVE)  # by time
    starts = np.flatnonzero(kind == book.J_AD_START)
    at = np.searchsorted(time_s[begun], time_s[starts])
    in_break = at < len(begun)
    in_break[in_break] = time_s[begun[at[in_break]]] == time_s[starts[in_break]]
    which = journal["value"][begun[at[in_break]]].astype(int)
    overlay = np.array([form.overlay for form in formats])
    position[starts] = PRE
    position[starts[in_break]] = np.where(overlay[which], OVERLAY, MID)
    value[starts] = scenario.ads.preroll_s
    value[starts[in_break]] = np.array([form.creative_s for form in formats])[which]
    item[starts] = ads + journal["value"][starts].astype(int)
    last = _last_before(viewer, kind == book.J_AD_START)
    for told in (book.J_AD_COMPLETE, book.J_AD_CLICK):
        follows = np.flatnonzero(kind == told)
        position[follows], item[follows] = position[last[follows]], item[last[follows]]


def _tell_orders(scenario: Scenario, journal: dict[str, np.ndarray], value: np.ndarray, item: np.ndarray) -> None:
    """Say of every product click and order which product, and what was paid: an order fulfils the last click.

    The journal holds margins; a sale takes its discount from the price and from the margin alike.
    """
    kind, viewer = journal["kind"], journal["viewer_id"]
    clicks, orders = kind == book.J_CLICK, np.flatnonzero(kind == book.J_ORDER)
    item[clicks] = journal["value"][clicks].astype(int)
    if len(orders):
        item[orders] = item[_last_before(viewer, clicks)[orders]]
        price = np.array([each.price_credits for each in scenario.content.items])[item[orders]]
        margin = np.array([each.margin for each in scenario.content.items])[item[orders]]
        value[orders] = price * (1.0 - margin) + journal["value"][orders]


def _last_before(viewer: np.ndarray, chosen: np.ndarray) -> np.ndarray:
    """Return for every event the last chosen one of the same viewer up to it; the first event where there is none."""
    order = np.lexsort((np.arange(len(viewer)), viewer))
    place = np.maximum.accumulate(np.where(chosen[order], np.arange(len(order)), 0))
    last = np.empty(len(order), dtype=np.int64)
    last[order] = order[place]
    return last


def _impressions(scenario: Scenario, journal: dict[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return time, viewer and item of every product that came before a viewer's eyes: one per showing and viewer."""
    kind, time_s, viewer = journal["kind"], journal["time_s"], journal["viewer_id"]
    shows = kind == book.J_SHOW
    begin = np.concatenate([[0.0], time_s[shows]])
    which = np.concatenate([[0], journal["value"][shows].astype(int)])
    end = np.append(begin[1:], scenario.session.duration_s)
    is_product = np.array([each.kind == "product" for each in scenario.content.items])[which] & (end > begin)
    enters, leaves = np.flatnonzero(kind == book.J_ENTER), np.flatnonzero(kind == book.J_LEAVE)
    who, entered_s = viewer[enters], time_s[enters]
    left_s = np.full(len(who), scenario.session.duration_s)
    order = np.argsort(who)
    left_s[order[np.searchsorted(who[order], viewer[leaves])]] = time_s[leaves]
    found: list[tuple[np.ndarray, ...]] = [(np.zeros(0), np.zeros(0, np.int64), np.zeros(0, np.int64))]
    for n in np.flatnonzero(is_product):
        sees = (entered_s < end[n]) & (left_s > begin[n])
        found.append((np.maximum(entered_s[sees], begin[n]), who[sees], np.full(sees.sum(), which[n])))
    at, by, item = (np.concatenate(parts) for parts in zip(*found, strict=True))
    return at, by, item
