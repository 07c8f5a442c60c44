"""The fields of viewers, items and rooms that content and shopping own."""

from __future__ import annotations

from livesim.audience.state import DEPTH
from livesim.content.config import ITEMS, KNOTS

VIEWER = [
    ("known", "f4"),  # share of what the lessons teach that this viewer has understood
    ("asked", "f4"),  # what of it a quiz has asked for already
    ("wtp", "f4"),  # willingness to pay over the reference price
    ("click_left", "f4"),  # thresholds left on the viewer's clocks
    ("order_left", "f4"),
    ("seen_ds", "u2", (ITEMS,)),  # tenths of a second seen of each product, in all showings
    ("intent_until_s", "f4"),
    ("intent_rate", "f4"),  # order hazard while the intent lasts, 1/s
    ("click_count", "u2"),
    ("order_count", "u2"),
    ("intent_item", "i1"),
]
ITEM = [
    ("topics", "f4", (DEPTH,)),  # what is on screen, unit length
    ("knots", "f4", (KNOTS,)),  # highlight profile
    ("appeal", "f8"),  # standardised match gained from quality
    ("length_s", "f8"),
    ("price", "f8"),
    ("reference", "f8"),
    ("margin", "f8"),
    ("is_product", "u1"),
    ("is_lesson", "u1"),
    ("stock", "f8"),
    ("stock_full", "f8"),
    ("shown_s", "f8"),  # time on screen so far
    ("wear", "f8"),  # how routine it has become, 0-1; of an item off screen: when it was taken off
    ("last_shown_s", "f8"),  # end of the last showing; NEVER before
    ("boredom_end", "f8"),  # boredom of those who saw all of it when it was last taken off
    ("clicks", "f8"),
    ("viewer_s", "f8"),  # viewer-seconds on screen
]
ROOM = [
    ("on_item", "i8"),  # on screen
    ("item_serial", "i8"),  # showings so far
    ("item_start_s", "f8"),
    ("item_end_s", "f8"),
    ("hold", "u1"),  # the item restarts when it would end
    ("carried", "f8"),  # boredom, when the item last began, of those who know it
    ("carried_before_s", "f8"),  # who entered before this knows it
    ("match_mean", "f8"),  # standardisation of raw match
    ("match_sd", "f8"),
]
NEVER = -1e18
