"""Fills the plain status of one room that rendering shows."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from livesim import ledger as book
from livesim import rewards
from livesim.chat.config import STRICTNESS
from livesim.heads import choices
from livesim.network.diagnostics import edge_loads
from livesim.network.edges import effective_kbps
from livesim.status import History, RoomStatus

if TYPE_CHECKING:
    from livesim.room import Rooms


def status_of(rooms: Rooms, row: int) -> RoomStatus:
    """Return what a spectator sees of room `row` now: nothing hidden."""
    s, scenario = rooms.state, rooms.scenarios[row]
    now = float(rooms.time_s[row])
    here = s.rooms[row]
    items = tuple(item.name for item in scenario.content.items)
    formats = tuple(f.name for f in scenario.ads.formats)
    kinds = tuple(kind.name for kind in scenario.interactions.kinds)
    on, ad, kind = int(here.on_item), int(here.ad), int(here.kind)
    history, troubles = _history(rooms, row), _troubles(rooms, row)
    last = s.ledger.history[row, max(int(s.ledger.decision[row]) - 1, 0)]
    watched = max(last[book.WATCH_S] + last[book.WATCH_AD_S], 1.0)
    return RoomStatus(
        scenario=scenario.name, time_s=now, duration_s=scenario.session.duration_s,
        viewers=int(here.present),
        stall_share=float(last[book.STALL_S] / max(last[book.PRESENT_S], 1.0)),
        bitrate_mbps=float(last[book.KBIT] / watched / 1000.0),
        live_latency_s=float(last[book.LATENCY_S] / watched),
        chat_per_min=float(last[book.MESSAGES] * 60.0 / scenario.session.decision_s),
        item=items[on], item_dwell_s=now - float(here.item_start_s),
        item_left_s=max(float(here.item_end_s) - now, 0.0),
        ad=formats[ad] if ad >= 0 else None, ad_left_s=_ad_left(rooms, row, now),
        interaction=kinds[kind] if kind >= 0 else None,
        interaction_left_s=max(float(here.close_s) - now, 0.0) if kind >= 0 else 0.0,
        last_actions={head: int(a) for head, a in zip(rooms.heads, rooms.last_actions[row], strict=True)},
        history=history, item_names=items, format_names=formats, kind_names=kinds,
        choice_names=choices(scenario), operations=_operations(rooms, row), troubles=troubles,
        recent=_recent(last, now, troubles),
        edges=edge_loads(
            np.array([effective_kbps(s.network, row, e) for e in range(s.network.up.shape[1])]),
            s.network.utilisation[row],
        ),
    )  # fmt: skip


def _history(rooms: Rooms, row: int) -> History:
    ledger = rooms.state.ledger
    n = int(ledger.decision[row])
    rows = ledger.history[row, :n]
    watched = np.maximum(rows[:, book.WATCH_S] + rows[:, book.WATCH_AD_S], 1.0)
    decision_s = rooms.scenario.session.decision_s
    price = rewards.prices(rooms.scenarios[row])[None, :]
    terms = np.cumsum(rewards.term_values(rows, price, "realised"), axis=0)
    return History(
        time_s=np.arange(1, n + 1) * decision_s, viewers=ledger.viewers[row, :n].copy(),
        stall_share=rows[:, book.STALL_S] / np.maximum(rows[:, book.PRESENT_S], 1.0),
        bitrate_mbps=rows[:, book.KBIT] / watched / 1000.0,
        chat_per_min=rows[:, book.MESSAGES] * 60.0 / decision_s,
        reward_terms={term: terms[:, k] for k, term in enumerate(rewards.TERMS)},
        item=ledger.on[row, :n, 0].astype(np.int64), ad=ledger.on[row, :n, 1].astype(np.int64),
        interaction=ledger.on[row, :n, 2].astype(np.int64),
    )  # fmt: skip


def _ad_left(rooms: Rooms, row: int, now: float) -> float:
    here = rooms.state.rooms[row]
    return max(float(here.ad_end_s) - now, 0.0) if here.ad >= 0 else 0.0


def _operations(rooms: Rooms, row: int) -> str:
    s, here = rooms.state, rooms.state.rooms[row]
    top_mbps = rooms.params.ladder[s.network.cap_rung[row]] / 1000.0
    return (
        f"top {top_mbps:g} Mbit/s, capacity x{here.rented:g}, {here.desk_servers} on the desk, "
        f"{here.desk_waiting} waiting, {STRICTNESS[here.strictness]}"
    )


def _troubles(rooms: Rooms, row: int) -> tuple[str, ...]:
    net = rooms.state.network
    found = [f"edge {e} down" for e in np.flatnonzero(~net.up[row])]
    found += [f"edge {e} at {net.capacity_factor[row, e]:.0%}" for e in np.flatnonzero(net.capacity_factor[row] < 1.0)]
    if not net.uplink_up[row]:
        found.append("uplink lost")
    if net.transcode_speed[row] < 1.0:
        found.append(f"transcoders at {net.transcode_speed[row]:.0%}")
    return tuple(found)


def _recent(last: np.ndarray, now: float, troubles: tuple[str, ...]) -> tuple[str, ...]:
    """Return what is wrong now and what happened in the last decision, one line per kind of event."""
    stamp = f"{int(now) // 3600}:{int(now) % 3600 // 60:02d}:{int(now) % 60:02d}"
    lines = [
        (last[book.GIFTS], f"{last[book.GIFTS]:.0f} gifts, {last[book.GIFT_CREDITS]:.0f} credits"),
        (last[book.ORDERS], f"{last[book.ORDERS]:.0f} orders, {last[book.ORDER_CREDITS]:.0f} credits"),
        (last[book.AD_COMPLETED], f"{last[book.AD_COMPLETED]:.0f} ads watched, {last[book.AD_REVENUE]:.1f} credits"),
        (last[book.FOLLOWS], f"{last[book.FOLLOWS]:.0f} new followers"),
        (last[book.COMPLAINTS], f"{last[book.COMPLAINTS]:.0f} complaints"),
        (last[book.GAVE_UP], f"{last[book.GAVE_UP]:.0f} gave up before the first frame"),
    ]
    happened = [text for count, text in lines if count > 0]
    return tuple(f"{stamp} {text}" for text in (*troubles, *happened))
