"""What a platform could measure of a room: windows over the ledger, the rundown, the ad market, the chat.

This module is the only source of observations. No hidden trait (taste, mood, patience, wallet, host energy) and no
future luck is read here; `item_match` comes from the profile store, which holds only what viewers did.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from livesim import ledger as book
from livesim.ads.market import market_now, open_market
from livesim.chat.talk import count_waiting
from livesim.compiled import allocating_kernel, kernel
from livesim.crowd import end_session
from livesim.daytime import SATURDAY, day_and_hour_now
from livesim.heads import choices
from livesim.masks import pending_offer
from livesim.moment import rules_of
from livesim.network.edges import effective_kbps
from livesim.network.qoe import close_room
from livesim.privacy import counts
from livesim.privacy.publish import (
    K_ANONYMOUS,
    LAPLACE,
    at_least,
    look_at,
    published,
    published_at,
    published_count,
)
from livesim.scenario import Scenario
from livesim.state import Params, State

NEVER_MIN, AD_NEVER_MIN = 120.0, 60.0
SHARE_FREE_MBPS = 100.0
STARTUP_MOST_S, LATENCY_MOST_S = 30.0, 60.0


@dataclass(frozen=True)
class Field:
    """One row of the observation table. low and high are inclusive bounds of every entry.

    hidden: what it reads where k-anonymity hides it; None: it says nothing of viewers and is always shown exactly.
    Counts and trends read 0, shares and means what the default room shows on average (8 sessions, from minute 10 on),
    so that nothing hidden looks like an alarm.
    """

    name: str
    shape: tuple[int, ...]
    low: float
    high: float
    unit: str
    meaning: str
    hidden: float | None = None

    @property
    def size(self) -> int:
        """Return how many numbers the field has."""
        return math.prod(self.shape)


def fields(scenario: Scenario) -> tuple[Field, ...]:
    """Return the observation table of a scenario, in flat order."""
    K, F = len(scenario.content.items), len(scenario.ads.formats)
    J, E = len(scenario.interactions.kinds), len(scenario.network.edge_shares)
    levers = len(choices(scenario)["operate"])
    minutes = scenario.session.duration_s / 60.0
    items, formats, kinds = (K,), (F,), (J,)
    table = (
        Field("elapsed_min", (), 0, minutes, "min", "time since the session began"),
        Field("remaining_min", (), 0, minutes, "min", "time to its scheduled end"),
        Field("hour_sin", (), -1, 1, "", "sine of the local hour, 24 h a turn; 0 with the cosine: the clock is off"),
        Field("hour_cos", (), -1, 1, "", "its cosine"),
        Field("is_weekend", (), 0, 1, "0/1", "it is Saturday or Sunday; 0 with the clock off"),
        Field("viewers_log", (), 0, 15, "ln(1+n)", "concurrent viewers", hidden=0),
        Field("viewers_trend", (), -3, 3, "ln ratio", "concurrent viewers now over 5 min ago", hidden=0),
        Field("entries_per_min_log", (), 0, 15, "ln(1+n/min)", "entries of the last decision", hidden=0),
        Field(
            "leave_rate",
            (),
            0,
            10,
            "1/viewer/min",
            "leaves per viewer-minute, last 2 min, entries under 30 s not counted",
            hidden=0.05,
        ),
        Field("newcomer_share", (), 0, 1, "share", "presence of viewers who came less than 3 min ago", hidden=0.15),
        Field("follower_share", (), 0, 1, "share", "presence of followers", hidden=0.6),
        Field("retention", (), 0, 1, "share", "entries of the last 5 min that stayed 30 s", hidden=0.5),
        Field("stall_share", (), 0, 1, "share", "stalled share of presence, last decision", hidden=0.004),
        Field("startup_s", (), 0, STARTUP_MOST_S, "s", "mean start-up delay, last 5 min", hidden=1.4),
        Field("bitrate_mbps", (), 0, 100, "Mbit/s", "mean bitrate watched, last decision", hidden=2.75),
        Field("live_latency_s", (), 0, LATENCY_MOST_S, "s", "mean live latency, last decision", hidden=8),
        Field("edge_utilisation", (E,), 0, 1, "share", "sent over capacity, last tick"),
        Field("edge_up", (E,), 0, 1, "0/1", "the edge serves viewers"),
        Field("edge_capacity_mbps", (E,), 0, 1e6, "Mbit/s", "what the edge can carry now, rented capacity included"),
        Field("edge_share_mbps", (E,), 0, 100, "Mbit/s", "fair share of the edge, last tick; 100: it limits nobody"),
        Field("publish_delay_s", (), 0, 60, "s", "from the end of a segment to its announcement, last decision"),
        Field("uplink_up", (), 0, 1, "0/1", "the broadcaster's uplink"),
        Field(
            "qoe_mean", (), -20, 20, "Mbit/s", "linear quality of experience, mean of the viewers, last decision",
            hidden=2.6,
        ),
        Field("qoe_p10", (), -20, 20, "Mbit/s", "its 10th percentile over the viewers", hidden=2),
        Field("stalled_viewers", (), 0, 1, "share", "viewers of the last decision who stalled in it", hidden=0.06),
        Field(
            "gave_up_share", (), 0, 1, "share", "entries of the last 5 min that gave up before the first frame",
            hidden=0.001,
        ),
        Field("chat_per_min_log", (), 0, 12, "ln(1+n/min)", "messages, last minute", hidden=0),
        Field("chat_trend", (), -3, 3, "ln ratio", "messages of the last minute over the last 10 min", hidden=0),
        Field("sentiment", (), -1, 1, "", "mean observed sentiment of messages, last 5 min", hidden=0),
        Field("unanswered_log", (), 0, 5, "ln(1+n)", "gifts and questions of the last 5 min not yet answered"),
        Field("gift_credits_per_min_log", (), 0, 15, "ln(1+credits/min)", "gifts, last 5 min", hidden=0),
        Field("gift_trend", (), -3, 3, "ln ratio", "gifts (count) of the last 2 min over the last 15 min", hidden=0),
        Field("item", items, 0, 1, "one-hot", "item on screen"),
        Field("dwell_min", (), 0, 240, "min", "time on this item"),
        Field("item_remaining_min", (), 0, 120, "min", "until it ends by plan"),
        Field(
            "item_minutes_since_shown", items, 0, NEVER_MIN, "min", "since each item was on; 120: never or longer ago"
        ),
        Field("item_minutes_shown", items, 0, 1440, "min", "time each item has been on this session"),
        Field(
            "item_match", items, -3, 3, "", "estimated fit of each item to those present, from what they did", hidden=0
        ),
        Field("item_ctr", items, 0, 5, "1/viewer/min", "clicks per viewer-minute on screen", hidden=0),
        Field("item_stock", items, 0, 1, "share", "stock left"),
        Field("item_is_product", items, 0, 1, "0/1", "can be bought"),
        Field("item_price_log", items, 0, 15, "ln(1+credits)", "price"),
        Field("ad_playing", formats, 0, 1, "one-hot", "break or overlay playing"),
        Field("ad_load30_min", (), 0, 30, "min", "ad minutes in the last 30, overlays weighted"),
        Field("minutes_since_ad", (), 0, AD_NEVER_MIN, "min", "since the last break or overlay ended; 60: never"),
        Field("ad_credit_min", (), 0, 120, "min", "pre-roll-free time left"),
        Field("market_price", (), 0, 10, "ratio", "common factor of bids, 1 is usual"),
        Field(
            "break_value_log", formats, 0, 12, "ln(1+credits)", "expected auction revenue of each format now", hidden=0
        ),
        Field("interaction_open", kinds, 0, 1, "one-hot", "interaction running"),
        Field("interaction_left_s", (), 0, 1800, "s", "until it closes"),
        Field("cooldown_left_s", kinds, 0, 7200, "s", "until each kind may start again"),
        Field("minutes_since_use", kinds, 0, NEVER_MIN, "min", "since each kind closed; 120: never or longer ago"),
        Field("interactions_used", kinds, 0, 1000, "count", "uses of each kind"),
        Field("battle_offer", (), 0, 1, "0/1", "a rival waits"),
        Field(
            "intent_log", (), 0, 12, "ln(1+n)", "viewers who clicked in the last 10 min and have not ordered", hidden=0
        ),
        Field("prize_budget_share", (), 0, 1, "share", "prize budget left"),
        Field("performing_min", (), 0, 1440, "min", "since the host last rested"),
        Field("participation", (), 0, 1, "share", "of those present in the last interaction", hidden=0.2),
        Field("quiz_score", (), 0, 1, "share", "right answers in the last quiz; 0 before", hidden=0),
        Field("bitrate_cap", (), 0, 1, "rank", "highest rendition offered: 0 the lowest rung, 1 the top"),
        Field("capacity_ordered", (), 0, 16, "step", "step of rented capacity that is ordered"),
        Field("capacity_rented", (), 1, 100, "ratio", "rented capacity that has arrived, over the scenario's own"),
        Field("capacity_wait_s", (), 0, 3600, "s", "until ordered capacity arrives"),
        Field("staff", (), 0, 16, "people", "on the desk now"),
        Field("staff_ordered", (), 0, 16, "people", "called to the desk"),
        Field("strictness", (), 0, 2, "level", "of moderation: 0 lenient, 1 normal, 2 strict"),
        Field("desk_queue_log", (), 0, 8, "ln(1+n)", "jobs that wait for the desk"),
        Field("desk_load", (), 0, 1, "share", "busy time of the desk, last 2 min"),
        Field("desk_wait_s", (), 0, 600, "s", "mean wait of the jobs that left the queue, last 5 min"),
        Field("desk_late_share", (), 0, 1, "share", "jobs of the last 5 min that gave up waiting"),
        Field("flags_per_min_log", (), 0, 10, "ln(1+n/min)", "messages flagged, last 5 min", hidden=0),
        Field("appeals_per_min_log", (), 0, 10, "ln(1+n/min)", "wrong removals appealed, last 5 min", hidden=0),
        Field("mask_recommend", (K + 1,), 0, 1, "0/1", "choices open to the recommend head"),
        Field("mask_ads", (F + 1,), 0, 1, "0/1", "choices open to the ads head"),
        Field("mask_interact", (J + 1,), 0, 1, "0/1", "choices open to the interact head"),
        Field("mask_operate", (levers + 1,), 0, 1, "0/1", "choices open to the operate head"),
    )
    return tuple(field for field in table if field.size)


class Layout:
    """The flat order of one scenario's fields, and the call that fills it."""

    def __init__(self, scenario: Scenario) -> None:
        self.fields = fields(scenario)
        ends = np.cumsum([field.size for field in self.fields])
        self.slices = {
            field.name: slice(int(end) - field.size, int(end)) for field, end in zip(self.fields, ends, strict=True)
        }
        self.low = np.concatenate([np.full(f.size, f.low, np.float32) for f in self.fields])
        self.high = np.concatenate([np.full(f.size, f.high, np.float32) for f in self.fields])
        self.hidden = np.concatenate([np.full(f.size, f.hidden or 0.0, np.float32) for f in self.fields])

    def observe(self, state: State, params: Params, masks: tuple[np.ndarray, ...]) -> np.ndarray:
        """Return (R, n) float32, inside the bounds."""
        flat = np.empty((len(state.rooms), len(self.low)), np.float32)
        observe(state, params, self.hidden, *masks, flat)
        np.clip(flat, self.low, self.high, out=flat)
        return flat

    def split(self, flat: np.ndarray) -> dict[str, np.ndarray]:
        """Return name -> (R, *shape) copies of a flat (R, n) array."""
        return {f.name: flat[:, self.slices[f.name]].reshape(len(flat), *f.shape).copy() for f in self.fields}


@allocating_kernel
def window(ledger, r, decisions):
    """Return the ledger columns of room r summed over its last `decisions` finished decisions."""
    done = ledger.decision[r]
    total = np.zeros(ledger.now.shape[1])
    for d in range(max(done - math.ceil(decisions), 0), done):
        for c in range(total.shape[0]):
            total[c] += ledger.history[r, d, c]
    return total


@allocating_kernel
def close_decision(s, params, running):
    """Book a finished decision: history, ad load, the next ranks for pre-rolls, the end of a session."""
    for r in range(running.shape[0]):
        if not running[r]:
            continue
        room, rules = s.rooms[r], rules_of(params, r)
        end_s = room.tick * rules.session.tick_s
        close_room(
            s.network, r, s.alive[r], s.viewers[r], room.high, rules.network.segment_s, params.ladder[-1], end_s,
            s.ledger.now[r],
        )  # fmt: skip
        if room.tick >= room.ticks:
            end_session(s.alive[r], s.viewers[r], room, rules, s.ledger.now[r], s.ledger.journal[r])
        d = s.ledger.decision[r]
        s.ledger.history[r, d] = s.ledger.now[r]
        s.ledger.viewers[r, d] = room.present
        s.ledger.on[r, d, 0] = room.on_item
        s.ledger.on[r, d, 1] = room.ad_shown
        s.ledger.on[r, d, 2] = room.kind_shown
        room.ad_shown, room.kind_shown = room.ad, room.kind
        s.ledger.decision[r] = d + 1
        room.load30 = window(s.ledger, r, 1800.0 / params.session[r].decision_s)[book.AD_S] / 60.0
        open_market(s, params, r)


def costs(state: State, params: Params) -> dict[str, np.ndarray]:
    """Return the constraint costs of the last decision, name -> (R,).

    ad_overload: ad minutes per hour (30-min window) over the limit.  stall_share: stalled share of presence.
    prize_budget: share of the prize budget spent.  moderation_misses: toxic messages that nobody took down.
    """
    now, rooms = state.ledger.now, state.rooms
    present = np.maximum(now[:, book.PRESENT_S], 1e-9)
    return {
        "ad_overload": np.maximum(2.0 * rooms.load30 - params.ads.load_limit_min_per_h, 0.0),
        "stall_share": now[:, book.STALL_S] / present,
        "prize_budget": 1.0 - rooms.prize_left / np.maximum(rooms.prize_full, 1e-9),
        "moderation_misses": now[:, book.MODERATION_MISSES].copy(),
    }


@allocating_kernel
def observe(s, params, hidden, mask_recommend, mask_ads, mask_interact, mask_operate, out):
    """Fill out[r] with every field of every room, in the order of `fields`; bounds are applied by the caller.

    hidden: (n,) what each number reads where the privacy of the room hides it.
    """
    for r in range(out.shape[0]):
        room, session, flat = s.rooms[r], params.session[r], out[r]
        alive, viewers, decision_s = s.alive[r], s.viewers[r], session.decision_s
        look = look_at(params.analytics[r], room.noise_key, s.ledger.decision[r])
        now_s, highest_mbps = room.tick * session.tick_s, params.ladder[-1] / 1000.0
        present = published_count(look, counts.PRESENT, room.present)
        c = observe_time(session, now_s, room.ticks * session.tick_s, flat, 0)
        c = observe_audience(look, present, room, s.ledger, r, decision_s, flat, c)
        c = observe_network(look, s.ledger, r, decision_s, highest_mbps, flat, c)
        c = observe_edges(s.network, r, flat, c)
        c = observe_quality(look, s.ledger, r, decision_s, s.network.uplink_up[r], highest_mbps, flat, c)
        names = count_waiting(s.waiting[r], params.chat[r], now_s)
        actors = actors_of(look, alive, viewers, room, now_s)
        c = observe_talk(
            look, s.ledger, r, decision_s, now_s, names, actors, params.gifts[r].counted_max, flat, c
        )  # fmt: skip
        c = observe_content(look, present, room, s.items[r], now_s, flat, c)
        c = observe_ads(
            present, room, params.formats[r], params.ads[r].overlay_value, s.luck.base_mix[r], s.order[r],
            s.rank_price[r], market_now(s, r), now_s, flat, c,
        )  # fmt: skip
        offer = pending_offer(room, s.luck.offer_s[r], params.gifts[r].rival_wait_s, now_s)
        intents = count_intents(alive, viewers, room, now_s)
        c = observe_interactions(look, room, s.kinds[r], offer, intents, now_s, flat, c)
        c = observe_levers(room, s.network.cap_rung[r], params.ladder.shape[0], now_s, flat, c)
        c = observe_desk(look, s.ledger, r, decision_s, room, flat, c)
        c = _copy_mask(mask_recommend[r], flat, c)
        c = _copy_mask(mask_ads[r], flat, c)
        c = _copy_mask(mask_interact[r], flat, c)
        _copy_mask(mask_operate[r], flat, c)
        if look.mode == K_ANONYMOUS:
            for n in range(flat.shape[0]):
                if math.isnan(flat[n]):
                    flat[n] = hidden[n]


@kernel
def _copy_mask(mask, out, c):
    for n in range(mask.shape[0]):
        out[c + n] = 1.0 if mask[n] else 0.0
    return c + mask.shape[0]


@kernel
def _ratio(a, b):
    return math.log((a + 0.5) / (b + 0.5))


@kernel
def _covered_s(ledger, r, seconds, decision_s):
    """Return how much time `window` over `seconds` covers so early in a session; one decision at least."""
    return max(min(ledger.decision[r], math.ceil(seconds / decision_s)), 1) * decision_s


@kernel
def observe_time(session, now_s, total_s, out, c):
    """Fill the fields from elapsed_min to is_weekend."""
    out[c] = now_s / 60.0
    out[c + 1] = (total_s - now_s) / 60.0
    day, hour = day_and_hour_now(session.weekday, session.start_hour, now_s)
    turn, is_known = 2.0 * math.pi * hour / 24.0, session.clock > 0.5
    out[c + 2] = math.sin(turn) if is_known else 0.0
    out[c + 3] = math.cos(turn) if is_known else 0.0
    out[c + 4] = 1.0 if is_known and day >= SATURDAY else 0.0
    return c + 5


@allocating_kernel
def observe_audience(look, present, room, ledger, r, decision_s, out, c):
    """Fill the fields from viewers_log to retention. present: concurrent viewers as published."""
    done = ledger.decision[r]
    back = max(done - 1 - round(300.0 / decision_s), 0)
    before = ledger.viewers[r, back] if done > 0 else room.present
    published_before = at_least(
        published_at(look, counts.PRESENT, min(back + 1, done), float(before), 1.0, before), 0.0
    )  # fmt: skip
    last = window(ledger, r, 1.0)
    short = window(ledger, r, 120.0 / decision_s)
    long = window(ledger, r, 300.0 / decision_s)
    glances = short[book.ENTERED] - short[book.STAYED_30S]
    leavers = published_count(look, counts.LEAVERS, max(short[book.LEFT] - glances, 0.0))
    short_s = _covered_s(ledger, r, 120.0, decision_s)
    viewer_s = published(look, counts.VIEWER_2MIN_S, short[book.PRESENT_S], short_s, short[book.PRESENT_S] / short_s)
    seen = at_least(_presence(look, counts.VIEWER_S, last[book.PRESENT_S], decision_s), 1.0)
    out[c] = math.log1p(present)
    out[c + 1] = _ratio(present, published_before)
    out[c + 2] = math.log1p(published_count(look, counts.ENTRIES, last[book.ENTERED]) * 60.0 / decision_s)
    out[c + 3] = leavers / at_least(viewer_s / 60.0, 1.0)
    out[c + 4] = _presence(look, counts.NEWCOMER_S, last[book.NEWCOMER_S], decision_s) / seen
    out[c + 5] = _presence(look, counts.FOLLOWER_S, last[book.FOLLOWER_S], decision_s) / seen
    stayers = published_count(look, counts.STAYERS, long[book.STAYED_30S])
    out[c + 6] = stayers / at_least(published_count(look, counts.ENTRIES_5MIN, long[book.ENTERED]), 1.0)
    return c + 7


@kernel
def _presence(look, name, viewer_s, decision_s):
    """Return what may be said of viewer-seconds in the last decision: those of so many viewers all through it."""
    return published(look, name, viewer_s, decision_s, viewer_s / decision_s)


@allocating_kernel
def observe_network(look, ledger, r, decision_s, highest_mbps, out, c):
    """Fill the fields from stall_share to live_latency_s."""
    last = window(ledger, r, 1.0)
    long = window(ledger, r, 300.0 / decision_s)
    watched_s = last[book.WATCH_S] + last[book.WATCH_AD_S]
    watchers = watched_s / decision_s
    watched = at_least(_presence(look, counts.WATCHED_S, watched_s, decision_s), 1.0)
    stall_s = published(look, counts.STALL_S, last[book.STALL_S], decision_s, last[book.STALLED_VIEWERS])
    out[c] = stall_s / at_least(_presence(look, counts.VIEWER_S, last[book.PRESENT_S], decision_s), 1.0)
    startup_s = published(look, counts.STARTUP_S, long[book.STARTUP_S], STARTUP_MOST_S, long[book.STARTED])
    out[c + 1] = startup_s / at_least(published_count(look, counts.STARTED, long[book.STARTED]), 1.0)
    kbit = published(look, counts.KBIT, last[book.KBIT], 1000.0 * highest_mbps * decision_s, watchers)
    latency = published(look, counts.LATENCY_S, last[book.LATENCY_S], LATENCY_MOST_S * decision_s, watchers)
    out[c + 2] = kbit / watched / 1000.0
    out[c + 3] = latency / watched
    return c + 4


@kernel
def observe_edges(net, r, out, c):
    """Fill the fields from edge_utilisation to edge_share_mbps."""
    n = net.up.shape[1]
    for e in range(n):
        out[c + e] = net.utilisation[r, e]
        out[c + n + e] = 1.0 if net.up[r, e] else 0.0
        out[c + 2 * n + e] = effective_kbps(net, r, e) / 1000.0
        out[c + 3 * n + e] = min(net.level_kbps[r, e] / 1000.0, SHARE_FREE_MBPS)
    return c + 4 * n


@allocating_kernel
def observe_quality(look, ledger, r, decision_s, uplink_up, highest_mbps, out, c):
    """Fill the fields from publish_delay_s to gave_up_share.

    Experience runs from -highest to +highest. Its 10th percentile is that of a tenth of the viewers.
    """
    last = window(ledger, r, 1.0)
    long = window(ledger, r, 300.0 / decision_s)
    seen, judged = last[book.SEEN_VIEWERS], last[book.QOE_S] / decision_s
    weight = at_least(_presence(look, counts.QOE_S, last[book.QOE_S], decision_s), 1e-9)
    published_seen = published_count(look, counts.SEEN, seen)
    tenth = at_least(0.1 * published_seen, 1.0)
    out[c] = last[book.PUBLISH_DELAY_S] / max(last[book.SEGMENTS], 1.0)
    out[c + 1] = 1.0 if uplink_up else 0.0
    out[c + 2] = published(look, counts.QOE_SUM, last[book.QOE_SUM], 2.0 * highest_mbps * decision_s, judged) / weight
    out[c + 3] = published(look, counts.QOE_P10, last[book.QOE_P10], 2.0 * highest_mbps / tenth, 0.1 * seen)
    out[c + 4] = published_count(look, counts.STALLED, last[book.STALLED_VIEWERS]) / at_least(published_seen, 1.0)
    entries = at_least(published_count(look, counts.ENTRIES_5MIN, long[book.ENTERED]), 1.0)
    out[c + 5] = published_count(look, counts.GAVE_UP, long[book.GAVE_UP]) / entries
    return c + 6


class Actors(NamedTuple):
    """Viewers present who wrote in the last 1, 5, 10 min, and who gave in the last 2, 5, 15 min."""

    wrote_1: int
    wrote_5: int
    wrote_10: int
    gave_2: int
    gave_5: int
    gave_15: int


@kernel
def actors_of(look, alive, viewers, room, now_s):
    """Return how many viewers are behind messages and gifts; only k-anonymity asks, else nobody is counted."""
    wrote_1, wrote_5, wrote_10, gave_2, gave_5, gave_15 = 0, 0, 0, 0, 0, 0
    for i in range(room.high if look.mode == K_ANONYMOUS else 0):
        if alive[i]:
            quiet, stingy = now_s - viewers[i].spoke_s, now_s - viewers[i].gave_s
            wrote_1 += quiet <= 60.0
            wrote_5 += quiet <= 300.0
            wrote_10 += quiet <= 600.0
            gave_2 += stingy <= 120.0
            gave_5 += stingy <= 300.0
            gave_15 += stingy <= 900.0
    return Actors(wrote_1, wrote_5, wrote_10, gave_2, gave_5, gave_15)


@allocating_kernel
def observe_talk(look, ledger, r, decision_s, now_s, names, actors, counted_max, out, c):
    """Fill the fields from chat_per_min_log to gift_trend.

    Under noise a gift counts up to `counted_max` credits: what is not bounded cannot be covered.
    """
    minute = window(ledger, r, 60.0 / decision_s)
    two = window(ledger, r, 120.0 / decision_s)
    five = window(ledger, r, 300.0 / decision_s)
    ten = window(ledger, r, 600.0 / decision_s)
    quarter = window(ledger, r, 900.0 / decision_s)
    elapsed = max(now_s, decision_s) / 60.0
    per_min = _acts(look, counts.MESSAGES, minute[book.MESSAGES], actors.wrote_1) / min(1.0, elapsed)
    before = _acts(look, counts.MESSAGES_10MIN, ten[book.MESSAGES], actors.wrote_10) / min(10.0, elapsed)
    messages = at_least(_acts(look, counts.MESSAGES_5MIN, five[book.MESSAGES], actors.wrote_5), 1.0)
    credits = five[book.GIFT_COUNTED] if look.mode == LAPLACE else five[book.GIFT_CREDITS]
    given = at_least(published(look, counts.GIFT_CREDITS, credits, counted_max, actors.gave_5), 0.0)
    gifts = _acts(look, counts.GIFTS, two[book.GIFTS], actors.gave_2) / min(2.0, elapsed)
    gifts_before = _acts(look, counts.GIFTS_15MIN, quarter[book.GIFTS], actors.gave_15) / min(15.0, elapsed)
    out[c] = math.log1p(per_min)
    out[c + 1] = _ratio(per_min, before)
    out[c + 2] = published(look, counts.SENTIMENT_SUM, five[book.SENTIMENT_SUM], 1.0, actors.wrote_5) / messages
    out[c + 3] = math.log1p(names)
    out[c + 4] = math.log1p(given / min(5.0, elapsed))
    out[c + 5] = _ratio(gifts, gifts_before)
    return c + 6


@kernel
def _acts(look, name, acts, viewers):
    """Return what may be said of a number of acts by so many viewers: never below 0."""
    return at_least(published(look, name, acts, 1.0, viewers), 0.0)


@kernel
def observe_content(look, present, room, items, now_s, out, c):
    """Fill the fields from item to item_price_log. present: concurrent viewers as published."""
    n = items.shape[0]
    out[c + n] = (now_s - room.item_start_s) / 60.0
    out[c + n + 1] = max(room.item_end_s - now_s, 0.0) / 60.0
    first = c + n + 2
    for k in range(n):
        item = items[k]
        out[c + k] = 1.0 if k == room.on_item else 0.0
        since = 0.0 if k == room.on_item else (now_s - item.last_shown_s) / 60.0
        out[first + k] = min(since, NEVER_MIN)
        out[first + n + k] = item.shown_s / 60.0
        out[first + 2 * n + k] = 3.0 * math.tanh(estimated_fit(look, present, room, item))
        out[first + 3 * n + k] = click_rate(look, item, k) if item.is_product else 0.0
        out[first + 4 * n + k] = item.stock / max(item.stock_full, 1.0)
        out[first + 5 * n + k] = item.is_product
        out[first + 6 * n + k] = math.log1p(item.price)
    return first + 7 * n


@kernel
def estimated_fit(look, present, room, item):
    """Return the estimated liking of an item by those present, in units of ten minutes of usual activity.

    Read from the profile store, which notes acts along topics with a weight of 1 at most.
    """
    fit = 0.0
    for d in range(item.topics.shape[0]):
        evidence = published(look, counts.TOPIC + d, room.evidence_sum[d], 1.0, room.present)
        fit += item.topics[d] * (evidence / at_least(present, 1.0) - room.evidence_base[d])
    return fit / (max(room.usual, 1e-6) * 600.0)


@kernel
def click_rate(look, item, k):
    """Return clicks per viewer-minute of item k; hidden, clicks count as viewers, as few click twice."""
    clicks = published_count(look, counts.ITEM_CLICKS + k, item.clicks)
    watchers = item.viewer_s / max(item.shown_s, 1.0)
    viewer_s = published(look, counts.ITEM_VIEWER_S + k, item.viewer_s, item.shown_s, watchers)
    return clicks / at_least(viewer_s / 60.0, 10.0)


@kernel
def observe_ads(present, room, formats, overlay_value, mix, order, rank_price, market, now_s, out, c):
    """Fill the fields from ad_playing to break_value_log. present: concurrent viewers as published.

    The quote is the price of the first rank in each segment, weighted by the population: what an exchange shows.
    """
    n = formats.shape[0]
    quote, before = 0.0, 0.0
    for s in range(order.shape[0]):
        if order[s, 0] >= 0:
            quote += (mix[s] - before) * rank_price[s, 0]
        before = mix[s]
    for f in range(n):
        out[c + f] = 1.0 if room.ad == f else 0.0
        value = overlay_value if formats[f].overlay > 0.0 else formats[f].creatives
        out[c + n + 4 + f] = math.log1p(quote * value * present)
    out[c + n] = room.load30
    out[c + n + 1] = 0.0 if room.ad >= 0 else min((now_s - room.ad_end_s) / 60.0, AD_NEVER_MIN)
    out[c + n + 2] = max(room.credit_until_s - now_s, 0.0) / 60.0
    out[c + n + 3] = market
    return c + 2 * n + 4


@kernel
def observe_levers(room, cap_rung, rungs, now_s, out, c):
    """Fill the fields from bitrate_cap to strictness."""
    out[c] = cap_rung / max(rungs - 1.0, 1.0)
    out[c + 1] = room.capacity_level
    out[c + 2] = room.rented
    out[c + 3] = max(room.capacity_ready_s - now_s, 0.0)
    out[c + 4] = room.desk_servers
    out[c + 5] = room.staff_level
    out[c + 6] = room.strictness
    return c + 7


@allocating_kernel
def observe_desk(look, ledger, r, decision_s, room, out, c):
    """Fill the fields from desk_queue_log to appeals_per_min_log."""
    two = window(ledger, r, 120.0 / decision_s)
    five = window(ledger, r, 300.0 / decision_s)
    minutes = 5.0
    out[c] = math.log1p(room.desk_waiting)
    out[c + 1] = two[book.DESK_BUSY_S] / (120.0 * max(room.desk_servers, 1))
    out[c + 2] = five[book.DESK_WAIT_S] / max(five[book.DESK_ANSWERED] + five[book.DESK_LATE], 1.0)
    out[c + 3] = five[book.DESK_LATE] / max(five[book.DESK_JOBS], 1.0)
    out[c + 4] = math.log1p(published_count(look, counts.FLAGGED, five[book.FLAGGED]) / minutes)
    out[c + 5] = math.log1p(published_count(look, counts.APPEALS, five[book.FALSE_REMOVALS]) / minutes)
    return c + 6


@kernel
def count_intents(alive, viewers, room, now_s):
    """Return how many viewers clicked in the last ten minutes and have not ordered."""
    intents = 0
    for i in range(room.high):
        if alive[i] and viewers[i].intent_until_s > now_s:
            intents += 1
    return intents


@kernel
def observe_interactions(look, room, uses, offer, intents, now_s, out, c):
    """Fill the fields from interaction_open to quiz_score.

    A finished use is published once: its noise is named by its number, not by the decision.
    """
    n = uses.shape[0]
    out[c + n] = max(room.close_s - now_s, 0.0) if room.kind >= 0 else 0.0
    first = c + n + 1
    for j in range(n):
        out[c + j] = 1.0 if room.kind == j else 0.0
        out[first + j] = max(uses[j].cooldown_until_s - now_s, 0.0)
        out[first + n + j] = min((now_s - uses[j].last_use_s) / 60.0, NEVER_MIN)
        out[first + 2 * n + j] = uses[j].uses
    first += 3 * n
    took_part = published_at(look, counts.PARTICIPANTS, room.use, float(room.took_part), 1.0, room.took_part)
    asked = published_at(look, counts.ASKED, room.use, float(room.asked), 1.0, room.asked)
    out[first] = 1.0 if offer >= 0 else 0.0
    out[first + 1] = math.log1p(published_count(look, counts.INTENTS, intents))
    out[first + 2] = room.prize_left / max(room.prize_full, 1e-9)
    out[first + 3] = (now_s - room.rested_s) / 60.0
    out[first + 4] = took_part / at_least(asked, 1.0)
    right = published_at(look, counts.QUIZ_RIGHT, room.quiz_use, room.quiz_right, 1.0, room.quiz_took)
    answered = published_at(look, counts.QUIZ_TOOK, room.quiz_use, float(room.quiz_took), 1.0, room.quiz_took)
    out[first + 5] = right / at_least(answered, 1.0)
    return first + 6
