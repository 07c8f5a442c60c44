"""The numbers about viewers that analytics publishes: a name each, which says what noise they carry.

A ratio may share a number with another one and then shares its noise. TOPIC and the two of items are followed by an
index.
"""

from __future__ import annotations

(
    PRESENT, ENTRIES, LEAVERS, VIEWER_S, VIEWER_2MIN_S, NEWCOMER_S, FOLLOWER_S, STAYERS, ENTRIES_5MIN, STALL_S,
    STARTUP_S, STARTED, KBIT, LATENCY_S, WATCHED_S, QOE_SUM, QOE_S, QOE_P10, STALLED, SEEN, GAVE_UP, MESSAGES,
    MESSAGES_10MIN, SENTIMENT_SUM, MESSAGES_5MIN, GIFT_CREDITS, GIFTS, GIFTS_15MIN, INTENTS, PARTICIPANTS, ASKED,
    FLAGGED, APPEALS, QUIZ_RIGHT, QUIZ_TOOK,
) = range(35)  # fmt: skip
TOPIC, ITEM_CLICKS, ITEM_VIEWER_S = 1000, 2000, 3000
