"""What happened in each room since the last decision, and since the session began.

The ledger is the only source of rewards, events and costs. A column is a count or a sum of things that happened to
individual viewers; nothing in it is re-derived.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from livesim.journal import ENTRY
from livesim.table import Table

COLUMNS = (
    "entered", "left", "present_s", "watch_s", "stall_s", "startup_s", "started", "gave_up", "kbit", "quality_s",
    "latency_s", "messages", "messages_expected", "questions", "toxic", "gifts", "gift_credits", "gift_expected",
    "gift_counted", "gift_items", "clicks", "orders", "order_credits", "order_margin", "order_expected",
    "ad_impressions", "ad_completed", "ad_revenue", "ad_expected", "ad_clicks", "ad_conversions", "ad_s",
    "preroll_impressions", "preroll_completed", "follows", "follows_expected", "return_expected", "complaints",
    "complaints_expected", "prizes", "shares", "masked_actions", "entered_feed", "entered_follower",
    "entered_search", "entered_clip", "entered_raid", "stayed_30s", "participants", "skips", "watch_ad_s",
    "ad_slots", "newcomer_s", "follower_s", "sentiment_sum", "named", "return_realised",
    "operations",
    "throttled", "flagged", "removed", "false_removals", "moderation_misses", "desk_jobs", "desk_answered", "desk_late",
    "desk_wait_s", "desk_busy_s", "desk_queue_s", "segments", "publish_delay_s",
    "downloads", "download_s", "abandoned", "origin_misses", "switch_mbps", "qoe_sum", "qoe_live_sum", "qoe_s",
    "qoe_p10", "stalled_viewers", "seen_viewers", "learned",
)  # fmt: skip
INDEX = {name: i for i, name in enumerate(COLUMNS)}
EVENTS = (
    "entered", "left", "watch_s", "stall_s", "messages", "gifts", "gift_credits", "clicks", "orders",
    "ad_impressions", "ad_revenue", "follows", "masked_actions", "present_s", "startup_s", "started", "gave_up",
    "gift_items", "order_credits", "ad_completed", "ad_clicks", "ad_conversions", "ad_s", "preroll_impressions",
    "complaints", "shares", "participants", "questions", "named", "prizes", "operations", "skips", "toxic", "throttled",
    "flagged", "removed", "false_removals", "moderation_misses", "desk_jobs", "desk_answered", "desk_late",
    "learned",
)  # fmt: skip

# Column numbers for kernels, which see globals as constants.
(
    ENTERED, LEFT, PRESENT_S, WATCH_S, STALL_S, STARTUP_S, STARTED, GAVE_UP, KBIT, QUALITY_S,
    LATENCY_S, MESSAGES, MESSAGES_EXPECTED, QUESTIONS, TOXIC, GIFTS, GIFT_CREDITS, GIFT_EXPECTED,
    GIFT_COUNTED, GIFT_ITEMS, CLICKS, ORDERS, ORDER_CREDITS, ORDER_MARGIN, ORDER_EXPECTED, AD_IMPRESSIONS,
    AD_COMPLETED, AD_REVENUE, AD_EXPECTED, AD_CLICKS, AD_CONVERSIONS, AD_S, PREROLL_IMPRESSIONS,
    PREROLL_COMPLETED, FOLLOWS, FOLLOWS_EXPECTED, RETURN_EXPECTED, COMPLAINTS, COMPLAINTS_EXPECTED,
    PRIZES, SHARES, MASKED_ACTIONS, ENTERED_FEED, ENTERED_FOLLOWER, ENTERED_SEARCH, ENTERED_CLIP,
    ENTERED_RAID, STAYED_30S, PARTICIPANTS, SKIPS, WATCH_AD_S, AD_SLOTS,
    NEWCOMER_S, FOLLOWER_S, SENTIMENT_SUM, NAMED, RETURN_REALISED,
    OPERATIONS,
    THROTTLED, FLAGGED, REMOVED, FALSE_REMOVALS, MODERATION_MISSES, DESK_JOBS, DESK_ANSWERED, DESK_LATE,
    DESK_WAIT_S, DESK_BUSY_S, DESK_QUEUE_S, SEGMENTS, PUBLISH_DELAY_S,
    DOWNLOADS, DOWNLOAD_S, ABANDONED, ORIGIN_MISSES, SWITCH_MBPS, QOE_SUM, QOE_LIVE_SUM, QOE_S,
    QOE_P10, STALLED_VIEWERS, SEEN_VIEWERS, LEARNED,
) = range(len(COLUMNS))  # fmt: skip

JOURNAL_KINDS = (
    "enter", "leave", "follow", "message", "gift", "click", "order", "ad_start", "ad_complete", "ad_click", "share",
    "complaint", "participate", "return", "show", "creative",
)  # fmt: skip
(
    J_ENTER, J_LEAVE, J_FOLLOW, J_MESSAGE, J_GIFT, J_CLICK, J_ORDER, J_AD_START, J_AD_COMPLETE, J_AD_CLICK, J_SHARE,
    J_COMPLAINT, J_PARTICIPATE, J_RETURN, J_SHOW, J_CREATIVE,
) = range(len(JOURNAL_KINDS))  # fmt: skip


class Ledger(NamedTuple):
    """`now` holds the sums since the last decision, `history` one row per finished decision."""

    now: np.ndarray  # (R, columns) float64
    history: np.ndarray  # (R, decisions, columns) float64
    viewers: np.ndarray  # (R, decisions) int64, present at the end of each decision
    on: np.ndarray  # (R, decisions, 3) int8: item at its end, ad format and interaction kind last in it; -1 none
    decision: np.ndarray  # (R,) int64, decisions finished
    journal: Table  # (R, entries) individual events, for tests and export


def allocate(rooms: int, decisions: int, journal: int = 0) -> Ledger:
    """Return an empty ledger. journal: how many individual events to keep per room (0: none)."""
    return Ledger(
        now=np.zeros((rooms, len(COLUMNS))),
        history=np.zeros((rooms, decisions, len(COLUMNS))),
        viewers=np.zeros((rooms, decisions), np.int64),
        on=np.full((rooms, decisions, 3), -1, np.int8),
        decision=np.zeros(rooms, np.int64),
        journal=np.zeros((rooms, journal), dtype=np.dtype(ENTRY, align=True)).view(Table),
    )
